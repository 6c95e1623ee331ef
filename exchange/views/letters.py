"""Decision letters, to read and to print."""

import json

from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView

from exchange import summary
from exchange.choices import Verdict
from exchange.models import ExchangeRequest, Letter
from exchange.scope import Scope, canonical
from exchange.views.base import PageMixin
from registry.models import LegalInstrument

VERDICTS = {
    Verdict.APPROVE: _("Granted as stated below"),
    Verdict.REJECT: _("Rejected"),
}


class LetterDetailView(PageMixin, DetailView):
    model = Letter
    slug_field = slug_url_kwarg = "public_id"
    context_object_name = "letter"
    template_name = "exchange/letter_detail.html"

    def get_queryset(self):
        seen = ExchangeRequest.objects.visible_to(self.request.user)
        return Letter.objects.filter(case__request__in=seen).select_related(
            "agency", "case__request__consumer", "case__request__dataset__database__owner"
        )

    def get_context_data(self, **kwargs) -> dict:
        letter = self.object
        content = json.loads(letter.content)
        dataset = letter.case.request.dataset
        fields, lines = [], []
        if "scope" in content:
            fields, lines = summary.of_scope(Scope.from_text(canonical(content["scope"])), dataset)
        return super().get_context_data(
            exchange_request=letter.case.request,
            content=content,
            verdict=VERDICTS.get(content["verdict"], ""),
            fields=fields,
            lines=lines,
            legal_basis=LegalInstrument.objects.filter(number=content.get("legal_basis", "")).first(),
            **kwargs,
        )
