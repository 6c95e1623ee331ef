"""What a person looks after; for approvers and operators also what nobody can decide about."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from registry.choices import Role
from registry.models import Stewardship
from registry.permissions import has_role
from registry.services import deciders, imports, waiting
from registry.views.lists import PER_PAGE, PagedListView


@method_decorator(never_cache, name="dispatch")
class StewardshipView(LoginRequiredMixin, PagedListView):
    template_name = "registry/stewardship.html"
    context_object_name = "stewardships"

    def get_queryset(self) -> QuerySet[Stewardship]:
        mine = Stewardship.objects.today().filter(user=self.request.user)
        return mine.select_related("database", "dataset", "taken_over_from__user", "taken_over_from__agency")

    def get_context_data(self, **kwargs) -> dict:
        orphans = deciders.undecided_for(self.request.user)
        if orphans is not None:
            orphans = Paginator(orphans, PER_PAGE).get_page(self.request.GET.get("orphans"))
        may_assign = has_role(self.request.user, Role.OPERATOR)
        waits = waiting.for_person(self.request.user)
        may_import = imports.can_import(self.request.user)
        return super().get_context_data(
            orphans=orphans, may_assign=may_assign, may_import=may_import, waits=waits, **kwargs
        )
