"""The shell of the portal: it has no models and no rules."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    name = "ndc_portal"
    verbose_name = _("NDC Portal")


class PortalAdminConfig(AdminConfig):
    default_site = "ndc_portal.admin_site.PortalAdminSite"
