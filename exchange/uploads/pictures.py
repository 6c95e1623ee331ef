"""Pictures: whole, and with nothing behind them or inside that a browser would take for a page."""

import struct

from django.utils.translation import gettext_lazy as _

from exchange.uploads.unacceptable import Unacceptable, damaged

PAGES = (b"<script", b"<html", b"<svg", b"<!doctype html")
PADDING = b"\0\r\n "


def check_png(content: bytes) -> None:
    """Chunk by chunk to the last one."""
    place, kind = 8, b""
    while kind != b"IEND":
        if len(content) < place + 12:
            raise damaged()
        (length,) = struct.unpack_from(">I", content, place)
        kind = content[place + 4 : place + 8]
        if place == 8 and kind != b"IHDR":
            raise damaged()
        place += 12 + length
    _check_end(content, place)
    _check_no_page(content)


def check_jpeg(content: bytes) -> None:
    if not content.rstrip(PADDING).endswith(b"\xff\xd9"):
        raise damaged()
    _check_no_page(content)


def check_tiff(content: bytes) -> None:
    order = "<" if content.startswith(b"II") else ">"
    if len(content) < 8:
        raise damaged()
    (place,) = struct.unpack_from(f"{order}I", content, 4)
    if place < 8 or len(content) < place + 2 or struct.unpack_from(f"{order}H", content, place)[0] == 0:
        raise damaged()
    _check_no_page(content)


def _check_end(content: bytes, place: int) -> None:
    if len(content) < place:
        raise damaged()
    if content[place:].strip(PADDING):
        raise Unacceptable("file-mixed", _("The file is of two kinds at once. Save it anew and attach that."))


def _check_no_page(content: bytes) -> None:
    lowered = content.lower()
    if any(mark in lowered for mark in PAGES):
        raise Unacceptable("file-mixed", _("The file is of two kinds at once. Save it anew and attach that."))
