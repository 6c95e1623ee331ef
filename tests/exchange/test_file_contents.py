"""What files are taken for: by their bytes and not by their names, one kind and no second one, nothing that acts."""

import io
import zipfile

import pytest

from exchange.choices import FileKind
from exchange.uploads import archives, contents, names, pdf
from exchange.uploads.unacceptable import Unacceptable
from tests.exchange import files

SCRIPT = b"<< /S /JavaScript /JS (app.alert(1)) >>"
PAGE = b"<html><script>alert(1)</script></html>"

SOUND = [
    ("a.pdf", files.pdf(), FileKind.PDF),
    ("a.PDF", files.pdf(files.packed(b"3 0 << /Type /Annot >>")), FileKind.PDF),
    ("a.pdf", files.pdf(end=b"%%EOF\r\n\0\0"), FileKind.PDF),
    ("a.png", files.png(), FileKind.PNG),
    ("a.jpg", files.jpeg(), FileKind.JPEG),
    ("a.jpeg", files.jpeg(b"Exif"), FileKind.JPEG),
    ("a.tif", files.tiff(), FileKind.TIFF),
    ("a.tiff", files.tiff(">"), FileKind.TIFF),
    ("a.docx", files.office(), FileKind.DOCX),
    ("a.docx", files.office(more={"_rels/main.xml.rels": files.links("hyperlink")}), FileKind.DOCX),
    ("a.docx", files.office(more={"_rels/main.xml.rels": files.links("image", "Internal")}), FileKind.DOCX),
    ("a.xlsx", files.office(files.EXCEL), FileKind.XLSX),
    ("a.odt", files.open_document(), FileKind.ODT),
    ("a.ods", files.open_document(files.TABLE), FileKind.ODS),
    ("a.txt", "Công văn số 12: a < b, c > d\r\n".encode(), FileKind.TEXT),
    ("a.csv", "\ufeffmã;tên\n1;Ngô\n".encode(), FileKind.CSV),
    ("a.txt", files.EICAR, FileKind.TEXT),  # no rule of ours: what the scanner is for
]


@pytest.mark.parametrize(("name", "content", "kind"), SOUND)
def test_sound_files_are_known_by_content(name, content, kind):
    assert contents.kind_of(content, name) == kind


REFUSED = [
    ("a.pdf", b"", "file-empty"),
    ("a.pdf", PAGE, "file-active"),
    ("a.txt", PAGE, "file-active"),
    ("a.csv", b"a,b\n<SVG onload=alert(1)>", "file-active"),
    ("a.txt", b'<?xml version="1.0"?><svg/>', "file-active"),
    ("a.txt", b"#!/bin/sh\nrm -rf /", "file-active"),
    ("a.txt", b"{\\rtf1 {\\object}}", "file-active"),
    ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "file-active"),
    ("a.png", b"GIF89a/*\x01\0*/=1;alert(1)", "file-kind"),
    ("a.gif", b"GIF89a\x01\0\x01\0", "file-kind"),
    ("a.exe", b"MZ\x90\0", "file-kind"),
    ("a.txt", "tên".encode("utf-16"), "file-kind"),
    ("a.txt", b"a\0b", "file-kind"),
    ("a.pdf", files.png(), "file-name-differs"),
    ("a.png", files.pdf(), "file-name-differs"),
    ("a.docx", files.office(files.EXCEL), "file-name-differs"),
    ("a.pdf.html", files.pdf(), "file-name-differs"),
    ("pdf", b"text", "file-name-differs"),
    ("a.exe", b"only text", "file-name-differs"),
    # PDF
    ("a.pdf", files.pdf(end=b""), "file-damaged"),
    ("a.pdf", files.pdf() + PAGE, "file-damaged"),
    ("a.pdf", b"MZ" + files.pdf(), "file-mixed"),
    ("a.pdf", files.pdf(SCRIPT), "file-active"),
    ("a.pdf", files.pdf(SCRIPT.replace(b"JavaScript", b"J#61vaScr#69pt")), "file-active"),
    ("a.pdf", files.pdf(files.packed(b"3 0 " + SCRIPT)), "file-active"),
    ("a.pdf", files.pdf(files.packed(b"3 0 " + SCRIPT.replace(b"Java", b"#4Aava"))), "file-active"),
    ("a.pdf", files.pdf(files.packed(b"3 0 " + b"x" * 200_000 + SCRIPT)), "file-active"),
    ("a.pdf", files.pdf(b"<< /S /Launch /F (cmd.exe) >>"), "file-active"),
    ("a.pdf", files.pdf(b"<< /Type /EmbeddedFile >>"), "file-active"),
    ("a.pdf", files.pdf(b"<< /Encrypt 9 0 R >>"), "file-locked"),
    ("a.pdf", files.pdf(b"<< /Type /ObjStm /Filter /ASCII85Decode >>\nstream\nxx\nendstream"), "file-hidden"),
    ("a.pdf", files.pdf(b"<< /Type /Obj#53tm >>\nstream\nxx\nendstream"), "file-hidden"),
    ("a.pdf", files.pdf(files.packed(files.archive({"a": "b"}))) [:-6] + files.archive({"a": "%%EOF"}), "file-damaged"),
    # pictures
    ("a.png", files.png(end=PAGE), "file-mixed"),
    ("a.png", files.png(end=files.archive({"a": "b"})), "file-mixed"),
    ("a.png", files.png((b"tEXt", PAGE)), "file-mixed"),
    ("a.png", files.png()[:-6], "file-damaged"),
    ("a.png", b"\x89PNG\r\n\x1a\n", "file-damaged"),
    ("a.jpg", files.jpeg(PAGE), "file-mixed"),
    ("a.jpg", files.jpeg(b"%PDF-1.7"), "file-mixed"),
    ("a.jpg", files.jpeg(end=PAGE), "file-damaged"),
    ("a.tif", b"II*\0", "file-damaged"),
    ("a.tif", b"II*\0\xff\xff\xff\xff", "file-damaged"),
    ("a.tif", files.tiff() + files.archive({"a": "b"}), "file-mixed"),
    # archives
    ("a.zip", files.archive({"a.txt": "b"}), "file-kind"),
    ("a.docx", files.archive({"word/document.xml": "<x/>"}), "file-kind"),
    ("a.docx", files.office("application/x-else"), "file-kind"),
    ("a.docx", files.office(types=f'<Override ContentType="{files.EXCEL}"/>'), "file-kind"),
    ("a.docx", files.office(more={"word/vbaProject.bin": b"x"}), "file-active"),
    ("a.docx", files.office("application/vnd.ms-word.document.macroEnabled.main+xml"), "file-active"),
    ("a.xlsx", files.office(files.EXCEL, more={"xl/macrosheets/sheet1.xml": "<x/>"}), "file-active"),
    ("a.xlsx", files.office(files.EXCEL, types='<Default ContentType="application/vnd.openxmlformats-officedocument.oleObject"/>'), "file-active"),
    ("a.docx", files.office(more={"word/_rels/s.xml.rels": files.links("attachedTemplate")}), "file-linked"),
    ("a.docx", files.office(more={"word/_rels/S.XML.RELS": files.links("oleObject")}), "file-linked"),
    ("a.docx", files.office(more={"../../etc/passwd": "x"}), "file-damaged"),
    ("a.docx", files.office(more={"/etc/passwd": "x"}), "file-damaged"),
    ("a.docx", files.office(more={"MAIN.xml": "x"}), "file-damaged"),
    ("a.docx", files.office(more={"_rels/x.rels": "<!DOCTYPE x [<!ENTITY a 'b'>]><x/>"}), "file-damaged"),
    ("a.docx", files.office(more={"_rels/x.rels": "<x"}), "file-damaged"),
    ("a.docx", PAGE + files.office(), "file-kind"),
    ("a.docx", files.office() + PAGE, "file-mixed"),
    ("a.docx", files.office()[:-30], "file-damaged"),
    ("a.odt", files.open_document(more={"Basic/Standard/Module1.xml": "<x/>"}), "file-active"),
    ("a.odt", files.open_document(more={"Scripts/python/x.py": "x"}), "file-active"),
    ("a.odt", files.open_document(entry="<m:encryption-data/>"), "file-locked"),
    ("a.odt", files.open_document("application/vnd.oasis.opendocument.graphics"), "file-kind"),
    ("a.odt", files.archive({"mimetype": files.TEXT}), "file-damaged"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "code"), REFUSED)
def test_others_are_refused(name, content, code):
    with pytest.raises(Unacceptable) as caught:
        contents.kind_of(content, name)
    assert caught.value.code == code
    assert str(caught.value.message)


def test_what_swells_is_refused(monkeypatch):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1_000_000)
    bomb = files.office(more={"word/media/a.bin": b"\0" * 1_100_000})
    assert len(bomb) < 10_000
    with pytest.raises(Unacceptable, match="file-unpacked"):
        contents.kind_of(bomb, "a.docx")
    monkeypatch.setattr(pdf, "MOST_UNPACKED", 1_000_000)
    with pytest.raises(Unacceptable, match="file-unpacked"):
        contents.kind_of(files.pdf(files.packed(b"3 0 " + b" " * 1_100_000)), "a.pdf")


def test_sizes_that_the_archive_states_itself_are_not_believed(monkeypatch):
    monkeypatch.setattr(archives, "MOST_UNPACKED", 1_000_000)
    bomb = bytearray(files.office(more={"z.bin": b"\0" * 1_100_000}))
    stated = (1_100_000).to_bytes(4, "little")
    assert bomb.count(stated) == 2
    with pytest.raises(Unacceptable):
        contents.kind_of(bytes(bomb.replace(stated, (10).to_bytes(4, "little"))), "a.docx")


def test_too_many_parts_are_refused(monkeypatch):
    monkeypatch.setattr(archives, "MOST_PARTS", 10)
    with pytest.raises(Unacceptable, match="file-unpacked"):
        contents.kind_of(files.office(more={f"p{number}": "x" for number in range(10)}), "a.docx")


def test_a_locked_part_is_refused():
    made = bytearray(files.office())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = made.find(signature)
        made[start + place] |= 1
    with zipfile.ZipFile(io.BytesIO(bytes(made))) as parts:
        assert parts.infolist()[0].flag_bits & 1
    with pytest.raises(Unacceptable, match="file-locked"):
        contents.kind_of(bytes(made), "a.docx")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Công văn.pdf", "Công văn.pdf"),
        ("Co\u0302ng va\u0306n.pdf", "Công văn.pdf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/var/www/a.pdf", "a.pdf"),
        ("a\u202efdp.exe", "afdp.exe"),
        ("a\u200b.pdf", "a.pdf"),
        ("a\r\nSet-Cookie: x=1.pdf", "a__Set-Cookie_ x=1.pdf"),
        ('a".pdf', "a_.pdf"),
        (".htaccess", "htaccess"),
        ("...", "file"),
        ("", "file"),
        ("a" * 300 + ".pdf", "a" * 146 + ".pdf"),
        ("a . pdf", "a. pdf"),
    ],
)
def test_names_lead_nowhere_and_read_as_they_are(sent, kept):
    assert names.cleaned(sent) == kept
    assert len(kept) <= names.LONGEST
