"""Asking several owners at once: what is common is written once, each part goes its own way through its owner's desk."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import offers, workflow
from exchange.models import ExchangeRequest, JointRequest
from exchange.refusals import Refusal
from exchange.services import attachments, numbers, requests
from exchange.states import REQUEST, RequestStatus, Side
from registry.actors import actor_of
from registry.models import Dataset, User

MOST_PARTS = 10
# What each part says of its own; everything else of a request's content is written for all parts at once.
OWN = ("dataset", "field_names", "row_filter", "row_limit", "mode", "file_format", "frequency")
COMMON = tuple(name for name in requests.CONTENT if name not in OWN)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one part."""

    part: ExchangeRequest
    refusal: Refusal | None = None


def add_part(*, request: ExchangeRequest, dataset: Dataset, by: User) -> ExchangeRequest:
    """A new draft beside a draft, about another dataset, with everything that they have in common, files included.

    Each part has its files for itself: they are signed with it, and may be taken off it alone.
    """
    with workflow.recording_refusals("request.join", request, by=by, side=Side.CONSUMER):
        check_adding(request=request, by=by)  # before anything is written to the disk
        files = attachments.beside(request)
        with attachments.taking(files) as taken, transaction.atomic():
            part = _add_part(request, dataset, by)
            if attachments.beside(request) != files:
                raise Refusal("stale", _("Somebody changed the files in between. Add the dataset once more."))
            attachments.add_to_part(part=part, by=by, taken=taken)
    request.refresh_from_db()
    return part


def _add_part(request: ExchangeRequest, dataset: Dataset, by: User) -> ExchangeRequest:
    locked = workflow.lock(request)
    check_adding(request=locked, by=by)
    _check_dataset(locked, dataset)
    joint = locked.joint or _begin(locked, by)
    if joint.parts.count() >= MOST_PARTS:
        raise Refusal("too-many-parts", _("A joint request has at most %(count)d parts.") % {"count": MOST_PARTS})
    content = {name: getattr(locked, name) for name in COMMON}
    part = requests.create(consumer=locked.consumer, by=by, content={**content, "dataset": dataset}, joint=joint)
    part.named_users.set(locked.named_users.all())
    return part


def _begin(request: ExchangeRequest, by: User) -> JointRequest:
    joint = JointRequest.objects.create(code=numbers.take(numbers.JOINT), consumer=request.consumer, created_by=by)
    request.joint = joint
    request.save(update_fields=["joint"])
    ledger.record(
        action="request.join",
        actor=actor_of(by, request.consumer),
        subject=("request", request.code),
        correlation_id=request.code,
        details={"joint": joint.code},
    )
    return joint


def check_adding(*, request: ExchangeRequest, by: User) -> None:
    """Refuse unless the person edits the request, and it was never sent: what was signed once stays as it was."""
    requests.check_editable(request=request, by=by)
    if request.dataset_id is None:
        raise Refusal("no-dataset", _("Choose the first dataset before you add another one."))
    if request.is_emergency:
        raise Refusal("emergency-alone", _("An emergency is asked for on its own: file another request beside it."))
    if request.revisions.exists():
        raise Refusal("sent-before", _("It was sent already: copy it as new to ask for more datasets."))


def _check_dataset(request: ExchangeRequest, dataset: Dataset) -> None:
    asked = request.joint.parts.open() if request.joint else ExchangeRequest.objects.filter(pk=request.pk)
    if asked.filter(dataset=dataset).exists():
        raise Refusal("asked-already", _("This dataset is part of it already."))
    obstacle = offers.obstacle(request.consumer, dataset)
    if obstacle:
        raise offers.refusal(obstacle)


def save_common(*, request: ExchangeRequest, by: User, version: int, content: Mapping, named_users=None):
    """Store one screen of a part, and what of it is common in the other parts that can still be edited.

    Raises as `requests.save_draft` does, for the part itself. Another part that somebody sent meanwhile stays as it is.
    """
    saved = requests.save_draft(request=request, by=by, version=version, content=content, named_users=named_users)
    common = {name: value for name, value in content.items() if name in COMMON}
    for part in others(saved):
        if part.is_editable:
            _save_also(part, by, common, named_users)
    return saved


def _save_also(part: ExchangeRequest, by: User, common: Mapping, named_users) -> None:
    with contextlib.suppress(Refusal):  # on record; its own page shows how it stands
        requests.save_draft(request=part, by=by, version=part.version, content=common, named_users=named_users)


def parts_of(joint: JointRequest):
    return joint.parts.for_lists().select_related("joint").order_by("pk")


def others(request: ExchangeRequest) -> list[ExchangeRequest]:
    """The other parts of what it is a part of; none where it stands alone."""
    return list(parts_of(request.joint).exclude(pk=request.pk)) if request.joint_id else []


def other_owners(request: ExchangeRequest) -> list[str]:
    """Whom else it asks, as the owner of one part may know it: once that part is signed."""
    signed = [part for part in others(request) if part.provider and part.endorsed_at]
    return list(dict.fromkeys(str(part.provider) for part in signed))


def propose_all(*, joint: JointRequest, by: User) -> list[Result]:
    """Send every part that can still be edited for signature; none where one of them is not ready.

    Raises Incomplete (or another Refusal) of the first part that is not.
    """
    parts = [part for part in parts_of(joint) if part.is_editable]
    for part in parts:
        workflow.check_move("propose", part, by)
    return [_made(part, lambda part: requests.propose(request=part, by=by)) for part in parts]


def endorse_all(*, joint: JointRequest, by: User, hashes: Mapping[str, str]) -> list[Result]:
    """Sign the parts whose texts were read: `hashes` has the hash of each by the part's number."""
    parts = [part for part in parts_of(joint) if part.code in hashes]
    return [
        _made(part, lambda part: requests.endorse(request=part, by=by, revision_hash=hashes[part.code]))
        for part in parts
    ]


def withdraw_all(*, joint: JointRequest, by: User, reason: str = "") -> list[Result]:
    """Withdraw every part that is not closed."""
    parts = [part for part in parts_of(joint) if part.status in REQUEST.open]
    return [_made(part, lambda part: requests.withdraw(request=part, by=by, reason=reason)) for part in parts]


def _made(part: ExchangeRequest, act: Callable[[ExchangeRequest], object]) -> Result:
    try:
        act(part)
    except Refusal as refusal:
        return Result(part, refusal)
    return Result(part)


def to_sign(joint: JointRequest) -> list[ExchangeRequest]:
    return [part for part in parts_of(joint) if part.status == RequestStatus.PENDING_ENDORSEMENT]
