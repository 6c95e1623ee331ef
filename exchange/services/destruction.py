"""Certificates that received data is gone: who owes one since when, and the steps from preparing one to its answer.

Nothing of it is a flag. Whether one is owed follows from the dates of the last version of an agreement, from what was
delivered under it, and from the certificates that there are.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, DateField, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Greatest, Least, TruncDate
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.choices import CertificateKind, StopKind
from exchange.models import Agreement, Delivery, DestructionCertificate, LookupUsage
from exchange.refusals import Incomplete, Refusal, WrongState
from exchange.scope import canonical, sha256
from exchange.services import deadlines, letters, numbers
from exchange.services import destruction_notices as telling
from exchange.states import AGREEMENT, AgreementStatus, DeliveryStatus, Side
from exchange.terms import Term
from registry import permissions
from registry.actors import actor_of
from registry.choices import Role
from registry.models import User

NEEDED = {
    CertificateKind.DESTROYED: ("method", "places", "destroyed_on", "statement"),
    CertificateKind.KEPT: ("places", "kept_under", "kept_until", "reason", "statement"),
}


@dataclass(frozen=True, slots=True)
class Duty:
    """What an agency owes about the data of an agreement that is over: from the day after `kept_until` on, until `due_on`."""

    agreement: Agreement
    kept_until: date
    due_on: date

    @property
    def is_owed(self) -> bool:
        """The last day on which the data may be kept has passed. Before it, a certificate may be given as well."""
        return self.kept_until < timezone.localdate()

    @property
    def is_overdue(self) -> bool:
        return self.due_on < timezone.localdate()


# --- who owes one, by dates


def certifiable() -> QuerySet[Agreement]:
    """The last version of each agreement that is over, under which data was received that no certificate covers.

    `kept_until` is the last day on which the data may be kept: the agreed one, or the day on which somebody ended the
    agreement, if that was earlier; that of the law, where one was named; the day of a refusal, where one was refused.
    """
    today = timezone.localdate()
    begun = Q(ended_at__isnull=True) | Q(ended_at__date__gte=F("valid_from"))
    newer = Agreement.objects.filter(begun, code=OuterRef("code"), version__gt=OuterRef("version"))
    stopped = Q(stops_as=StopKind.REVOKE, stops_on__lte=today)
    over = Q(status__in=AGREEMENT.terminal) | Q(valid_to__lt=today) | stopped
    signed = DestructionCertificate.objects.filter(agreement__code=OuterRef("code"), signed_at__isnull=False)
    last = signed.order_by("-signed_at", "-pk")
    found = Agreement.objects.filter(begun, over, ~Exists(newer)).annotate(
        last_kind=Subquery(last.values("kind")[:1]),
        last_kept_until=Subquery(last.values("kept_until")[:1]),
        refused_on=Subquery(last.values(day=TruncDate("refused_at"))[:1]),
        # What was received under these versions is certified to be gone.
        settled=Case(
            When(
                Q(last_kind=CertificateKind.DESTROYED, refused_on__isnull=True),
                then=Subquery(last.values("agreement__version")[:1]),
            ),
            default=Value(0),
            output_field=IntegerField(),
        ),
    )
    since = {"agreement__code": OuterRef("code"), "agreement__version__gt": OuterRef("settled")}
    packages = Delivery.objects.filter(**since, status=DeliveryStatus.COMPLETED)
    records = LookupUsage.objects.filter(**since, answered__gt=0)
    return found.filter(Exists(packages) | Exists(records)).annotate(kept_until=_kept_until(stopped))


def _kept_until(stopped: Q) -> Case:
    ended = Q(status__in=[AgreementStatus.REVOKED, AgreementStatus.RELINQUISHED])
    agreed = Case(
        When(ended, then=Least(TruncDate("ended_at"), F("retention_until"))),
        When(stopped, then=Least(F("stops_on"), F("retention_until"))),
        default=F("retention_until"),
        output_field=DateField(),
    )
    by_law = Q(last_kind=CertificateKind.KEPT, refused_on__isnull=True)
    return Case(
        When(refused_on__isnull=False, then=Greatest(F("refused_on"), agreed)),
        When(by_law, then=Greatest(F("last_kept_until"), agreed)),
        default=agreed,
        output_field=DateField(),
    )


def owing() -> QuerySet[Agreement]:
    """Agreements for which a certificate is owed today, the longest owed first."""
    return certifiable().filter(kept_until__lt=timezone.localdate()).order_by("kept_until", "pk")


def overdue() -> QuerySet[Agreement]:
    """Those for which it should have been there by yesterday."""
    yesterday = timezone.localdate() - timedelta(days=1)
    last = deadlines.working_days_back(yesterday, deadlines.working_days_of(Term.DESTRUCTION))
    return owing().filter(kept_until__lte=last)


def duty_of(agreement: Agreement) -> Duty | None:
    """What is to be certified about the agreement, whichever version is given; nothing while it runs, or when it is done."""
    last = certifiable().filter(code=agreement.code).first()
    return duties([last])[0] if last else None


def duties(rows: list[Agreement]) -> list[Duty]:
    """The duties of rows of `certifiable`, with two queries for all."""
    if not rows:
        return []
    due = deadlines.due_days({row.kept_until for row in rows}, deadlines.working_days_of(Term.DESTRUCTION))
    return [Duty(row, row.kept_until, due[row.kept_until]) for row in rows]


# --- what was received


def received(agreement: Agreement) -> dict:
    """All that the portal handed out under the agreement, in any version, as the certificate keeps it."""
    packages = Delivery.objects.filter(agreement__code=agreement.code, status=DeliveryStatus.COMPLETED).order_by("pk")
    records = LookupUsage.objects.filter(agreement__code=agreement.code).aggregate(all=Sum("answered"))["all"]
    return {
        "packages": [
            {
                "delivery": one.code,
                "delivered_on": timezone.localdate(one.finished_at).isoformat(),
                "rows": one.rows,
                "sha256": one.sha256,
            }
            for one in packages.only("code", "finished_at", "rows", "sha256")
        ],
        "looked_up_records": records or 0,
    }


# --- the consumer's side


def prepare(*, agreement: Agreement, by: User, answers: Mapping) -> DestructionCertificate:
    """Write a certificate about the last version of the agreement, with all that was received, for a signatory to sign."""
    with _stating("certificate.prepare", agreement, by, Side.CONSUMER) as locked:
        rules.check_text(**answers)
        duty = check_preparing(agreement=locked, by=by)
        written = _checked(answers)
        code = numbers.take(numbers.CERTIFICATE)
        text = canonical(_content(code, duty.agreement, written))
        certificate = DestructionCertificate.objects.create(
            code=code, agreement=duty.agreement, prepared_by=by, content=text, content_hash=sha256(text), **written
        )
        _record("prepare", certificate, by, Side.CONSUMER)
    return certificate


def check_preparing(*, agreement: Agreement, by: User) -> Duty:
    """Refuse unless the person files or signs for the agency, and there is something to certify that nobody prepared yet."""
    if not permissions.has_role(by, Role.REQUESTER, Role.ENDORSER, agency=agreement.consumer):
        raise Refusal(
            "not-your-role",
            _("Only a requester or signatory of %(agency)s certifies what became of its data.")
            % {"agency": agreement.consumer},
        )
    duty = duty_of(agreement)
    if duty is None:
        raise Refusal(
            "nothing-to-certify",
            _("There is nothing to certify: the agreement runs still, gave no data, or is certified already."),
        )
    if duty.agreement.certificates.to_be_signed().exists():
        raise Refusal("certificate-open", _("A certificate about this agreement waits for a signature already."))
    return duty


def _checked(answers: Mapping) -> dict:
    """The answers that belong to the kind of certificate; refuses what is missing or cannot be."""
    kind, today = CertificateKind(answers["kind"]), timezone.localdate()
    needed = NEEDED[kind]
    problems = {name: [_("This field is needed.")] for name in needed if not answers.get(name)}
    if "destroyed_on" in needed and answers.get("destroyed_on") and answers["destroyed_on"] > today:
        problems["destroyed_on"] = [_("Enter a day that is not in the future.")]
    if "kept_until" in needed and answers.get("kept_until") and answers["kept_until"] <= today:
        problems["kept_until"] = [_("Enter a day in the future: what may be kept no longer is destroyed.")]
    if "kept_under" in needed and answers.get("kept_under") and not answers["kept_under"].is_in_force():
        problems["kept_under"] = [_("Name a law that is in force today.")]
    if problems:
        raise Incomplete("incomplete", _("Something is missing."), fields=problems)
    return {"kind": kind, **{name: answers[name] for name in needed}}


def _content(code: str, agreement: Agreement, written: dict) -> dict:
    law = written.get("kept_under")
    days = {name: day.isoformat() for name in ("destroyed_on", "kept_until") if (day := written.get(name))}
    return {
        "certificate": code,
        "agreement": agreement.code,
        "version": agreement.version,
        "consumer": agreement.consumer.code,
        "provider": agreement.provider.code,
        "dataset": agreement.dataset.code,
        "received": received(agreement),
        **{name: str(written[name]) for name in ("kind", "method", "places", "reason", "statement") if name in written},
        **days,
        **({"kept_under": law.number} if law else {}),
    }


def sign(*, certificate: DestructionCertificate, by: User, content_hash: str) -> DestructionCertificate:
    """Sign for the agency the text with this hash. It goes to the owner of the data, and never changes any more."""
    with _stating("certificate.sign", certificate.agreement, by, Side.CONSUMER):
        locked = _lock(certificate)
        check_signing(certificate=locked, by=by)
        if content_hash != locked.content_hash:
            raise Refusal("rule-2", _("This is not the text that you read. Read it again, then sign."))
        agreement = locked.agreement
        content = letters.of_certificate(locked, by)
        locked.letter = letters.issue(case=agreement.case, content=content, of=agreement.consumer)
        locked.signed_by, locked.signed_at = by, timezone.now()
        locked.save(update_fields=["letter", "signed_by", "signed_at"])
        _record("sign", locked, by, Side.CONSUMER)
        telling.tell_signed(locked)
    return locked


def check_signing(*, certificate: DestructionCertificate, by: User) -> None:
    """Refuse unless the person signs for the agency, did not prepare it, and it is about what is owed today."""
    agreement = certificate.agreement
    if not permissions.has_role(by, Role.ENDORSER, agency=agreement.consumer):
        raise Refusal("not-your-role", _("Only a signatory of %(agency)s signs this.") % {"agency": agreement.consumer})
    _check_unsigned(certificate)
    if certificate.prepared_by_id == by.pk:
        raise Refusal(
            "rule-1", _("Whoever prepared a certificate does not sign it. Ask another signatory of your agency.")
        )
    duty = duty_of(agreement)
    if duty is None or duty.agreement.pk != agreement.pk:
        raise Refusal(
            "nothing-to-certify", _("A later version of the agreement was agreed since: give this certificate up.")
        )


def drop(*, certificate: DestructionCertificate, by: User, reason: str = "") -> DestructionCertificate:
    """Give it up before it is signed: whoever prepared it, or a signatory, who says what to correct."""
    with _stating("certificate.drop", certificate.agreement, by, Side.CONSUMER):
        rules.check_text(reason=reason)
        locked = _lock(certificate)
        check_dropping(certificate=locked, by=by)
        if locked.prepared_by_id != by.pk and not reason.strip():
            raise Incomplete("reason-needed", _("State the reason."), fields={"reason": [_("This field is needed.")]})
        locked.dropped_by, locked.dropped_at, locked.drop_reason = by, timezone.now(), reason.strip()
        locked.save(update_fields=["dropped_by", "dropped_at", "drop_reason"])
        _record("drop", locked, by, Side.CONSUMER, reason=locked.drop_reason)
    return locked


def check_dropping(*, certificate: DestructionCertificate, by: User) -> None:
    consumer = certificate.agreement.consumer
    works = permissions.has_role(by, Role.REQUESTER, Role.ENDORSER, agency=consumer)
    signs = permissions.has_role(by, Role.ENDORSER, agency=consumer)
    if not works or not (signs or certificate.prepared_by_id == by.pk):
        raise Refusal(
            "not-your-role", _("Whoever prepared it, or a signatory of %(agency)s, gives it up.") % {"agency": consumer}
        )
    _check_unsigned(certificate)


def _check_unsigned(certificate: DestructionCertificate) -> None:
    if certificate.signed_at or certificate.dropped_at:
        raise WrongState(certificate.state.label)


# --- the owner's side


def acknowledge(*, certificate: DestructionCertificate, by: User) -> DestructionCertificate:
    """Take note of it for the owner: nothing is owed under the agreement any more, or not before the day until which a law
    lets the data be kept."""
    with _answering("acknowledge", certificate, by) as locked:
        locked.acknowledged_by, locked.acknowledged_at = by, timezone.now()
        locked.save(update_fields=["acknowledged_by", "acknowledged_at"])
    return locked


def refuse(*, certificate: DestructionCertificate, by: User, reason: str) -> DestructionCertificate:
    """Say for the owner what is wrong with it: another one is owed from today on."""
    with _answering("refuse", certificate, by, reason) as locked:
        if not reason.strip():
            raise Incomplete("reason-needed", _("State the reason."), fields={"reason": [_("This field is needed.")]})
        locked.refused_by, locked.refused_at, locked.refusal_reason = by, timezone.now(), reason.strip()
        locked.save(update_fields=["refused_by", "refused_at", "refusal_reason"])
    return locked


@contextmanager
def _answering(
    name: str, certificate: DestructionCertificate, by: User, reason: str = ""
) -> Iterator[DestructionCertificate]:
    with _stating(f"certificate.{name}", certificate.agreement, by, Side.PROVIDER):
        rules.check_text(reason=reason)
        locked = _lock(certificate)
        delegation = check_answering(certificate=locked, by=by)
        yield locked
        on_behalf = {"on_behalf_of": str(delegation.delegator.public_id)} if delegation else {}
        _record(name, locked, by, Side.PROVIDER, reason=reason.strip(), **on_behalf)
        telling.tell_answered(locked)


def check_answering(*, certificate: DestructionCertificate, by: User):
    """Refuse unless the person decides for the owner today and is free of conflicts, and nobody answered yet.

    Returns the delegation under which it is done, if that is the only ground.
    """
    delegation = rules.check_speaks_for_owner(certificate.agreement, by)
    if not certificate.waits_for_answer:
        raise WrongState(certificate.state.label)
    return delegation


# --- what all of them share


@contextmanager
def _stating(action: str, agreement: Agreement, by: User, side: Side) -> Iterator[Agreement]:
    """The locked agreement, in a transaction; a Refusal that comes out of it is rolled back and put on record."""
    with workflow.recording_refusals(action, agreement, by=by, side=side):
        try:
            with transaction.atomic():
                yield workflow.lock(agreement)
        except IntegrityError as error:
            if "exchange_destructioncertificate_one" not in str(error):
                raise
            raise Refusal("certificate-open", _("A certificate about this agreement exists already.")) from None


def _lock(certificate: DestructionCertificate) -> DestructionCertificate:
    found = DestructionCertificate.objects.select_related(
        "agreement__consumer", "agreement__provider", "agreement__dataset__database__owner", "agreement__case__request"
    )
    return found.select_for_update(of=("self",)).get(pk=certificate.pk)


def _record(
    name: str, certificate: DestructionCertificate, by: User, side: Side, *, reason: str = "", **details: str
) -> None:
    agreement = certificate.agreement
    ledger.record(
        action=f"certificate.{name}",
        actor=actor_of(by, rules.acting_agency(side, agreement, by)),
        subject=("agreement", agreement.code),
        correlation_id=workflow.correlation_of(agreement),
        details={
            "certificate": certificate.code,
            "kind": str(certificate.kind),
            "version": agreement.version,
            "sha256": certificate.content_hash,
            **details,
        },
        personal={"reason": reason} if reason else None,
    )
