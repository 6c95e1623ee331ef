"""Decision letters, for the agency that wrote them."""

import json

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from exchange.admin.access import DeskAdmin, agencies_of_desk
from exchange.models import Letter
from exchange.states import Side
from exchange.views.letters import pdf_response


@admin.register(Letter)
class LetterAdmin(DeskAdmin):
    list_display = ["notation", "shown_agency", "shown_case", "issued_at"]
    list_filter = ["issued_at"]
    list_select_related = ["agency", "case__request", "case__provider"]
    search_fields = ["case__request__code", "=content_hash", "=copies__sha256"]
    autocomplete_fields = []
    fields = ["notation", "shown_agency", "shown_case", "issued_at", "text", "content_hash"]
    readonly_fields = fields
    change_form_template = "admin/exchange/letter/change_form.html"

    def scoped(self, queryset, user):
        """Those of the own agency, and the certificates that were sent to it."""
        agencies = agencies_of_desk(user).values("pk")
        return queryset.filter(Q(agency__in=agencies) | Q(certificate__agreement__provider__in=agencies))

    def get_urls(self):
        page = self.admin_site.admin_view(require_POST(self.pdf_view))
        return [path("<path:object_id>/pdf/", page, name="exchange_letter_pdf"), *super().get_urls()]

    def pdf_view(self, request, object_id):
        """The letter as a file. Each download is put on record, so it is a POST."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return pdf_response(request, self.get_object(request, object_id), Side.PROVIDER)

    @admin.display(description=_("number and notation"), ordering="number")
    def notation(self, letter):
        return letter.notation

    @admin.display(description=_("agency"), ordering="agency")
    def shown_agency(self, letter):
        return letter.agency

    @admin.display(description=_("review case"), ordering="case")
    def shown_case(self, letter):
        return letter.case

    @admin.display(description=_("content"))
    def text(self, letter):
        return format_html("<pre>{}</pre>", json.dumps(json.loads(letter.content), ensure_ascii=False, indent=2))
