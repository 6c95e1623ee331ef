"""Failed sign-ins in the admin, for those who look after the portal: to be read, and nothing else of django-axes."""

import axes.admin  # noqa: F401 - registers its own pages, which are replaced here
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from registry.choices import Role
from registry.permissions import has_role

apps.get_app_config("axes").verbose_name = _("Sign-ins")
admin.site.unregister([AccessAttempt, AccessFailureLog, AccessLog])


class SignInAdmin(admin.ModelAdmin):
    list_filter = ["attempt_time"]
    list_select_related = False
    search_fields = ["=username", "=ip_address"]
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    def has_view_permission(self, request, obj=None):
        return super().has_view_permission(request, obj) or has_role(request.user, Role.OPERATOR)

    def has_module_permission(self, request):
        return super().has_module_permission(request) or has_role(request.user, Role.OPERATOR)

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(AccessAttempt)
class AccessAttemptAdmin(SignInAdmin):
    """No form data: it is of no use to an operator, and may hold what somebody typed into the wrong field."""

    fields = ["attempt_time", "username", "ip_address", "path_info", "user_agent", "failures_since_start"]
    readonly_fields = fields
    list_display = ["attempt_time", "username", "ip_address", "failures_since_start"]
    autocomplete_fields = []


@admin.register(AccessFailureLog)
class AccessFailureLogAdmin(SignInAdmin):
    fields = ["attempt_time", "username", "ip_address", "path_info", "user_agent", "locked_out"]
    readonly_fields = fields
    list_display = ["attempt_time", "username", "ip_address", "locked_out"]
    autocomplete_fields = []
