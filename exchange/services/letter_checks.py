"""Telling whoever holds a letter whether it is genuine, and whether it still holds. Nobody has to sign in for it.

What is told stands on the letter, or is what became of it since. A letter is found by the code that is printed on it or
by the hash of its file, which nobody can guess; a number alone finds nothing.
"""

import json
from dataclasses import dataclass

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import check_codes
from exchange.choices import StopKind
from exchange.letter_text import VERDICTS, Kind, kind_of
from exchange.models import Agreement, Letter, LetterCopy
from exchange.models.destruction import CertificateState
from exchange.refusals import Refusal
from exchange.states import AgreementStatus, RequestStatus

PUBLIC = ledger.Actor("public")
WITHOUT_AGREEMENT = {
    RequestStatus.OFFERED: _("The offer has been neither accepted nor declined."),
    RequestStatus.WITHDRAWN: _("The offer was declined, or the request withdrawn: nothing was agreed."),
    RequestStatus.EXPIRED: _("The offer lapsed, as nobody answered it: nothing was agreed."),
}
NO_LONGER = {
    AgreementStatus.SUSPENDED: _("The agreement made upon it is suspended: nothing is shared for the time being."),
    AgreementStatus.REVOKED: _("The agreement made upon it was revoked by the owner of the data."),
    AgreementStatus.RELINQUISHED: _("The agreement made upon it was given up by the agency that asked."),
    AgreementStatus.SUPERSEDED: _("The agreement made upon it was replaced by a later version."),
    AgreementStatus.EXPIRED: _("The period of the agreement made upon it is over."),
}
CERTIFIED = {
    CertificateState.SIGNED: _("The owner of the data has not answered it yet."),
    CertificateState.ACKNOWLEDGED: _("The owner of the data acknowledged it."),
    CertificateState.REFUSED: _("The owner of the data refused it."),
}
STOPPED_AS = {StopKind.SUSPEND: AgreementStatus.SUSPENDED, StopKind.REVOKE: AgreementStatus.REVOKED}


class NotFound(Refusal):
    """No letter fits what was typed or uploaded."""

    status = 422


@dataclass(frozen=True, slots=True)
class Check:
    """A letter that somebody holds. `file_fits` is None where neither file nor hash was given."""

    letter: Letter
    verdict: str | Promise
    standing: str | Promise
    is_in_force: bool
    is_latest: bool
    file_fits: bool | None = None


def by_code(*, agency: str, number: int, code: str, sha256: str = "") -> Check:
    """The letter of that number, of whatever year, whose code it is; `sha256` of its file or of its text is compared.

    Raises NotFound, always the same one, on record.
    """
    letters = list(Letter.objects.for_lists().filter(agency__code__iexact=agency, number=number))
    # Every letter is compared, and one even where there is none: the time tells nothing about which numbers exist.
    right = [check_codes.is_right(code, letter.check_code) for letter in letters]
    if not any(right):
        check_codes.is_right(code, check_codes.new())
        raise _not_found("code", _("No letter fits this number and check code. Compare each sign with the letter."))
    letter = letters[right.index(True)]
    return _check(letter, sha256 in {letter.content_hash, *_hashes(letter)} if sha256 else None)


def by_hash(*, sha256: str) -> Check:
    """The letter that was handed out in the file with this hash. Raises NotFound, on record."""
    copy = LetterCopy.objects.filter(sha256=sha256).first()
    if copy is None:
        raise _not_found(
            "hash",
            _(
                "The portal made no such file. A letter that was changed, scanned or saved anew is another file: check it by "
                "its number and check code."
            ),
        )
    return _check(Letter.objects.for_lists().get(pk=copy.letter_id), True)


def _hashes(letter: Letter) -> set[str]:
    return set(letter.copies.values_list("sha256", flat=True))


def _not_found(by: str, message: str | Promise) -> NotFound:
    """What was typed is not recorded: it may be anything, and somebody's own."""
    ledger.record_refusal(action="letter.check", actor=PUBLIC, subject=("letter", "unknown"), details={"by": by})
    return NotFound("no-such-letter", message)


def _check(letter: Letter, file_fits: bool | None) -> Check:
    content = json.loads(letter.content)
    agreement = Agreement.objects.filter(case=letter.case).first()
    return Check(
        letter=letter,
        verdict=VERDICTS[kind_of(content)],
        standing=_standing(letter, kind_of(content), agreement),
        is_in_force=agreement is not None and agreement.is_live,
        # What the agencies of a case write to each other are letters of their own: a certificate replaces no decision.
        is_latest=not letter.case.letters.filter(pk__gt=letter.pk, agency=letter.agency).exists(),
        file_fits=file_fits,
    )


def _standing(letter: Letter, kind: Kind, agreement: Agreement | None) -> str | Promise:
    if kind == Kind.CERTIFIED:
        return CERTIFIED[letter.certificate.state]
    if kind == Kind.REJECTED:
        return _("Nothing was agreed upon it.")
    if agreement is None:
        return WITHOUT_AGREEMENT.get(letter.case.request.status, _("Nothing was agreed upon it."))
    if agreement.status in NO_LONGER:
        return NO_LONGER[agreement.status]
    today = timezone.localdate()
    if agreement.is_stop_due:
        return NO_LONGER[STOPPED_AS[agreement.stops_as]]
    if agreement.is_unconfirmed and agreement.valid_to >= today:
        return NO_LONGER[AgreementStatus.SUSPENDED]
    if agreement.valid_to < today:
        return NO_LONGER[AgreementStatus.EXPIRED]
    if agreement.valid_from > today:
        day = date_format(agreement.valid_from, "SHORT_DATE_FORMAT")
        return _("The agreement made upon it begins on %(day)s.") % {"day": day}
    day = date_format(agreement.last_day, "SHORT_DATE_FORMAT")
    return _("The agreement made upon it is in force until %(day)s.") % {"day": day}
