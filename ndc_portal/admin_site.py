"""The admin site: where owners decide, operators connect databases and auditors read."""

from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class PortalAdminSite(AdminSite):
    site_header = _("NDC Portal – administration")
    site_title = _("NDC Portal")
    index_title = _("Administration")
    enable_nav_sidebar = True
