"""Talking about a request: among colleagues unless the writer chooses otherwise, and never rewritten."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import timedelta

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import involved, rules, workflow
from exchange.choices import Audience
from exchange.models import Comment, ExchangeRequest, ReviewCase
from exchange.refusals import Incomplete, Refusal, WrongState
from exchange.services import attachments
from exchange.states import REQUEST, RequestStatus, Side
from registry import notice_kinds, permissions
from registry.actors import actor_of
from registry.choices import Role
from registry.models import User
from registry.services import notices

LONGEST = 4_000
RETRACTABLE = timedelta(minutes=10)  # the database holds it, too
# Notices say where a comment stands, never what it says.
BY_COLLEAGUE = notice_kinds.define(
    "comment-by-colleague",
    _("A colleague wrote a comment"),
    _("A colleague wrote a comment on request %(code)s."),
)
BY_OTHER_SIDE = notice_kinds.define(
    "comment-by-other-agency",
    _("Another agency writes to you"),
    _("“%(agency)s” wrote to your agency about request %(code)s."),
)


def write(
    *,
    request: ExchangeRequest,
    by: User,
    side: Side,
    text: str,
    audience: Audience = Audience.INTERNAL,
    uploads: Sequence[attachments.Upload] = (),
) -> Comment:
    """Say something about a request for the asking agency or for the owner, and tell those whom it concerns.

    Files that come with it are read by whoever reads the comment. Where one of them is refused, nothing is written.
    """
    with workflow.recording_refusals("request.comment", request, by=by, side=side):
        rules.check_text(text=text)
        check_writing(request=request, by=by, side=side, audience=audience)  # before anything is written to the disk
        text = _checked(text)
        with attachments.taking(list(uploads)) if uploads else nullcontext([]) as taken, transaction.atomic():
            return _write(request, by, side, text, audience, taken)


def _write(
    request: ExchangeRequest, by: User, side: Side, text: str, audience: Audience, taken: list[attachments.Taken]
) -> Comment:
    locked = workflow.lock(request)
    check_writing(request=locked, by=by, side=side, audience=audience)
    case = involved.find_case(locked) if _crosses(side, audience) else None
    comment = Comment.objects.create(
        request=locked,
        case=case,
        side=side,
        audience=audience,
        text=text,
        made_by=by,
        agency=rules.agency_of_side(side, locked),
    )
    ledger.record(
        action="request.comment",
        actor=actor_of(by, comment.agency),
        subject=("request", locked.code),
        correlation_id=locked.code,
        details={"comment": str(comment.public_id), "side": str(side), "audience": str(audience)},
        personal={"text": comment.text},
    )
    attachments.add_to_comment(comment=comment, taken=taken)
    _tell(comment)
    return comment


def check_writing(*, request: ExchangeRequest, by: User, side: Side, audience: Audience = Audience.INTERNAL) -> None:
    """Refuse unless the person may write for that side to that audience now."""
    if side == Side.CONSUMER:
        if not permissions.has_role(by, Role.REQUESTER, Role.ENDORSER, agency=request.consumer):
            raise Refusal(
                "not-your-role",
                _("Only who files or signs for %(agency)s writes for it.") % {"agency": request.consumer},
            )
    else:
        rules.check_desk(request, by)
    if request.status in REQUEST.terminal:
        raise WrongState(request.get_status_display())
    if _crosses(side, audience) and (request.status == RequestStatus.DRAFT or involved.find_case(request) is None):
        raise Refusal(
            "not-with-owner",
            _("The owner of the data does not have this request at the moment: a draft is the asking agency's own."),
        )


def can_write(*, request: ExchangeRequest, by: User, side: Side, audience: Audience = Audience.INTERNAL) -> bool:
    try:
        check_writing(request=request, by=by, side=side, audience=audience)
    except Refusal:
        return False
    return True


def retract(*, comment: Comment, by: User) -> Comment:
    """Hide the words of an own comment soon after it was written. That it was there stays, with who and when."""
    action = "request.retract_comment"
    with workflow.recording_refusals(action, comment.request, by=by, side=Side(comment.side)), transaction.atomic():
        locked = Comment.objects.select_related("request", "agency").select_for_update(of=("self",)).get(pk=comment.pk)
        check_retracting(comment=locked, by=by)
        locked.retracted_at = timezone.now()
        locked.save(update_fields=["retracted_at"])
        ledger.record(
            action=action,
            actor=actor_of(by, locked.agency),
            subject=("request", locked.request.code),
            correlation_id=locked.request.code,
            details={"comment": str(locked.public_id)},
        )
    return locked


def check_retracting(*, comment: Comment, by: User) -> None:
    if comment.made_by_id != by.pk:
        raise Refusal("not-your-comment", _("Only who wrote a comment takes it back."))
    if comment.retracted_at:
        raise Refusal("taken-back", _("This comment is taken back already."))
    if timezone.now() > comment.made_at + RETRACTABLE:
        raise Refusal(
            "too-late",
            _("A comment can be taken back within ten minutes. Write another one that corrects it."),
        )


def can_retract(*, comment: Comment, by: User) -> bool:
    try:
        check_retracting(comment=comment, by=by)
    except Refusal:
        return False
    return True


def _crosses(side: Side, audience: Audience) -> bool:
    """Whether it is about the owner's case: everything but what the asking agency keeps to itself."""
    return side == Side.PROVIDER or audience == Audience.BOTH


def _checked(text: str) -> str:
    text = text.strip()
    if not text:
        raise Incomplete("comment-empty", _("Write your comment."), fields={"text": [_("This field is needed.")]})
    if len(text) > LONGEST:
        problem = _("At most %(count)d characters.") % {"count": LONGEST}
        raise Incomplete("comment-too-long", problem, fields={"text": [problem]})
    return text


def _tell(comment: Comment) -> None:
    told = {"code": comment.request.code, "agency": comment.agency}
    for side, people, path in (
        (Side.CONSUMER, _clerks(comment), reverse("exchange:request-detail", args=[comment.request.public_id])),
        (
            Side.PROVIDER,
            _desk(comment) if comment.case else [],
            reverse("admin:exchange_reviewcase_change", args=[comment.case_id]) if comment.case else "",
        ),
    ):
        if comment.is_internal and side != comment.side:
            continue
        kind = BY_COLLEAGUE if side == comment.side else BY_OTHER_SIDE
        notices.tell(kind=kind, to=[one for one in people if one != comment.made_by], path=f"{path}#comments", **told)


def _clerks(comment: Comment) -> list[User]:
    """Who filed, edited or signed it, or wrote about it, and still works on it for the agency."""
    request = comment.request
    part = [request.created_by, request.taken_over_by, request.last_edited_by, request.endorsed_by]
    people = [*part, *_writers(request.comments, Side.CONSUMER)]
    return [one for one in people if one and ExchangeRequest.objects.visible_to(one).filter(pk=request.pk).exists()]


def _desk(comment: Comment) -> list[User]:
    """Who handles the case, or could take it on, and who of the desk wrote about it before."""
    case = comment.case
    officers = permissions.people_named(permissions.HANDLE, comment.request.dataset.database)
    people = [*([case.claimed_by] if case.claimed_by else officers), *_writers(case.comments, Side.PROVIDER)]
    return [one for one in people if ReviewCase.objects.for_desk_of(one).filter(pk=case.pk).exists()]


def _writers(comments, side: Side) -> Iterable[User]:
    return User.objects.filter(pk__in=comments.filter(side=side).order_by().values("made_by"))
