"""The admin site: where owners decide, operators connect databases and auditors read."""

from django.contrib.admin import AdminSite
from django.db.models.base import ModelBase
from django.utils.translation import gettext_lazy as _

HIDDEN_APPS = {"oauth2_provider"}


class PortalAdminSite(AdminSite):
    site_header = _("NDC Portal – administration")
    site_title = _("NDC Portal")
    index_title = _("Administration")
    enable_nav_sidebar = True

    def register(self, model_or_iterable, admin_class=None, **options):
        """Leave out the tables of tokens and client secrets: nobody has to see one, so no page shows them."""
        models = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        shown = [model for model in models if model._meta.app_label not in HIDDEN_APPS]
        super().register(shown, admin_class, **options)
