"""How pages show attached files, and hand them out: always to be saved, never shown inside the portal's own pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from django.http import FileResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.models import Attachment
from exchange.uploads import clamd, contents

# Whatever a browser makes of the bytes, it runs nothing and is of no origin.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file, what is to be known before it is opened, and whether it can be."""

    file: Attachment
    note: str | Promise
    can_open: bool


def lines_of(files: Iterable[Attachment]) -> list[FileLine]:
    return [FileLine(file, *_state_of(file)) for file in files]


def _state_of(file: Attachment) -> tuple[str | Promise, bool]:
    if file.is_infected:
        return _("A virus was found in this file; it was destroyed."), False
    if file.is_erased:
        return _("This file was destroyed, its time being over."), False
    if not file.is_quarantined:
        return "", True
    if clamd.is_set_up():
        return _("Being checked for viruses. It can be opened after that."), False
    return _("Not checked for viruses: open it with care."), True


def response(file: BinaryIO, attachment: Attachment) -> FileResponse:
    """The bytes as a download under the name that the file was attached with."""
    return FileResponse(
        file,
        as_attachment=True,
        filename=attachment.name,
        content_type=contents.MEDIA_TYPES[attachment.kind],
        headers=HEADERS,
    )
