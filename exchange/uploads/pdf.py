"""PDF: a document to be read, with nothing in it that acts.

Names are looked for in the whole file and in its packed objects. What somebody hides with more effort than that is for
the virus scanner; here it is made sure that an ordinary file with scripts or files inside does not pass unnoticed.
"""

import re
import zlib
from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from exchange.uploads.unacceptable import Unacceptable, damaged

ACTIVE = (b"/JavaScript", b"/Launch", b"/EmbeddedFile", b"/RichMedia", b"/ImportData", b"/SubmitForm", b"/GoToE")
OTHER_PACKING = (b"/ASCII85Decode", b"/ASCIIHexDecode", b"/LZWDecode", b"/RunLengthDecode")
STREAM = re.compile(rb"(?<!end)stream\r?\n")
ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
# A stream of objects begins with their numbers and places, a comment may come first.
OBJECTS = re.compile(rb"[\s\0]*(?:\d+\s+\d+|%)")
MOST_UNPACKED = 100 * 1024 * 1024  # bytes of all streams of objects together
PIECE = 64 * 1024
PADDING = b"\0\t\n\f\r "


def check(content: bytes) -> None:
    """Raises Unacceptable; a sealed file, too, because nobody can look into it."""
    if not content.rstrip(PADDING).endswith(b"%%EOF"):
        raise damaged()
    text = _unescaped(content)
    if b"/Encrypt" in text:
        raise Unacceptable("file-locked", _("The file is encrypted. Save it without a password and attach that."))
    _check_acts(text)
    packed = 0
    for objects in _packed_objects(content):
        _check_acts(_unescaped(objects))
        packed += 1
    declared = text.count(b"/ObjStm")
    if declared > packed or (declared and any(name in text for name in OTHER_PACKING)):
        raise Unacceptable(
            "file-hidden", _("The file is packed in an unusual way. Print it to PDF anew, and attach that.")
        )


def _check_acts(text: bytes) -> None:
    if any(name in text for name in ACTIVE):
        raise Unacceptable(
            "file-active",
            _("The file holds scripts, forms that send, or other files. Print it to PDF anew, and attach that."),
        )


def _unescaped(text: bytes) -> bytes:
    """With the names as readers of PDF understand them: any letter can be written as its code."""
    return ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text)


def _packed_objects(content: bytes) -> Iterator[bytes]:
    left = MOST_UNPACKED
    for found in STREAM.finditer(content):
        objects = _unpacked(content, found.end(), left)
        left -= len(objects)
        if left <= 0:
            raise Unacceptable("file-unpacked", _("Unpacked, the file is larger than what is accepted."))
        if objects:
            yield objects


def _unpacked(content: bytes, start: int, most: int) -> bytes:
    """The stream that begins there, where it looks like one of objects; else nothing. Cut off where it is damaged."""
    engine, parts, size = zlib.decompressobj(), [], 0
    try:
        part = engine.decompress(content[start : start + PIECE], 64)
    except zlib.error:
        return b""
    if not OBJECTS.match(part):
        return b""
    place = start + PIECE
    while size <= most:
        parts.append(part)
        size += len(part)
        if engine.eof:
            break
        piece = engine.unconsumed_tail
        if not piece:
            piece, place = content[place : place + PIECE], place + PIECE
        if not piece:
            break
        try:
            part = engine.decompress(piece, most - size + 1)
        except zlib.error:
            break
    return b"".join(parts)
