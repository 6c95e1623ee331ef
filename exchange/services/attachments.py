"""Files of requests and comments: taking them in, handing them out, and knowing what they may hold."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from evidence import ledger
from exchange import rules, workflow
from exchange.choices import FileKind, ScanState
from exchange.models import Attachment, Comment, ExchangeRequest
from exchange.refusals import Incomplete, Refusal
from exchange.services import requests
from exchange.states import Side
from exchange.uploads import clamd, contents, names, store
from exchange.uploads.store import Staged
from exchange.uploads.unacceptable import Unacceptable
from registry.actors import actor_of
from registry.models import User


class Upload(Protocol):
    """A file as a form has it: its name as the browser sent it, and its bytes in pieces."""

    name: str

    def chunks(self) -> Iterable[bytes]: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is accepted and lies in its place, before the row that says so."""

    public_id: UUID
    name: str
    kind: FileKind
    size: int
    sha256: str


def attach(*, request: ExchangeRequest, by: User, uploads: Iterable[Upload]) -> list[Attachment]:
    """Put files beside a request that is still, or again, a draft: all of them, or none and why."""
    uploads = list(uploads)
    with workflow.recording_refusals("request.attach", request, by=by, side=Side.CONSUMER):
        check_attaching(request=request, by=by)
        if not uploads:
            raise Incomplete("no-file", _("Choose a file."), fields={"files": [_("Choose a file.")]})
        with taking(uploads) as taken:
            return attach_taken(request=request, by=by, taken=taken)


@dataclass(frozen=True, slots=True)
class Again:
    """A file that is attached somewhere already, to be attached elsewhere, too."""

    file: Attachment

    @property
    def name(self) -> str:
        return self.file.name

    def chunks(self) -> Iterator[bytes]:
        with _bytes_of(self.file) as content:
            while piece := content.read(store.PIECE):
                yield piece


def beside(request: ExchangeRequest) -> list[Again]:
    """The files beside a request that can be attached to another one: neither infected nor destroyed."""
    files = request.attachments.of_requests().filter(erased_at=None).exclude(scan=ScanState.INFECTED)
    return [Again(file) for file in files]


def attach_taken(*, request: ExchangeRequest, by: User, taken: list[Taken]) -> list[Attachment]:
    """Make the rows of files that were looked at, beside a draft; the files stay only if this ends well."""
    with transaction.atomic():
        locked = workflow.lock(request)
        check_attaching(request=locked, by=by, more=len(taken))
        requests.mark_edited(locked, by)
        return [_add(one, request=locked, by=by) for one in taken]


def check_attaching(*, request: ExchangeRequest, by: User, more: int = 1) -> None:
    """Refuse unless the person may edit the request, and it has room for so many files."""
    requests.check_editable(request=request, by=by)
    if request.attachments.of_requests().count() + more > settings.ATTACHMENT_MAX_COUNT:
        raise too_many()


def can_attach(*, request: ExchangeRequest, by: User) -> bool:
    try:
        check_attaching(request=request, by=by)
    except Refusal:
        return False
    return True


def too_many() -> Incomplete:
    problem = _("At most %(count)d files.") % {"count": settings.ATTACHMENT_MAX_COUNT}
    return Incomplete("too-many-files", problem, fields={"files": [problem]})


@contextmanager
def taking(uploads: list[Upload]) -> Iterator[list[Taken]]:
    """Write the files down and look into them, before any transaction; in the body their rows are made.

    Raises Incomplete that names every file which is not taken, and why. Nothing stays on the disk after an exception.
    """
    if len(uploads) > settings.ATTACHMENT_MAX_COUNT:
        raise too_many()
    with ExitStack() as stack:
        taken = _examined(stack, uploads)
        for one, staged in taken:
            store.publish(staged, one.public_id)
            stack.callback(store.destroy, one.sha256, one.public_id)
        yield [one for one, _staged in taken]
        stack.pop_all()


def _examined(stack: ExitStack, uploads: list[Upload]) -> list[tuple[Taken, Staged]]:
    taken, problems = [], []
    for upload in uploads:
        name = names.cleaned(upload.name)
        try:
            staged = stack.enter_context(store.staging(upload.chunks()))
            kind = contents.kind_of(staged.path.read_bytes(), name)
        except Unacceptable as refused:
            problems.append((refused.code, f"{name}: {refused.message}"))
        else:
            taken.append((Taken(uuid4(), name, kind, staged.size, staged.sha256), staged))
    if problems:
        code, problem = problems[0]
        raise Incomplete(code, problem, fields={"files": [text for _code, text in problems]})
    return taken


def add_to_part(*, part: ExchangeRequest, by: User, taken: list[Taken]) -> list[Attachment]:
    """Make the rows of files that a new part of a joint request begins with, in the transaction in which it begins."""
    return [_add(one, request=part, by=by) for one in taken]


def add_to_comment(*, comment: Comment, taken: list[Taken]) -> list[Attachment]:
    """Make the rows of files that come with a comment, in the transaction in which it is written."""
    return [_add(one, request=comment.request, by=comment.made_by, comment=comment) for one in taken]


def _add(taken: Taken, *, request: ExchangeRequest, by: User, comment: Comment | None = None) -> Attachment:
    file = Attachment.objects.create(
        public_id=taken.public_id,
        request=request,
        comment=comment,
        name=taken.name,
        kind=taken.kind,
        size=taken.size,
        sha256=taken.sha256,
        added_by=by,
        agency=comment.agency if comment else request.consumer,
    )
    about = {"kind": str(file.kind), "size": file.size}
    # Not the same action: who reads that a file came with a comment is who reads the comment.
    action = "request.attach_to_comment" if comment else "request.attach"
    if comment:
        about["comment"] = str(comment.public_id)
    _record(action, file, by, personal={"name": file.name}, **about)
    return file


def detach(*, attachment: Attachment, by: User) -> Attachment:
    """Take a file off a request that is still, or again, a draft. Its row stays, and its bytes if a revision names it."""
    request = attachment.request
    refusals = workflow.recording_refusals("request.detach", request, by=by, side=Side.CONSUMER)
    with refusals, transaction.atomic():
        locked = workflow.lock(request)
        requests.check_editable(request=locked, by=by)
        file = locked.attachments.of_requests().select_related("agency").filter(pk=attachment.pk).first()
        if file is None:
            raise Refusal("file-gone", _("This file is no longer attached."))
        file.removed_by, file.removed_at = by, timezone.now()
        file.save(update_fields=["removed_by", "removed_at"])
        requests.mark_edited(locked, by)
        _record("request.detach", file, by)
    return file


def open_file(*, attachment: Attachment, by: User) -> BinaryIO:
    """The file for somebody who may read it; the caller closes it. The entry in the ledger is written first."""
    request = attachment.request
    is_consumer = ExchangeRequest.objects.visible_to(by).filter(pk=request.pk).exists()
    side = Side.CONSUMER if is_consumer else Side.PROVIDER
    with workflow.recording_refusals("request.open_file", request, by=by, side=side):
        check_opening(attachment=attachment, by=by)
        file = _bytes_of(attachment)
        try:
            with transaction.atomic():
                _record("request.open_file", attachment, by, agency=rules.acting_agency(side, request, by))
        except BaseException:
            file.close()
            raise
    return file


def _bytes_of(attachment: Attachment) -> BinaryIO:
    try:
        return store.opened(attachment.sha256, attachment.public_id)
    except FileNotFoundError:
        raise Refusal("file-missing", _("The file is missing. Tell the operator the request number.")) from None


def check_opening(*, attachment: Attachment, by: User) -> None:
    """Refuse unless the person may read the file, it is still there, and the scanner, where there is one, found nothing."""
    if not Attachment.objects.readable_by(by).filter(pk=attachment.pk).exists():
        raise Refusal("file-not-yours", _("This file is not for you."))
    if attachment.is_infected:
        raise Refusal("file-infected", _("A virus was found in this file; it was destroyed."))
    if attachment.is_erased:
        raise Refusal("file-gone", _("This file was destroyed, its time being over."))
    if attachment.is_quarantined and clamd.is_set_up():
        raise Refusal("file-waits", _("This file is being checked for viruses. Try again in some minutes."))


def _record(action: str, file: Attachment, by: User | None, *, agency=None, personal=None, **details) -> None:
    ledger.record(
        action=action,
        actor=actor_of(by, agency or file.agency),
        subject=("request", file.request.code),
        correlation_id=file.request.code,
        details={"file": str(file.public_id), "sha256": file.sha256, **details},
        personal=personal,
    )
