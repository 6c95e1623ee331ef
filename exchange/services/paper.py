"""Recording exchanges that went by letter, and correcting what was recorded."""

from collections.abc import Mapping
from datetime import date

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules
from exchange.models import PaperExchange
from exchange.models.paper import WRITERS
from exchange.refusals import Incomplete, Refusal, WrongState
from registry import permissions
from registry.actors import actor_of
from registry.models import Agency, Membership, User
from registry.services import records

# What a person writes; everything else about a row is the portal's.
CONTENT = (
    "direction",
    "other",
    "other_name",
    "letter_number",
    "letter_day",
    "information",
    "dataset",
    "records",
    "days_taken",
    "reason",
)
EARLIEST = date(2000, 1, 1)


def agencies_recorded_for(user: User) -> list[Agency]:
    """The agencies for which the person may record letters today."""
    own = Membership.objects.today().filter(user=user, role__in=WRITERS)
    return list(Agency.objects.filter(pk__in=own.values("agency")))


def can_record(*, agency: Agency, by: User) -> bool:
    return permissions.has_role(by, *WRITERS, agency=agency)


def record(*, agency: Agency, by: User, content: Mapping) -> PaperExchange:
    """Write down one letter. Raises Incomplete for a letter that stands there already, or for text that cannot."""
    try:
        _check(agency, by, content)
        return _written(PaperExchange(agency=agency, recorded_by=by, **content), "paper.record", by)
    except Refusal as refusal:
        _record_refusal("paper.record", ("agency", agency.code), by, refusal)
        raise


def correct(*, exchange: PaperExchange, by: User, content: Mapping, reason: str) -> PaperExchange:
    """A new version in place of the one that is given; WrongState where somebody was faster."""
    try:
        _check(exchange.agency, by, {**content, "correction": reason})
        with transaction.atomic():
            former = _close(exchange, by, reason)
            changed = sorted(name for name in CONTENT if getattr(former, name) != content.get(name))
            version = PaperExchange(
                public_id=former.public_id,
                version=former.version + 1,
                agency=former.agency,
                recorded_by=by,
                **content,
            )
            return _written(version, "paper.correct", by, fields=changed)
    except Refusal as refusal:
        _record_refusal("paper.correct", ("paper", str(exchange.public_id)), by, refusal)
        raise


def take_back(*, exchange: PaperExchange, by: User, reason: str) -> PaperExchange:
    """Say that it was recorded in error: it no longer counts, and stays to be read."""
    try:
        _check(exchange.agency, by, {"correction": reason})
        if not reason:
            raise Incomplete(
                "reason-needed", _("State the reason."), fields={"correction": [_("This field is needed.")]}
            )
        with transaction.atomic():
            closed = _close(exchange, by, reason)
            _leave_evidence("paper.take_back", closed, by)
            return closed
    except Refusal as refusal:
        _record_refusal("paper.take_back", ("paper", str(exchange.public_id)), by, refusal)
        raise


def _check(agency: Agency, by: User, content: Mapping) -> None:
    if not can_record(agency=agency, by=by):
        raise Refusal(
            "not-your-role",
            _("Only a requester or a case officer of %(agency)s records its letters.") % {"agency": agency},
        )
    rules.check_text(**{name: value for name, value in content.items() if isinstance(value, str)})
    day = content.get("letter_day")
    if day and not EARLIEST <= day <= timezone.localdate():
        problem = _("Enter a day that is not in the future.")
        raise Incomplete("bad-day", problem, fields={"letter_day": [problem]})


def _close(exchange: PaperExchange, by: User, reason: str) -> PaperExchange:
    """Mark the version as one that no longer counts; the row is locked until the transaction ends."""
    rows = PaperExchange.objects.select_related("agency").select_for_update(of=("self",))
    former = rows.get(pk=exchange.pk)
    if former.corrected_at:
        raise WrongState(_("corrected"))
    former.corrected_at, former.corrected_by, former.correction = timezone.now(), by, reason
    former.save(update_fields=["corrected_at", "corrected_by", "correction"])
    return former


def _written(exchange: PaperExchange, action: str, by: User, **details) -> PaperExchange:
    try:
        with transaction.atomic():
            exchange.save(force_insert=True)
            _leave_evidence(action, exchange, by, **details)
    except IntegrityError as error:
        if "letter_once" not in str(error):
            raise
        problem = _("This letter is recorded already. Search for its number in the list.")
        raise Incomplete("letter-known", problem, fields={"letter_number": [problem]}) from None
    return exchange


def _leave_evidence(action: str, exchange: PaperExchange, by: User, **details) -> None:
    ledger.record(
        action=action,
        actor=actor_of(by, exchange.agency),
        subject=("paper", str(exchange.public_id)),
        details={
            "version": exchange.version,
            "direction": str(exchange.direction),
            "reason": str(exchange.reason),
            "dataset": exchange.dataset.code if exchange.dataset_id else "",
            **details,
        },
    )


def _record_refusal(action: str, subject: tuple[str, str], by: User, refusal: Refusal) -> None:
    ledger.record_refusal(
        action=action, actor=actor_of(by, records.acting_agency(by)), subject=subject, details={"code": refusal.code}
    )
