"""Model permissions from the roles that a person holds today."""

from django.contrib.auth.backends import BaseBackend
from django.utils import timezone

from registry.permissions import roles_of
from registry.roles import ROLE_PERMISSIONS


class RoleBackend(BaseBackend):
    """Answers the admin's permission checks from memberships; it knows nothing of single objects.

    The answer is kept on the user object, which lives as long as a request: an ended membership ends with the next one.
    """

    def get_user_permissions(self, user_obj, obj=None) -> set[str]:
        if obj is not None or not user_obj.is_active or user_obj.is_anonymous:
            return set()
        today = timezone.localdate()
        kept = getattr(user_obj, "_role_permissions", None)
        if kept is None or kept[0] != today:
            granted = {permission for role in roles_of(user_obj) for permission in ROLE_PERMISSIONS[role]}
            kept = user_obj._role_permissions = (today, granted)
        return set(kept[1])

    def has_module_perms(self, user_obj, app_label: str) -> bool:
        return any(permission.startswith(f"{app_label}.") for permission in self.get_all_permissions(user_obj))
