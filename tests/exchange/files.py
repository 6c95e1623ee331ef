"""Small files of every kind, sound ones and others, and a clamd that answers on a socket of its own."""

import io
import socket
import struct
import threading
import zipfile
import zlib
from contextlib import contextmanager

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
TEXT = "application/vnd.oasis.opendocument.text"
TABLE = "application/vnd.oasis.opendocument.spreadsheet"


def pdf(*objects: bytes, end: bytes = b"%%EOF\n") -> bytes:
    """A document with these objects beside its catalogue."""
    body = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n"
    for number, content in enumerate(objects, start=3):
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    return body + b"trailer\n<< /Root 1 0 R >>\nstartxref\n0\n" + end


def packed(text: bytes, entries: bytes = b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode") -> bytes:
    """A stream as an object, packed."""
    stream = zlib.compress(text)
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(stream), stream)


def png(*chunks: tuple[bytes, bytes], end: bytes = b"") -> bytes:
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        *chunks,
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + body + end


def jpeg(inside: bytes = b"", end: bytes = b"") -> bytes:
    return b"\xff\xd8\xff\xfe" + struct.pack(">H", len(inside) + 2) + inside + b"\xff\xd9" + end


def tiff(order: str = "<") -> bytes:
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IHHHII", 8, 1, 256, 3, 1, 1) + b"\0" * 4


def archive(parts: dict[str, bytes | str], end: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return file.getvalue() + end


def office(main: str = WORD, more: dict[str, bytes | str] | None = None, types: str = "") -> bytes:
    """An Office Open XML file whose main part is of that type."""
    listed = f'<Override PartName="/main.xml" ContentType="{main}"/>{types}'
    content_types = f'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{listed}</Types>'
    return archive({"[Content_Types].xml": content_types, "main.xml": "<document/>", **(more or {})})


def links(kind: str, mode: str = "External") -> str:
    schema = "http://schemas.openxmlformats.org"
    return (
        f'<Relationships xmlns="{schema}/package/2006/relationships"><Relationship Id="r1" TargetMode="{mode}"'
        f' Type="{schema}/officeDocument/2006/relationships/{kind}" Target="https://elsewhere.example/x"/></Relationships>'
    )


def open_document(media_type: str = TEXT, more: dict[str, bytes | str] | None = None, entry: str = "") -> bytes:
    namespace = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    manifest = f'<m:manifest xmlns:m="{namespace}"><m:file-entry m:full-path="/">{entry}</m:file-entry></m:manifest>'
    return archive({"mimetype": media_type, "content.xml": "<x/>", "META-INF/manifest.xml": manifest, **(more or {})})


@contextmanager
def clamd(settings, *, answer: bytes | None = None, silent: bool = False):
    """A server that speaks INSTREAM: finds the EICAR text, unless told what to answer or to say nothing.

    Yields what it was sent, one text for each file.
    """
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve():
            while True:
                try:
                    link, _address = server.accept()
                except OSError:
                    return
                with link, link.makefile("rb") as sent:
                    if over.is_set() or sent.read(10) != b"zINSTREAM\0":
                        return
                    content = b""
                    while size := struct.unpack(">I", sent.read(4))[0]:
                        content += sent.read(size)
                    received.append(content)
                    if silent:
                        over.wait(5)
                        return
                    found = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
                    link.sendall(answer or found)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        settings.CLAMD_ADDRESS = f"127.0.0.1:{server.getsockname()[1]}"
        settings.CLAMD_TIMEOUT = 1 if silent else 5
        try:
            yield received
        finally:
            over.set()
            settings.CLAMD_ADDRESS = ""
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
