"""Decision letters, to read and to print. What a letter says stands in its frozen text; here it is put into words."""

import json
from datetime import date

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.generic import DetailView

from exchange import summary
from exchange.choices import Verdict
from exchange.models import ExchangeRequest, Letter
from exchange.scope import Scope, canonical
from exchange.views.base import PageMixin
from registry.models import Agency, Dataset, LegalInstrument

VERDICTS = {
    Verdict.APPROVE: _("Granted as stated below"),
    Verdict.REJECT: _("Rejected"),
}
# The day of an official letter is written out, in Viet Nam with two digits where it could be changed by adding one.
DAYS = {"vi": r"\n\gà\y d \t\há\n\g m \nă\m Y", "en": "j F Y"}


class LetterDetailView(PageMixin, DetailView):
    model = Letter
    slug_field = slug_url_kwarg = "public_id"
    context_object_name = "letter"
    template_name = "exchange/letter_detail.html"

    def get_queryset(self):
        seen = ExchangeRequest.objects.visible_to(self.request.user)
        return Letter.objects.filter(case__request__in=seen).select_related(
            "agency__parent", "case__request__consumer", "case__request__dataset__database__owner"
        )

    def get_context_data(self, **kwargs) -> dict:
        letter = self.object
        content = json.loads(letter.content)
        dataset = letter.case.request.dataset
        fields, lines = [], []
        if "scope" in content:
            fields, lines = summary.of_scope(Scope.from_text(canonical(content["scope"])), dataset)
        left_out = _left_out(content.get("left_out", {}), dataset)
        return super().get_context_data(
            exchange_request=letter.case.request,
            content=content,
            verdict=_("Offer to share in part") if left_out else VERDICTS.get(content["verdict"], ""),
            day=date_format(timezone.localtime(letter.issued_at), DAYS.get(get_language(), DAYS["en"])),
            deciders=_deciders(content.get("decided_by", [])),
            fields=fields,
            lines=lines,
            left_out=left_out,
            standing=_standing(content.get("standing")),
            legal_basis=_instrument(content.get("legal_basis")),
            sharing_basis=_instrument(content.get("sharing_basis")),
            **kwargs,
        )


def _instrument(number: str | None) -> LegalInstrument | None:
    return LegalInstrument.objects.filter(number=number).first() if number else None


def _standing(standing: dict | None) -> str:
    """Under which decision it was granted, where nobody had to decide anew."""
    if not standing:
        return ""
    day = date_format(date.fromisoformat(standing["decided_on"]), "SHORT_DATE_FORMAT")
    return _("Standing permission, decided on %(day)s for every request that lies wholly inside it") % {"day": day}


def _left_out(left_out: dict, dataset: Dataset) -> list[str]:
    """What was asked for and is not offered, one sentence for each thing."""
    known = summary.fields_of(dataset)
    sentences = [
        _("Not given: %(field)s") % {"field": f"{known[name].title} ({name})" if name in known else name}
        for name in left_out.get("fields", [])
    ]
    if "row_limit" in left_out:
        rows = number_format(left_out["row_limit"], force_grouping=True)
        sentences.append(_("Fewer rows: %(rows)s were asked for") % {"rows": rows})
    if "period_to" in left_out:
        day = date_format(date.fromisoformat(left_out["period_to"]), "SHORT_DATE_FORMAT")
        sentences.append(_("A shorter time: use until %(day)s was asked for") % {"day": day})
    return sentences


def _deciders(decided_by: list[dict]) -> list[str]:
    """Offices, not names: the letter is the agency's."""
    agencies = {
        agency.code: agency.name for agency in Agency.objects.filter(code__in=[d["agency"] for d in decided_by])
    }
    return [_office(decider, agencies.get(decider["agency"], decider["agency"])) for decider in decided_by]


def _office(decider: dict, agency: str) -> str:
    office = ", ".join(filter(None, [decider["position"], agency]))
    if "in_place_of" not in decider:
        return office
    delegator = decider["in_place_of"] or _("the approver")
    return _("%(office)s, in the place of: %(delegator)s") % {"office": office, "delegator": delegator}
