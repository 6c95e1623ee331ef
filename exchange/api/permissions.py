"""What an access token was issued for. What an account may do with data is decided by its agreements, in the services."""

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission


class HasScope(BasePermission):
    """A token needs one of the view's `scopes`; a person who signed in has no token and needs none."""

    message = _("The access token was not issued for this. Fetch one with the scope that is needed.")
    code = "insufficient-scope"

    def has_permission(self, request, view) -> bool:
        if not request.user.is_authenticated:
            return False
        return request.auth is None or any(request.auth.allow_scopes([scope]) for scope in view.scopes)
