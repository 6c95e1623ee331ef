"""What stands on a printed letter, ready for the layout in letter.typ. Decree 30/2020/ND-CP says what has to be there."""

import io

import segno
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from exchange import check_codes
from exchange.letter_text import Kind, LetterText, Office, text_of
from exchange.models import Letter
from exchange.summary import Line

# The decree's own words, with its spelling and its hyphens.
STATE = {"vi": "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "en": "SOCIALIST REPUBLIC OF VIET NAM"}
MOTTO = {"vi": "Độc lập - Tự do - Hạnh phúc", "en": "Independence - Freedom - Happiness"}
REGIONS = {"vi": "VN", "en": "GB"}


def paper_of(letter: Letter, base: str) -> dict:
    """The letter in the current language, as plain texts; `base` is the portal's own address."""
    text, language = text_of(letter), get_language()
    names = {"agency": text.agency, "consumer": text.consumer, "dataset": text.dataset, "code": text.request}
    return {
        "language": language,
        "region": REGIONS[language],
        "title": _title(text) % {"number": text.notation},
        "translation": "" if language == "vi" else _("Translation for information. The Vietnamese letter counts."),
        "agency": text.agency,
        "superior": text.superior,
        "state": STATE[language],
        "motto": MOTTO[language],
        "number_label": _("Number:"),
        "notation": text.notation,
        "subject": _subject(text) % names,
        "place_and_day": f"{text.seat}, {text.day}" if text.seat else _("NDC Portal, %(day)s") % {"day": text.day},
        "to_label": _("To:"),
        "consumer": text.consumer,
        "opening": _opening(text) % {**names, "number": text.your_letter, "subject": text.subject},
        "decision": _decision(text) % names,
        "facts": _facts(text),
        "left_out_heading": _("What was received") if text.received else _("What was left out"),
        "left_out": [*text.left_out, *text.received],
        "fields_heading": _("What is offered") if text.kind == Kind.OFFERED else _("What is granted"),
        "columns": [_("Row number"), _("Field"), _("Personal data"), _("Given")],
        "fields": [
            {
                "title": line.title,
                "name": "" if line.name == line.title else line.name,
                "personal_data": str(line.field.get_personal_data_display()) if line.field else "",
                "masking": str(line.masking),
            }
            for line in text.fields
        ],
        "conditions_heading": _("Conditions"),
        "conditions": [_condition(line) for line in text.lines if line.values],
        "closing": _("%(agency)s tells %(consumer)s so that it can act on it.") % names,
        "recipients_label": _("Sent to:"),
        "recipients": [_("As above;"), _("Kept: NDC Portal (%(code)s).") % names],
        "signatures": [
            _signature(office, language, is_signatory=text.kind == Kind.CERTIFIED) for office in text.deciders
        ],
        "decided": _("(Signed electronically in NDC Portal)")
        if text.kind == Kind.CERTIFIED
        else _("(Decided electronically in NDC Portal)"),
        **_check(letter, text, base),
    }


def _title(text: LetterText) -> str:
    return (
        _("Certificate of destruction %(number)s") if text.kind == Kind.CERTIFIED else _("Decision letter %(number)s")
    )


def _subject(text: LetterText) -> str:
    return {
        Kind.CERTIFIED: _("Re: what became of the data of “%(dataset)s”"),
        Kind.GRANTED: _("Re: sharing of the dataset “%(dataset)s”"),
        Kind.OFFERED: _("Re: offer to share a part of the dataset “%(dataset)s”"),
        Kind.REJECTED: _("Re: rejection of the request for the dataset “%(dataset)s”"),
    }[text.kind]


def _opening(text: LetterText) -> str:
    if text.kind == Kind.CERTIFIED:
        return _(
            "Under the agreement %(number)s, which is over, %(agency)s received data from %(consumer)s through NDC Portal "
            "(request %(code)s). It certifies:"
        )
    if text.subject:
        return _(
            "In answer to the letter %(number)s of %(consumer)s (subject: %(subject)s), sent in NDC Portal as request "
            "%(code)s, %(agency)s states:"
        )
    return _(
        "In answer to the letter %(number)s of %(consumer)s, sent in NDC Portal as request %(code)s, %(agency)s states:"
    )


def _decision(text: LetterText) -> str:
    if text.kind == Kind.CERTIFIED:
        if text.is_kept:
            return _("Data of the dataset “%(dataset)s” is kept longer, as the law named below asks for it.")
        return _("The data of the dataset “%(dataset)s” that is listed below is destroyed, with every copy.")
    return {
        Kind.GRANTED: _(
            "%(agency)s shares the dataset “%(dataset)s” with %(consumer)s, with the fields and under the conditions below."
        ),
        Kind.OFFERED: _(
            "%(agency)s offers to share a part of the dataset “%(dataset)s” with %(consumer)s, with the fields and under "
            "the conditions below. Nothing is shared before %(consumer)s has accepted the offer in NDC Portal."
        ),
        Kind.REJECTED: _("%(agency)s does not share the dataset “%(dataset)s” with %(consumer)s as it was asked for."),
    }[text.kind]


def _facts(text: LetterText) -> list[dict]:
    found = (
        *text.stated,
        (_("Reason"), text.reason),
        (_("Legal basis"), text.legal_basis),
        (_("Legal basis of the sharing"), text.sharing_basis),
        (_("Granted under"), text.standing or text.emergency),
    )
    return [{"label": label, "texts": value.splitlines()} for label, value in found if value]


def _condition(line: Line) -> dict:
    return {"label": str(line.term), "texts": [_value(value) for value in line.values]}


def _value(value) -> str:
    return number_format(value, force_grouping=True) if isinstance(value, int) else capfirst(str(value))


def _signature(office: Office, language: str, *, is_signatory: bool = False) -> list[str]:
    """The position that decided; under a delegation the one in whose place, with the decree's abbreviation before it."""
    position = (office.position or (_("The signatory") if is_signatory else _("The approver"))).upper()
    if office.in_place_of is None:
        return [position]
    delegator = (office.in_place_of or _("The approver")).upper()
    return [f"TUQ. {delegator}" if language == "vi" else _("For: %(delegator)s") % {"delegator": delegator}, position]


def _check(letter: Letter, text: LetterText, base: str) -> dict:
    address = base + reverse("exchange:letter-check")
    at_once = base + reverse("exchange:letter-check-code", args=[letter.agency.code, letter.number, letter.check_code])
    drawn = io.BytesIO()
    segno.make(at_once, error="m", micro=False).save(drawn, kind="svg", xmldecl=False, border=0)
    return {
        "qr": drawn.getvalue().decode(),
        "qr_alt": _("QR code with the address at which this letter is checked"),
        "how_to_check": _(
            "To check this letter, scan the code, or open %(address)s and type number, notation and check code."
        )
        % {"address": address},
        "code_label": _("Check code:"),
        "code": check_codes.grouped(letter.check_code),
        "hashes": [
            {"label": _("SHA-256 of what this letter says:"), "value": letter.content_hash},
            {
                "label": _("SHA-256 of what was signed:")
                if text.kind == Kind.CERTIFIED
                else _("SHA-256 of the request decided on:"),
                "value": text.revision_sha256,
            },
        ],
    }
