"""The admin site: where owners decide, operators connect databases and auditors read."""

from django.contrib.admin import AdminSite
from django.db.models.base import ModelBase
from django.utils.translation import gettext_lazy as _

from registry.names import vietnamese_key

HIDDEN_APPS = {"oauth2_provider"}
# By what people come for, not by where the code lies; what is named nowhere stays with its app.
SECTIONS = (
    (
        _("Requests and agreements"),
        {
            "Advice",
            "Agreement",
            "Decision",
            "Delivery",
            "ExchangeRequest",
            "Letter",
            "Lookup",
            "LookupRate",
            "LookupUsage",
            "PaperExchange",
            "RequestTemplate",
            "ReviewCase",
            "SharingPolicy",
        },
    ),
    (
        _("Catalogue"),
        {
            "Database",
            "Dataset",
            "DatasetProfile",
            "Field",
            "FieldProfile",
            "FieldSuggestion",
            "MetadataImport",
            "SearchSynonym",
        },
    ),
    (_("Sources"), {"Connection", "SchemaChange", "SchemaSnapshot", "StructureWatch"}),
    (_("Agencies and people"), {"Agency", "AgencyMove", "Delegation", "Membership", "Stewardship", "User"}),
    (_("Laws, places and deadlines"), {"AdministrativeUnit", "CalendarDay", "DeadlineProfile", "LegalInstrument"}),
    (
        _("What happened"),
        {"AccessAttempt", "AccessFailureLog", "Entry", "Notice", "RegistryChange", "SavedSearch", "Subscription"},
    ),
)


class PortalAdminSite(AdminSite):
    site_header = _("NDC Portal – administration")
    site_title = _("NDC Portal")
    index_title = _("Administration")
    enable_nav_sidebar = False  # thirty entries beside every list would leave it half the page

    def register(self, model_or_iterable, admin_class=None, **options):
        """Leave out the tables of tokens and client secrets: nobody has to see one, so no page shows them."""
        models = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else model_or_iterable
        shown = [model for model in models if model._meta.app_label not in HIDDEN_APPS]
        super().register(shown, admin_class, **options)

    def get_app_list(self, request, app_label=None):
        """In sections, and in each by name as Vietnamese readers expect; the page of one app has that app alone."""
        apps = super().get_app_list(request, app_label)
        if app_label is None:
            apps = _in_sections(apps)
        for app in apps:
            app["models"].sort(key=lambda model: vietnamese_key(str(model["name"])))
        return apps


def _in_sections(apps: list[dict]) -> list[dict]:
    everything = [(app, model) for app in apps for model in app["models"]]
    named = set().union(*(names for _title, names in SECTIONS))
    found = []
    for title, names in SECTIONS:
        inside = [(app, model) for app, model in everything if model["object_name"] in names]
        if inside:
            first = inside[0][0]
            found.append({**first, "name": title, "models": [model for _app, model in inside]})
    for app in apps:
        left = [model for model in app["models"] if model["object_name"] not in named]
        if left:
            found.append({**app, "models": left})
    return found
