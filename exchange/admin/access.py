"""Whose rows a data owner's desk shows: those of the agencies a person serves, by a role or under a delegation."""

from django.db.models import QuerySet

from registry.admin.base import ReadOnlyAdmin
from registry.models import Agency, Delegation, Membership, User
from registry.roles import agencies_served


def delegated_agencies(user: User) -> QuerySet[Agency]:
    """The agencies in which the person works and today decides in an approver's place."""
    if not user.is_authenticated:
        return Agency.objects.none()
    works_in = Membership.objects.today().filter(user=user).values("agency")
    delegated = Delegation.objects.today().filter(delegate=user, agency__in=works_in).values("agency")
    return Agency.objects.filter(pk__in=delegated)


def agencies_of_desk(user: User) -> QuerySet[Agency]:
    return agencies_served(user) | delegated_agencies(user)


class DeskAdmin(ReadOnlyAdmin):
    """Rows of a data owner's desk. A delegate may hold none of its roles, so the delegation opens the page."""

    def has_view_permission(self, request, obj=None):
        return super().has_view_permission(request, obj) or self._is_delegate(request)

    def has_module_permission(self, request):
        return super().has_module_permission(request) or self._is_delegate(request)

    def _is_delegate(self, request) -> bool:
        if not hasattr(request, "_is_delegate"):
            request._is_delegate = delegated_agencies(request.user).exists()
        return request._is_delegate
