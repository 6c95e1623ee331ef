"""Plain text: UTF-8 that people read, and no program."""

import re

from django.utils.translation import gettext_lazy as _

from exchange.uploads.unacceptable import Unacceptable

NOT_WRITTEN = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# What other programs would open as a page, a document with parts, or a script.
PROGRAMS = re.compile(r"<(?:!doctype|html|head|body|svg|script|iframe|object|embed|\?xml|\?php)\b", re.IGNORECASE)
BEGINNINGS = ("{\\rtf", "#!", "%!", "mime-version:")


def check(content: bytes) -> None:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _not_accepted() from None
    if NOT_WRITTEN.search(text):
        raise _not_accepted()
    if PROGRAMS.search(text) or text.lstrip().lower().startswith(BEGINNINGS):
        raise Unacceptable("file-active", _("The file is a page or a program, not plain text."))


def _not_accepted() -> Unacceptable:
    return Unacceptable(
        "file-kind", _("Files of this kind are not accepted. Text and CSV have to be in the encoding UTF-8.")
    )
