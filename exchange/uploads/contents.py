"""What a file is, by its own bytes: one of the kinds that are accepted and no second one beside it, or it is refused."""

import io
import zipfile

from django.utils.translation import gettext_lazy as _

from exchange.choices import FileKind
from exchange.uploads import archives, pdf, pictures, texts
from exchange.uploads.unacceptable import Unacceptable

EXTENSIONS: dict[FileKind, tuple[str, ...]] = {
    FileKind.PDF: ("pdf",),
    FileKind.PNG: ("png",),
    FileKind.JPEG: ("jpg", "jpeg"),
    FileKind.TIFF: ("tif", "tiff"),
    FileKind.DOCX: ("docx",),
    FileKind.XLSX: ("xlsx",),
    FileKind.ODT: ("odt",),
    FileKind.ODS: ("ods",),
    FileKind.TEXT: ("txt",),
    FileKind.CSV: ("csv",),
}
ACCEPTED = sorted(extension for extensions in EXTENSIONS.values() for extension in extensions)
MEDIA_TYPES: dict[FileKind, str] = {
    FileKind.PDF: "application/pdf",
    FileKind.PNG: "image/png",
    FileKind.JPEG: "image/jpeg",
    FileKind.TIFF: "image/tiff",
    FileKind.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.ODT: "application/vnd.oasis.opendocument.text",
    FileKind.ODS: "application/vnd.oasis.opendocument.spreadsheet",
    FileKind.TEXT: "text/plain; charset=utf-8",
    FileKind.CSV: "text/csv; charset=utf-8",
}
CHECKS = (
    (b"%PDF-", pdf.check, FileKind.PDF),
    (b"\x89PNG\r\n\x1a\n", pictures.check_png, FileKind.PNG),
    (b"\xff\xd8\xff", pictures.check_jpeg, FileKind.JPEG),
    (b"II*\0", pictures.check_tiff, FileKind.TIFF),
    (b"MM\0*", pictures.check_tiff, FileKind.TIFF),
)
NOT_A_SECOND_ONE = 1_024  # readers of PDF accept a file that begins as one within so many bytes


def kind_of(content: bytes, name: str) -> FileKind:
    """The kind of a whole file; raises Unacceptable. The name only has to agree with what the bytes say."""
    if not content:
        raise Unacceptable("file-empty", _("The file is empty."))
    extension = name.rpartition(".")[2].lower()
    kind = _by_content(content, extension)
    if extension not in EXTENSIONS[kind]:
        raise Unacceptable(
            "file-name-differs",
            _("Its name does not end as that of its kind, which by content is %(kind)s.") % {"kind": kind.label},
        )
    return kind


def _by_content(content: bytes, extension: str) -> FileKind:
    if content.startswith(b"PK\x03\x04"):
        return archives.kind_of(content)
    for beginning, check, kind in CHECKS:
        if content.startswith(beginning):
            check(content)
            _check_single(content, kind)
            return kind
    texts.check(content)
    kind = FileKind.CSV if extension in EXTENSIONS[FileKind.CSV] else FileKind.TEXT
    _check_single(content, kind)
    return kind


def _check_single(content: bytes, kind: FileKind) -> None:
    """Refuse what another program would open as another kind of file."""
    is_pdf_too = kind != FileKind.PDF and b"%PDF-" in content[:NOT_A_SECOND_ONE]
    if is_pdf_too or zipfile.is_zipfile(io.BytesIO(content)):
        raise Unacceptable("file-mixed", _("The file is of two kinds at once. Save it anew and attach that."))
