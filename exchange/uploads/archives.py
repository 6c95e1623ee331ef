"""Office files, which are ZIP archives of parts: of a known kind, without macros, and no larger unpacked than is fair."""

import io
import zipfile
from xml.etree import ElementTree

from django.utils.translation import gettext_lazy as _

from exchange.choices import FileKind
from exchange.uploads.unacceptable import Unacceptable, damaged
from registry.markup import DocumentTypeFound, Gate

MOST_PARTS = 3_000
MOST_UNPACKED = 200 * 1024 * 1024  # bytes of all parts together
PIECE = 1024 * 1024
LONGEST_READ = 4 * 1024 * 1024  # of the parts that say what the others are

MAIN_PARTS = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": FileKind.DOCX,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": FileKind.XLSX,
}
OPEN_DOCUMENTS = {
    b"application/vnd.oasis.opendocument.text": FileKind.ODT,
    b"application/vnd.oasis.opendocument.spreadsheet": FileKind.ODS,
}
CONTENT_TYPES, MIMETYPE, MANIFEST = "[Content_Types].xml", "mimetype", "META-INF/manifest.xml"
# Parts of which a document to be read has none, in small letters.
MACRO_PARTS = ("vbaproject", "vbadata", "/activex/", "/macrosheets/", "basic/", "scripts/")
MACRO_TYPES = ("macroenabled", "vbaproject", "activex", "macrosheet", "oleobject")


def kind_of(content: bytes) -> FileKind:
    """Raises Unacceptable, also for an archive that is no document."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            _check_frame(content, parts)
            _check_size(parts)
            names = parts.namelist()
            if CONTENT_TYPES in names:
                return _open_xml(parts)
            if names[0] == MIMETYPE:
                return _open_document(parts)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        ElementTree.ParseError,
    ):
        # What the reader stumbles over, others would, too, or read differently.
        raise damaged() from None
    except DocumentTypeFound:
        raise damaged() from None
    raise _not_accepted()


def _check_frame(content: bytes, parts: zipfile.ZipFile) -> None:
    """One archive from the first byte to the last, with parts that have each a name of its own inside of it."""
    infos = parts.infolist()
    if not infos or len(infos) > MOST_PARTS:
        raise _too_large()
    if parts.comment or min(info.header_offset for info in infos) != 0 or not content[-22:].startswith(b"PK\x05\x06"):
        raise Unacceptable("file-mixed", _("The file is of two kinds at once. Save it anew and attach that."))
    names = [info.filename for info in infos]
    outside = [name for name in names if name.startswith("/") or "\\" in name or ".." in name.split("/")]
    if outside or len({name.lower() for name in names}) != len(names):
        raise damaged()
    if any(info.flag_bits & 1 for info in infos):
        raise _locked()


def _check_size(parts: zipfile.ZipFile) -> None:
    """Unpack in pieces and count, as the sizes in the file are its own words."""
    size = 0
    for info in parts.infolist():
        with parts.open(info) as part:
            while piece := part.read(PIECE):
                size += len(piece)
                if size > MOST_UNPACKED:
                    raise _too_large()


def _open_xml(parts: zipfile.ZipFile) -> FileKind:
    types = [element.get("ContentType", "") for element in _tree(parts, CONTENT_TYPES)]
    _check_no_macros(parts, types)
    kinds = {MAIN_PARTS[name] for name in types if name in MAIN_PARTS}
    if len(kinds) != 1:
        raise _not_accepted()
    for name in parts.namelist():
        if name.lower().endswith(".rels"):
            _check_links(_tree(parts, name))
    return kinds.pop()


def _check_links(relationships: ElementTree.Element) -> None:
    """A link that a reader follows is its own choice; a template or picture from elsewhere is fetched unasked."""
    for one in relationships:
        if one.get("TargetMode", "").lower() == "external" and not one.get("Type", "").endswith("/hyperlink"):
            raise Unacceptable(
                "file-linked", _("The file fetches parts from elsewhere. Save it as PDF and attach that.")
            )


def _open_document(parts: zipfile.ZipFile) -> FileKind:
    kind = OPEN_DOCUMENTS.get(_read(parts, MIMETYPE).strip())
    if kind is None:
        raise _not_accepted()
    entries = list(_tree(parts, MANIFEST).iter())
    _check_no_macros(parts, [value for entry in entries for value in entry.attrib.values()])
    if any(entry.tag.endswith("}encryption-data") for entry in entries):
        raise _locked()
    return kind


def _check_no_macros(parts: zipfile.ZipFile, types: list[str]) -> None:
    names = [f"/{name}".lower() for name in parts.namelist()]
    if _any_of(MACRO_PARTS, names) or _any_of(MACRO_TYPES, [name.lower() for name in types]):
        raise Unacceptable(
            "file-active",
            _("The file holds macros or other programs. Save it without them, or as PDF, and attach that."),
        )


def _any_of(marks: tuple[str, ...], texts: list[str]) -> bool:
    return any(mark in text for text in texts for mark in marks)


def _tree(parts: zipfile.ZipFile, name: str) -> ElementTree.Element:
    content = _read(parts, name)
    Gate().feed(content, is_last=True)
    return ElementTree.fromstring(content)  # noqa: S314 - the gate lets no document type through


def _read(parts: zipfile.ZipFile, name: str) -> bytes:
    try:
        with parts.open(name) as part:
            content = part.read(LONGEST_READ + 1)
    except KeyError:
        raise damaged() from None
    if len(content) > LONGEST_READ:
        raise _too_large()
    return content


def _locked() -> Unacceptable:
    return Unacceptable("file-locked", _("The file is encrypted. Save it without a password and attach that."))


def _too_large() -> Unacceptable:
    return Unacceptable("file-unpacked", _("Unpacked, the file is larger than what is accepted."))


def _not_accepted() -> Unacceptable:
    return Unacceptable("file-kind", _("Archives are not accepted, only documents and tables of an office program."))
