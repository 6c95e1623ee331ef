"""The consumer's side: drafting, proposing, signing, answering an offer, withdrawing."""

import json
from collections.abc import Collection, Iterable, Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.choices import RequestKind
from exchange.models import Agreement, Attachment, ExchangeRequest, JointRequest, ReviewCase, Revision
from exchange.refusals import Refusal, WrongState
from exchange.scope import canonical, sha256
from exchange.services import agreements, deadlines, emergencies, emergency_notices, letters, numbers, scopes
from exchange.states import RequestStatus, Side
from registry import permissions
from registry.actors import actor_of
from registry.choices import Role
from registry.fields import nfc
from registry.models import Agency, User
from registry.services import records

# What the clerk writes; everything else about a request is the portal's.
CONTENT = [
    "letter_number",
    "letter_day",
    "letter_subject",
    "urgency",
    "signatory_name",
    "signatory_position",
    "focal_name",
    "focal_position",
    "focal_phone",
    "focal_email",
    "dataset",
    "field_names",
    "row_filter",
    "row_limit",
    "mode",
    "file_format",
    "frequency",
    "legal_basis",
    "legal_article",
    "purpose",
    "reason",
    "procedure_code",
    "consent_basis",
    "period_from",
    "period_to",
    "retention_until",
    "onward_sharing",
    "onward_agencies",
    "security_measures",
    "system_level",
    "undertaking",
    "has_state_secret",
]

# Of an emergency only, and part of what is signed then. It is declared anew each time: no copy or template keeps it.
EMERGENCY = ["is_emergency", "emergency_ground", "emergency_reason"]


def create(
    *,
    consumer: Agency,
    by: User,
    content: Mapping | None = None,
    copied_from: ExchangeRequest | None = None,
    joint: JointRequest | None = None,
    kind: RequestKind = RequestKind.NEW,
    amends: Agreement | None = None,
) -> ExchangeRequest:
    """Begin a draft for an agency in which the person is a requester today.

    `services/amendments.py` begins those about an agreement that there is already.
    """
    content = content or {}
    try:
        if not permissions.has_role(by, Role.REQUESTER, agency=consumer):
            raise Refusal(
                "not-your-role", _("Only a requester of %(agency)s files its requests.") % {"agency": consumer}
            )
        rules.check_text(**content)
    except Refusal as refusal:
        ledger.record_refusal(
            action="request.create",
            actor=actor_of(by, records.acting_agency(by)),
            subject=("agency", consumer.code),
            details={"code": refusal.code},
        )
        raise
    return _begin(consumer, by, content, copied_from=copied_from, joint=joint, kind=kind, amends=amends)


@transaction.atomic
def _begin(consumer: Agency, by: User, content: Mapping, **origin) -> ExchangeRequest:
    request = ExchangeRequest(
        code=numbers.take(numbers.REQUEST), consumer=consumer, created_by=by, last_edited_by=by, **origin
    )
    _fill(request, content)
    request.save(force_insert=True)
    request.named_users.set([by])
    request.editors.add(by)
    ledger.record(
        action="request.create",
        actor=actor_of(by, consumer),
        subject=("request", request.code),
        correlation_id=request.code,
        details=_origin(request),
    )
    return request


def _origin(request: ExchangeRequest) -> dict:
    """What the draft was made from, by code."""
    if request.amends:
        return {"kind": str(request.kind), "agreement": request.amends.code, "version": request.amends.version}
    named = {"copied_from": request.copied_from, "joint": request.joint}
    return {name: thing.code for name, thing in named.items() if thing}


def copy(*, request: ExchangeRequest, by: User, without: Collection[str] = ()) -> ExchangeRequest:
    """A new draft with the same content, without the declarations: those are made anew each time.

    `without` names fields that are left out, of what is wanted and of what rows are chosen by.
    """
    content = content_anew(request)
    content["field_names"] = [name for name in request.field_names if name not in without]
    content["row_filter"] = [line for line in request.row_filter if line["field"] not in without]
    return create(consumer=request.consumer, by=by, content=content, copied_from=request)


def content_anew(request: ExchangeRequest) -> dict:
    """The content for another draft: the letter number and the declarations are made anew each time."""
    content = {name: getattr(request, name) for name in CONTENT}
    return {**content, "letter_number": "", "letter_day": None, "undertaking": False, "has_state_secret": None}


def save_draft(
    *, request: ExchangeRequest, by: User, version: int, content: Mapping, named_users=None
) -> ExchangeRequest:
    """Store what is on the clerk's page, complete or not; `version` is the one that the page was made from.

    Raises WrongState when the request is no longer a draft, Refusal("stale") when somebody saved in between.
    Who changes nothing edits nothing: the last editor and the version stay.
    """
    refusals = workflow.recording_refusals("request.edit", request, by=by, side=Side.CONSUMER)
    with refusals, transaction.atomic():
        locked = workflow.lock(request)
        check_editable(request=locked, by=by)
        rules.check_text(**content)
        if locked.version != version:
            raise _stale(locked)
        changed = _fill(locked, content)
        if "dataset" in changed:
            _check_dataset(locked)
        if named_users is not None and (named := set(named_users)) != set(locked.named_users.all()):
            locked.named_users.set(named)
            changed.append("named_users")
        if changed:
            _check_alone(locked)
            locked.version += 1
            mark_edited(locked, by)
            ledger.record(
                action="request.edit",
                actor=actor_of(by, locked.consumer),
                subject=("request", locked.code),
                correlation_id=locked.code,
                details={"fields": sorted(changed)},  # names only: what was written may be personal
            )
    return locked


def _check_dataset(request: ExchangeRequest) -> None:
    """A joint request asks for a dataset once; a request about an agreement for the agreement's."""
    if request.amends and request.dataset_id != request.amends.dataset_id:
        raise Refusal("other-dataset", _("The agreement is about one dataset. File a new request for another one."))
    if request.joint and request.joint.parts.open().filter(dataset=request.dataset).exclude(pk=request.pk).exists():
        raise Refusal(
            "asked-already",
            _("This dataset is part of it already."),
            fields={"dataset": [_("This dataset is part of it already.")]},
        )


def _check_alone(request: ExchangeRequest) -> None:
    """An emergency is a request of its own."""
    if request.is_emergency and (request.joint or request.amends):
        problem = _("An emergency is asked for on its own: file a new request about one dataset.")
        raise Refusal("emergency-alone", problem, fields={"is_emergency": [problem]})


def mark_edited(request: ExchangeRequest, by: User) -> None:
    """The person changed what is to be signed: who wrote in it does not sign it, and no earlier signature holds."""
    request.last_edited_by, request.edited_at = by, timezone.now()
    request.endorsed_by, request.endorsed_at = None, None
    request.save()
    request.editors.add(by)


def check_editable(*, request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person files for the agency and the request is still, or again, a draft; and who served its owner."""
    if not permissions.has_role(by, Role.REQUESTER, agency=request.consumer):
        raise Refusal(
            "not-your-role", _("Only a requester of %(agency)s edits its requests.") % {"agency": request.consumer}
        )
    if not request.is_editable:
        raise WrongState(request.get_status_display())
    rules.check_served_not_owner(request, by)


def _stale(request: ExchangeRequest) -> Refusal:
    refusal = Refusal(
        "stale",
        _(
            "%(person)s saved this request while your page was open. Your entries are still below: compare, then save again."
        )
        % {"person": request.last_edited_by},
    )
    refusal.status = 409
    return refusal


def _fill(request: ExchangeRequest, content: Mapping) -> list[str]:
    """Write the content into the row; the names of what is different now."""
    changed = []
    for name, value in content.items():
        if name not in CONTENT and name not in EMERGENCY:
            raise ValueError(f"{name} is not part of a request's content")
        if nfc(getattr(request, name)) != nfc(value):
            setattr(request, name, value)
            changed.append(name)
    return changed


def propose(*, request: ExchangeRequest, by: User) -> ExchangeRequest:
    """Freeze a revision with its hash and pass it to the signatory. Decisions on earlier revisions are void."""
    with workflow.making("propose", request, by=by) as step:
        subject = step.subject
        _policy, scope = scopes.best_policy(subject)
        files = list(subject.attachments.of_requests())
        _check_no_virus(files)
        latest = subject.revisions.first()
        number = latest.number + 1 if latest else 1
        text = canonical(_content_of(subject, scope, number, files))
        revision = Revision.objects.create(
            request=subject,
            number=number,
            content=text,
            content_hash=sha256(text),
            proposed_by=by,
        )
        revision.attachments.set(files)
        if latest:
            for decision in latest.decisions.live():
                decision.voided_at = timezone.now()
                decision.save(update_fields=["voided_at"])
        step.to(RequestStatus.PENDING_ENDORSEMENT, endorsed_by=None, endorsed_at=None)
        step.details.update(revision=revision.number, revision_sha256=revision.content_hash)
    return request


def _check_no_virus(files: Iterable[Attachment]) -> None:
    infected = [file.name for file in files if file.is_infected]
    if infected:
        raise Refusal(
            "file-infected",
            _("A virus was found in %(names)s. Take it off the request before you send it.")
            % {"names": ", ".join(infected)},
        )


def _content_of(request: ExchangeRequest, scope, number: int, files: Iterable[Attachment]) -> dict:
    """The request as it is signed: plain values, agencies and instruments by their public codes, the scope, and the
    attached files by name and hash.

    The revision's number is part of it: the same words proposed again are another text, with another hash.
    """
    content = {
        "code": request.code,
        "revision": number,
        "consumer": request.consumer.code,
        "scope": scope.as_document(),
    }
    if request.amends:  # without it the text of a new request is what it always was
        content |= {"kind": str(request.kind), "agreement": request.amends.code, "version": request.amends.version}
    for name in CONTENT:
        value = getattr(request, name)
        if name in ("dataset", "legal_basis"):
            value = value.code if name == "dataset" else value.number
        elif hasattr(value, "isoformat"):
            value = value.isoformat()
        content[name] = value
    if request.is_emergency:
        content["emergency"] = {"ground": request.emergency_ground, "reason": request.emergency_reason}
    if request.joint:
        content["joint"] = request.joint.code
    content["attachments"] = [file.as_document() for file in files]
    content["named_users"] = sorted(str(user.public_id) for user in request.named_users.all())
    return json.loads(json.dumps(content))


def send_back(*, request: ExchangeRequest, by: User, reason: str) -> ExchangeRequest:
    with workflow.making("send_back", request, by=by, reason=reason):
        pass
    return request


def endorse(*, request: ExchangeRequest, by: User, revision_hash: str) -> ExchangeRequest:
    """Sign for the agency: the owner's case opens. Wholly inside a standing permission, it is granted at once.

    `revision_hash` is that of the text which the signatory read: nobody signs what was changed meanwhile.
    """
    with workflow.making("endorse", request, by=by) as step:
        subject = step.subject
        latest = subject.revisions.first()
        if revision_hash != latest.content_hash:
            raise Refusal(
                "rule-2", _("The request was changed after you opened this page. Read the new text, then sign.")
            )
        policy, scope = scopes.best_policy(subject)
        frozen = scopes.scope_of_revision(latest)
        if frozen != scope:
            raise Refusal(
                "offer-changed",
                _("The owner's policy changed since this was proposed. Send it back, so that the clerk can check it."),
            )
        former = subject.cases.filter(provider=subject.provider).first()
        due = deadlines.due_of(subject, former)
        case, _created = ReviewCase.objects.update_or_create(
            request=subject,
            provider=subject.provider,
            defaults={
                "policy": policy,
                # A return must not be a way to fewer approvers.
                "quorum": max(policy.quorum, former.quorum if former else 0),
                "reviews_needed": max(
                    emergencies.advice_needed(subject, policy), former.reviews_needed if former else 0
                ),
                "blind_review": policy.blind_review or bool(former and former.blind_review),
                "due_on": due.day,
                "term": due.term,
                "term_grounds": list(due.grounds),
                "paused_days": due.paused_days,
                "claimed_by": None,
                "claimed_at": None,
            },
        )
        latest.endorsed_by, latest.endorsed_at = by, timezone.now()
        latest.save(update_fields=["endorsed_by", "endorsed_at"])
        step.to(RequestStatus.SUBMITTED, endorsed_by=by, endorsed_at=latest.endorsed_at)
        step.details.update(policy=str(policy.public_id), due_on=case.due_on.isoformat())
        step.then(lambda: _grant_if_standing(request, case))
        if subject.is_emergency:
            step.then(lambda: emergency_notices.tell_waiting(case))
    return request


def _grant_if_standing(request: ExchangeRequest, case: ReviewCase) -> None:
    """Grant it where the owner decided beforehand; where that decision does not fit, the owner decides anew."""
    request.refresh_from_db()
    if not workflow.can_move("grant", request, None):
        return
    with workflow.making("grant", request, by=None) as step:
        step.details.update(
            policy=str(case.policy.public_id),
            decided_by=str(case.policy.decided_by.public_id),
            decided_at=case.policy.decided_at.isoformat(),
        )
        revision = request.revisions.first()
        scope = scopes.scope_of_revision(revision)
        letters.issue(case=case, content=letters.of_standing(case, revision, scope))
        step.then(lambda: agreements.conclude(case=case, scope=scope, is_standing=True))


def accept(*, request: ExchangeRequest, by: User) -> ExchangeRequest:
    """Take what the owner offered: the agreement has the narrowed scope."""
    with workflow.making("accept", request, by=by) as step:
        step.then(lambda: agreements.conclude_approved(request=request))
    return request


def decline(*, request: ExchangeRequest, by: User, reason: str) -> ExchangeRequest:
    with workflow.making("decline", request, by=by, reason=reason):
        pass
    return request


def withdraw(*, request: ExchangeRequest, by: User, reason: str = "") -> ExchangeRequest:
    with workflow.making("withdraw", request, by=by, reason=reason):
        pass
    return request
