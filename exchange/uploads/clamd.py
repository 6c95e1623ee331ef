"""Asking a clamd whether a file is infected, by INSTREAM of its protocol: pieces with their length before them.

https://docs.clamav.net/manual/Usage/Scanning.html: `zINSTREAM\\0`, then <length: 4 bytes, big endian><piece> again and
again, then a length of zero; the answer is `stream: OK\\0`, `stream: <name> FOUND\\0` or `… ERROR\\0`.
"""

import socket
import struct
from typing import BinaryIO

from django.conf import settings

PIECE = 64 * 1024
LONGEST_ANSWER = 4_096


class Unavailable(Exception):
    """There is no answer that says anything about the file: it has to be asked again."""


def is_set_up() -> bool:
    return bool(settings.CLAMD_ADDRESS)


def virus_in(file: BinaryIO) -> str:
    """The name of what was found in it, empty where nothing was. Raises Unavailable."""
    try:
        with _connected() as link:
            link.sendall(b"zINSTREAM\0")
            while piece := file.read(PIECE):
                link.sendall(struct.pack(">I", len(piece)) + piece)
            link.sendall(struct.pack(">I", 0))
            answer = _answer(link)
    except OSError as error:  # a time-out, too, and a connection that clamd closed because of its own limit
        raise Unavailable(type(error).__name__) from None
    return _found(answer)


def _connected() -> socket.socket:
    address, seconds = settings.CLAMD_ADDRESS, settings.CLAMD_TIMEOUT
    if address.startswith("/"):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(seconds)
        try:
            link.connect(address)
        except OSError:
            link.close()
            raise
        return link
    host, _colon, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=seconds)


def _answer(link: socket.socket) -> bytes:
    answer = b""
    while b"\0" not in answer and len(answer) < LONGEST_ANSWER:
        piece = link.recv(LONGEST_ANSWER)
        if not piece:
            break
        answer += piece
    return answer.partition(b"\0")[0].strip()


def _found(answer: bytes) -> str:
    text = answer.decode("utf-8", "replace")
    if text == "stream: OK":
        return ""
    if text.startswith("stream: ") and text.endswith(" FOUND"):
        return text.removeprefix("stream: ").removesuffix(" FOUND")
    raise Unavailable("answer")
