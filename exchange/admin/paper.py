"""What agencies recorded of exchanges by letter, version by version, for operators and auditors."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from exchange.models import PaperExchange
from registry.admin.base import ReadOnlyAdmin


@admin.register(PaperExchange)
class PaperExchangeAdmin(ReadOnlyAdmin):
    list_display = ["letter_number", "letter_day", "agency", "direction", "shown_other", "dataset", "reason", "version"]
    list_filter = ["direction", "reason", "letter_day", ("corrected_at", admin.EmptyFieldListFilter)]
    list_select_related = ["agency", "other", "dataset"]
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["letter_number", "agency__code", "dataset__code"]
    search_help_text = _("Letter number, code of the agency, or code of the dataset.")
    autocomplete_fields = []
    readonly_fields = [field.name for field in PaperExchange._meta.fields]

    @admin.display(description=_("other agency"))
    def shown_other(self, exchange):
        return exchange.other_side
