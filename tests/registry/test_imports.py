"""Metadata out to spreadsheets and back: what is shown first, what is refused, and what a confirmed import changes."""

import csv
import io
import json
import zipfile
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from openpyxl import Workbook, load_workbook
from openpyxl.xml.constants import SHARED_STRINGS

from evidence.models import Entry
from registry import spreadsheets, workbooks
from registry.choices import RowOutcome, StewardKind, Theme
from registry.errors import RegistryRefusal
from registry.metadata_sheets import DATASETS, FIELDS
from registry.models import Dataset, Field, MetadataImport, RegistryChange
from registry.services import import_runs, imports, reference
from tests.factories import (
    AgencyFactory,
    DatasetFactory,
    FieldFactory,
    LegalInstrumentFactory,
    MembershipFactory,
    StewardshipFactory,
    UserFactory,
    person,
)
from tests.registry.pages import url

pytestmark = pytest.mark.django_db
DANGEROUS = ["=1+1", "+84", "-1", "@SUM(A1)", "'=x", "''-", "\tx", 'say "hi"', "a;b,c", "dòng\nhai", "Ngô Bảo"]


@pytest.fixture
def operator():
    return person(AgencyFactory(), "operator")


@pytest.fixture
def dataset():
    return DatasetFactory(code="one", title_vi="Một", themes=[Theme.HEALTH], keywords=["a", "b"])


def table(sheet=DATASETS) -> list[list[str]]:
    return list(sheet.rows(sheet.prepared(sheet.model.objects.all())))


def as_csv(rows, encoding="utf-8", delimiter=",") -> io.BytesIO:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([[spreadsheets.escaped(value) for value in row] for row in rows])
    return io.BytesIO(text.getvalue().encode(encoding))


def as_xlsx(rows) -> io.BytesIO:
    file = io.BytesIO()
    spreadsheets.write_xlsx(rows, file)
    file.seek(0)
    return file


def with_cell(rows, column, value, row=1):
    rows[row][rows[0].index(column)] = value
    return rows


def staged(rows, by, write=as_csv) -> MetadataImport:
    return imports.stage(file=write(rows), file_name="x.csv", by=by)


def applied_by(person, waiting) -> MetadataImport:
    return import_runs.confirm(staged=waiting, by=person, reason="Chuẩn hóa mô tả")


def outcomes(staged) -> list[str]:
    return [row["outcome"] for row in staged.rows]


def refusal_of(content: bytes) -> str:
    with pytest.raises(RegistryRefusal) as refused:
        spreadsheets.read(io.BytesIO(content))
    return refused.value.code


@pytest.mark.parametrize("write", [as_csv, as_xlsx])
def test_cells_survive_and_none_is_a_formula(write):
    file = write([["a"], *([value] for value in DANGEROUS)])
    if write is as_xlsx:
        cells = [cell for (cell,) in load_workbook(file, read_only=True).active.iter_rows()]
        assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
        file.seek(0)
    else:
        assert not any(line[:1] in "=+-@" for line in file.getvalue().decode().splitlines() if line)
    assert spreadsheets.read(file)[1:] == [[value] for value in DANGEROUS]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_as_spreadsheets_write_it(encoding, delimiter):
    rows = [["code", "title_vi"], ["one", "Hộ tịch"]]
    assert spreadsheets.read(as_csv(rows, encoding, delimiter)) == rows


def test_text_comes_in_as_nfc():
    assert spreadsheets.read(io.BytesIO("Ho\u0323\u0302".encode()))[0] == ["Hộ"]


def zipped(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def lying(content: bytes) -> bytes:
    """A file whose directory says that a part is small."""
    made = zipped({"xl/workbook.xml": content})
    size = len(content).to_bytes(4, "little")
    assert made.count(size) == 2  # before the part, and in the directory
    return made.replace(size, (10).to_bytes(4, "little"))


def workbook(rows: bytes, shared: bytes = b"") -> bytes:
    """A workbook with these elements as the rows of its sheet, and these as its shared texts."""
    file = io.BytesIO()
    book = Workbook()
    book.active.append(["a"])
    book.save(file)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    main = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    parts["xl/worksheets/sheet1.xml"] = b"<worksheet %s><sheetData>%s</sheetData></worksheet>" % (main, rows)
    parts["xl/sharedStrings.xml"] = b"<sst %s>%s</sst>" % (main, shared)
    kind = parts["[Content_Types].xml"]
    override = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % SHARED_STRINGS.encode()
    parts["[Content_Types].xml"] = kind.replace(b"</Types>", override)
    return zipped(parts)


LONG_TEXT = b"<si><t>" + b"a" * spreadsheets.LONGEST_CELL + b"</t></si>"
TYPED = '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda: b"x" * (spreadsheets.MOST_BYTES + 1), "too-large"),
        (lambda: b"\xd0\xcf\x11\xe0" + b"x" * 100, "old-or-locked"),
        (lambda: "Đà Nẵng".encode("cp1258", "replace") + b"\xd0\xff", "encoding"),
        (lambda: b"\x89PNG\r\n\x1a\n\x00\x00", "encoding"),
        (lambda: b'a,b\n"never closed', "csv"),
        (lambda: b"PK\x03\x04 not a zip at all", "xlsx"),
        (lambda: zipped({"other.txt": b"x"}), "xlsx"),
        (lambda: zipped({"xl/workbook.xml": b"<x/>"}), "xlsx"),
        (lambda: zipped({"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'}), "entities"),
        (lambda: zipped({"xl/workbook.xml": f"<!--{'x' * 3_000_000}-->{TYPED}".encode()}), "entities"),
        (
            lambda: zipped({"xl/workbook.xml": f'<?xml version="1.0" encoding="UTF-16"?>{TYPED}'.encode("utf-16")}),
            "entities",
        ),
        (lambda: zipped({"xl/workbook.xml": b"<x/>", "a.rels": b"\xfe\xff" + TYPED.encode("utf-16-be")}), "entities"),
        (lambda: zipped({"xl/workbook.xml": b"\xef\xbb\xbf" + TYPED.encode()}), "entities"),
        (lambda: zipped({"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY % a "b"> %a;]><x/>'}), "entities"),
        (lambda: zipped({"xl/workbook.xml": b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'}), "entities"),
        (lambda: workbook(b"<row>" + b"<c/>" * 1_700_000 + b"</row>"), "unpacked"),
        (lambda: workbook(b"<row/>" * 100, shared=b"<x/>" * 7_000_000), "unpacked"),
        (lambda: workbook(b'<row><c t="s"><v>0</v></c></row>' * 3_500, shared=LONG_TEXT), "unpacked"),
        (lambda: workbook(b"<row>" + b"<c><v>1</v></c>" * 61 + b"</row>"), "too-many-columns"),
        (lambda: workbook(b"<row/>" * (spreadsheets.MOST_ROWS + 2)), "too-many-rows"),
        (lambda: workbook(b'<row><c t="s"><v>7</v></c></row>', shared=LONG_TEXT), "xlsx"),
        (lambda: lying(b"0" * (workbooks.MOST_UNPACKED + 1)), "xlsx"),
        (lambda: zipped({"xl/workbook.xml": b"0" * (workbooks.MOST_UNPACKED + 1)}), "unpacked"),
        (lambda: zipped({f"{number}": b"" for number in range(301)}), "unpacked"),
        (lambda: b"a\n" * (spreadsheets.MOST_ROWS + 2), "too-many-rows"),
        (lambda: b"a," * 70, "too-many-columns"),
        (lambda: b"a" * (spreadsheets.LONGEST_CELL + 1), "long-cell"),
    ],
)
def test_files_that_do_harm_or_are_no_tables_are_refused(content, code):
    assert refusal_of(content()) == code


def test_a_reader_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(spreadsheets, "LONGEST_WAIT", 0.01)
    assert refusal_of(as_xlsx([["a"]]).getvalue()) == "unpacked"


def test_the_reader_gets_nothing_of_our_environment(monkeypatch):
    run = mock.Mock(wraps=spreadsheets.subprocess.run)
    monkeypatch.setattr(spreadsheets.subprocess, "run", run)
    monkeypatch.setenv("SECRET_KEY", "not for others")

    assert spreadsheets.read(as_xlsx([["a"]])) == [["a"]]
    assert run.call_args.kwargs["env"] == {"OPENPYXL_LXML": "False"}


def test_formulas_in_a_file_are_text_and_days_are_days():
    book = Workbook()
    book.active.append(["=1+1", 5.0, timezone.datetime(2026, 7, 1)])
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    assert spreadsheets.read(file) == [["=1+1", "5", "2026-07-01"]]


def test_preview_says_what_would_change_and_changes_nothing(dataset, operator):
    LegalInstrumentFactory(number="278/2025/NĐ-CP")
    rows = with_cell(table(), "title_vi", "Hai")
    with_cell(rows, "themes", "heal, gove")
    with_cell(rows, "applicable_legislation", "278/2025/nd-cp")
    with_cell(rows, "temporal_from", "01/07/2025")

    waiting = staged(rows, operator, as_xlsx)

    assert outcomes(waiting) == [RowOutcome.CHANGE]
    assert waiting.rows[0]["changes"] == {
        "title_vi": ["Một", "Hai"],
        "themes": ["HEAL", "HEAL; GOVE"],
        "temporal_from": ["", "2025-07-01"],
        "applicable_legislation": ["", "278/2025/NĐ-CP"],
    }
    dataset.refresh_from_db()
    assert dataset.title_vi == "Một"


def test_confirmed_import_changes_the_rows_and_leaves_evidence(dataset, operator):
    waiting = staged(with_cell(table(), "title_vi", "Hai"), operator)
    applied = applied_by(operator, waiting)

    dataset.refresh_from_db()
    assert (dataset.title_vi, applied.counts) == ("Hai", {"applied": 1})
    entry = Entry.objects.get(action="registry.dataset.change")
    assert json.loads(entry.details) == {"fields": ["title_vi"], "import": str(waiting.public_id)}
    assert Entry.objects.filter(action="registry.metadataimport.apply").exists()
    assert list(imports.results(applied))[1][2] == str(RowOutcome.APPLIED.label)


def test_fields_come_back_too(dataset, operator):
    FieldFactory(dataset=dataset, name="Ho\u0323_ten")  # as the source has it: not NFC
    waiting = staged(with_cell(table(FIELDS), "title_vi", "Họ tên"), operator)
    applied_by(operator, waiting)

    assert Field.objects.get().title_vi == "Họ tên"


def test_unchanged_file_changes_nothing(dataset, operator):
    FieldFactory(dataset=dataset)
    assert outcomes(staged(table(), operator)) == [RowOutcome.SAME]
    assert outcomes(staged(table(FIELDS), operator, as_xlsx)) == [RowOutcome.SAME]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("title_vi", ""),
        ("title_vi", "x" * 251),
        ("themes", "NOPE"),
        ("frequency", "often"),
        ("spatial", "Hà Nội"),
        ("temporal_from", "someday"),
        ("temporal_to", "2001-01-01"),
        ("contact_email", "no address"),
        ("landing_page", "http://plain.example"),
        ("applicable_legislation", "1/1999/KHÔNG-CÓ"),
        ("keywords", "x" * 101),
        ("description", "Tài liệu TUYỆT MẬT"),
        ("spatial", "99"),
    ],
)
def test_cell_with_an_error_leaves_the_row_out(dataset, operator, column, value):
    Dataset.objects.update(temporal_from="2025-07-01")
    rows = with_cell(with_cell(table(), "title_en", "New"), column, value)
    waiting = staged(rows, operator)

    assert outcomes(waiting) == [RowOutcome.INVALID]
    assert waiting.rows[0]["problems"]
    assert applied_by(operator, waiting).counts == {"invalid": 1}
    assert Dataset.objects.get().title_en != "New"


def test_unknown_and_doubled_rows_are_left_out(dataset, operator):
    rows = table()
    rows += [with_cell([rows[0], [*rows[1]]], "code", "nothing")[1], [*rows[1]]]
    assert outcomes(staged(rows, operator)) == [RowOutcome.TWICE, RowOutcome.UNKNOWN, RowOutcome.TWICE]


def test_row_that_changed_since_the_export_is_a_conflict(dataset, operator):
    rows = with_cell(table(), "title_vi", "Hai")
    Dataset.objects.update(title_en="Other")
    assert outcomes(staged(rows, operator)) == [RowOutcome.CONFLICT]


def test_row_that_changed_since_the_preview_is_a_conflict(dataset, operator):
    waiting = staged(with_cell(table(), "title_vi", "Hai"), operator)
    Dataset.objects.update(title_en="Other")

    assert applied_by(operator, waiting).counts == {"conflict": 1}
    assert Dataset.objects.get().title_vi == "Một"


@pytest.mark.parametrize(
    ("column", "value"), [("is_published", "true"), ("access_rights", "PUBLIC"), ("database", "x")]
)
def test_nothing_is_published_or_opened_by_an_import(operator, column, value):
    DatasetFactory(unpublished=True)
    waiting = staged(with_cell(with_cell(table(), "title_vi", "Hai"), column, value), operator)
    applied_by(operator, waiting)

    found = Dataset.objects.get()
    assert (found.title_vi, found.is_published, found.access_rights) == ("Hai", False, "RESTRICTED")
    assert column in waiting.rows[0]["notes"][0]
    assert {"is_published", "access_rights", "is_state_secret", "removed_at"}.isdisjoint(
        c.name for c in DATASETS.columns
    )
    assert {"personal_data", "default_masking", "classification"}.isdisjoint(c.name for c in FIELDS.columns)


def test_roles_without_the_right_import_nothing(dataset):
    officer = person(dataset.database.owner, "case-officer")
    with pytest.raises(RegistryRefusal) as refused:
        staged(table(), officer)
    assert refused.value.code == "not-allowed"


def test_rows_of_other_agencies_look_unknown(dataset):
    officer = person(AgencyFactory(), "case-officer")
    officer.user_permissions.add(Permission.objects.get(codename="change_dataset"))
    rows = with_cell(table(), "title_vi", "Hai")
    assert outcomes(staged(rows, officer)) == [RowOutcome.UNKNOWN]

    own = person(dataset.database.owner, "case-officer")
    own.user_permissions.add(Permission.objects.get(codename="change_dataset"))
    assert outcomes(staged(rows, own)) == [RowOutcome.CHANGE]


def test_import_is_confirmed_once_in_time_and_by_its_uploader(dataset, operator):
    def code(waiting, by) -> str:
        with pytest.raises(RegistryRefusal) as refused:
            import_runs.confirm(staged=waiting, by=by, reason="x")
        return refused.value.code

    waiting = staged(with_cell(table(), "title_vi", "Hai"), operator)
    assert code(waiting, person(AgencyFactory(), "operator")) == "not-yours"
    applied_by(operator, waiting)
    assert code(waiting, operator) == "not-open"

    late = staged(with_cell(table(), "title_vi", "Ba"), operator)
    MetadataImport.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert code(late, operator) == "not-open"
    staged(table(), operator)
    assert not MetadataImport.objects.filter(pk=late.pk).exists()
    assert MetadataImport.objects.filter(pk=waiting.pk).exists()


def test_right_that_was_lost_meanwhile_stops_the_import(dataset, operator):
    waiting = staged(with_cell(table(), "title_vi", "Hai"), operator)
    operator.memberships.update(valid_to="2020-12-31")
    operator = type(operator).objects.get(pk=operator.pk)

    assert applied_by(operator, waiting).counts == {"unknown": 1}
    assert Dataset.objects.get().title_vi == "Một"


def test_reason_is_asked_for_and_stands_in_the_history(dataset, operator):
    waiting = staged(with_cell(table(), "title_vi", "Hai"), operator)
    with pytest.raises(RegistryRefusal) as refused:
        import_runs.confirm(staged=waiting, by=operator, reason="  ")
    assert refused.value.code == "reason-needed"

    applied_by(operator, waiting)
    change = RegistryChange.objects.filter(table_name="registry_dataset", row_id=dataset.pk).latest("pk")
    assert (change.actor, change.reason) == (str(operator.public_id), "Chuẩn hóa mô tả")


def refusals() -> list[dict]:
    return [json.loads(entry.details) for entry in Entry.objects.filter(outcome="refused").order_by("sequence")]


def test_rules_that_stood_against_a_row_are_on_record_and_spellings_are_not(dataset, operator):
    DatasetFactory(code="two")
    rows = with_cell(table(), "description", "Tài liệu TUYỆT MẬT")
    with_cell(rows, "frequency", "often", row=2)
    staged(rows, operator)
    assert refusals() == [{"code": "state-secret", "rows": 1, "named": ["one"]}]


def steward_of(thing, kind=StewardKind.EDITOR, **what):
    user = person(thing.database.owner, "case-officer")
    StewardshipFactory(database=thing.database, user=user, kind=kind, **what)
    return user


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", [StewardKind.EDITOR, StewardKind.MANAGER])
def test_stewards_bring_back_what_they_look_after_and_nothing_else(dataset, kind, whole):
    neighbour = DatasetFactory(code="two", database=dataset.database)
    DatasetFactory(code="three")
    steward = steward_of(dataset, kind, dataset=None if whole else dataset)
    rows = table()
    for row in (1, 2, 3):
        with_cell(rows, "title_vi", "Hai", row)
    done = applied_by(steward, staged(rows, steward))
    changed = set(Dataset.objects.filter(title_vi="Hai").values_list("code", flat=True))
    assert changed == ({"one", neighbour.code} if whole else {"one"})
    assert done.counts == ({"applied": 2, "unknown": 1} if whole else {"applied": 1, "unknown": 2})


def test_stewards_bring_fields_back_too(dataset):
    FieldFactory(dataset=dataset, name="ten")
    steward = steward_of(dataset)
    applied_by(steward, staged(with_cell(table(FIELDS), "title_vi", "Tên"), steward))
    assert Field.objects.get().title_vi == "Tên"


def test_a_steward_does_not_say_under_which_law_data_stands(dataset):
    law = LegalInstrumentFactory(number="1/2025/NĐ-CP")
    steward = steward_of(dataset)
    waiting = staged(with_cell(table(), "applicable_legislation", law.number), steward)
    assert outcomes(waiting) == ["same"]
    assert "applicable_legislation" in waiting.rows[0]["notes"][0]
    assert waiting.rows[0]["problems"] == []


def test_who_became_a_steward_only_meanwhile_changes_no_law(dataset, operator):
    law = LegalInstrumentFactory(number="1/2025/NĐ-CP")
    waiting = staged(with_cell(table(), "applicable_legislation", law.number), operator)
    operator.memberships.update(valid_to="2020-12-31")
    factory_person = type(operator).objects.get(pk=operator.pk)
    MembershipFactory(user=factory_person, agency=dataset.database.owner, role="case-officer")
    StewardshipFactory(database=dataset.database, user=factory_person, kind=StewardKind.EDITOR)
    assert applied_by(type(operator).objects.get(pk=operator.pk), waiting).counts == {"unknown": 1}
    assert Dataset.objects.get().applicable_legislation is None


@pytest.mark.parametrize("what", ["contact", "former", "moved"])
def test_nobody_else_of_the_owner_imports(client, dataset, what):
    user = steward_of(dataset, StewardKind.CONTACT if what == "contact" else StewardKind.EDITOR)
    if what == "former":
        user.stewardships.update(valid_from="2020-01-01", valid_to="2020-12-31")
    if what == "moved":
        user.memberships.update(agency=AgencyFactory())
    with pytest.raises(RegistryRefusal) as refused:
        staged(table(), user)
    assert refused.value.code == "not-allowed"
    client.force_login(user)
    assert client.get(url("metadataimport", "add")).status_code == 403


def test_a_steward_uploads_sees_and_confirms_the_own_import_only(client, dataset, operator):
    theirs = staged(table(), operator)
    steward = steward_of(dataset)
    client.force_login(steward)
    assert url("metadataimport", "add") in client.get(reverse("registry:stewardship")).text
    file = as_csv(with_cell(table(), "title_vi", "Hai"))
    file.name = "x.csv"
    page = client.post(url("metadataimport", "add"), {"file": file}, follow=True)
    waiting = MetadataImport.objects.get(uploaded_by=steward)
    assert page.status_code == 200
    assert [one.pk for one in client.get(url("metadataimport", "changelist")).context["cl"].result_list] == [waiting.pk]
    assert client.get(url("metadataimport", "change", theirs.pk)).status_code == 404
    client.post(url("metadataimport", "apply", waiting.pk), {"reason": "Chuẩn hóa"})
    assert Dataset.objects.get().title_vi == "Hai"


def test_an_ended_law_is_warned_about_before_it_is_taken_over(dataset, operator):
    law = LegalInstrumentFactory(number="1/2020/NĐ-CP", effective_to="2021-01-01")
    waiting = staged(with_cell(table(), "applicable_legislation", law.number), operator)
    assert outcomes(waiting) == ["change"]
    assert "1/2020/NĐ-CP" in waiting.rows[0]["notes"][0]


def test_the_preview_tells_what_is_to_mend_from_what_is_to_know(client, dataset, operator):
    LegalInstrumentFactory(number="1/2020/NĐ-CP", effective_to="2021-01-01")
    rows = with_cell(with_cell(table(), "applicable_legislation", "1/2020/NĐ-CP"), "spatial", "99")
    waiting = staged(with_cell(rows, "contact_email", "a@example.gov.vn"), operator)
    assert waiting.rows[0]["problems"] == [
        "spatial: Hiện không có đơn vị hành chính nào mang mã 99."
        " Ghi VN nếu là cả nước, hoặc tra mã trong danh sách tỉnh, thành phố."
    ]
    client.force_login(operator)
    shown = client.get(url("metadataimport", "change", waiting.pk)).content.decode()
    mend, know = shown.index("Cần sửa trước khi"), shown.index("Lưu ý")
    assert mend < shown.index("mang mã 99") < know < shown.index("1/2020/NĐ-CP", know)
    assert "<code>contact_email</code>" in shown
    assert capfirst(str(Dataset._meta.get_field("contact_email").verbose_name)) in shown


def test_an_area_is_a_unit_of_today(dataset, operator):
    reference.load()
    waiting = staged(with_cell(table(), "spatial", " vn "), operator)
    assert waiting.rows[0]["changes"] == {"spatial": ["", "VN"]}
    waiting = staged(with_cell(table(), "spatial", "79"), operator)
    assert waiting.rows[0]["changes"] == {"spatial": ["", "79"]}


def test_an_unknown_code_is_answered_with_the_known_ones(dataset, operator):
    waiting = staged(with_cell(table(), "frequency", "often"), operator)
    assert "DAILY" in waiting.rows[0]["problems"][0]


def test_rows_of_other_agencies_are_refusals_on_record_and_unknown_ones_are_not(dataset):
    officer = person(AgencyFactory(), "case-officer")
    officer.user_permissions.add(Permission.objects.get(codename="change_dataset"))
    rows = table()
    rows += [with_cell([rows[0], [*rows[1]]], "code", "nothing")[1]]
    staged(rows, officer)
    assert refusals() == [{"code": "not-allowed", "rows": 1, "named": ["one"]}]


def test_row_that_the_database_refuses_leaves_the_others_alone(dataset, operator):
    DatasetFactory(code="two", title_vi="Nhì")
    waiting = staged(with_cell(with_cell(table(), "title_vi", "Hai"), "title_vi", "Ba", row=2), operator)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE registry_dataset ADD CONSTRAINT refused CHECK (title_vi <> 'Ba')")

    assert applied_by(operator, waiting).counts == {"applied": 1, "invalid": 1}
    assert list(Dataset.objects.order_by("code").values_list("title_vi", flat=True)) == ["Hai", "Nhì"]
    assert refusals() == [{"code": "guard", "rows": 1, "named": ["two"]}]


def test_what_was_before_takes_the_import_back(dataset, operator):
    before = table()
    rows = with_cell(with_cell(table(), "title_vi", "Hai"), "keywords", "")
    applied = applied_by(operator, staged(rows, operator))

    back = staged(list(imports.previous(applied)), operator, as_xlsx)
    assert outcomes(back) == [RowOutcome.CHANGE]
    applied_by(operator, back)
    assert table() == before


@pytest.mark.parametrize("header", [["code", "title_vi"], ["x"], ["code", "version", "title_vi", "title_vi"]])
def test_file_without_its_columns_is_refused(dataset, operator, header):
    with pytest.raises(RegistryRefusal) as refused:
        staged([header, ["one"] * len(header)], operator)
    assert refused.value.code == "header"


def test_queries_do_not_grow_with_the_rows(operator):
    def count() -> int:
        rows = table()
        with CaptureQueriesContext(connection) as queries:
            staged(rows, operator)
        return len(queries)

    DatasetFactory.create_batch(2)
    count()  # looks up what the person may
    few = count()
    DatasetFactory.create_batch(18)
    assert count() == few


def uploaded(client, content: bytes, name="datasets.xlsx"):
    return client.post(url("metadataimport", "add"), {"file": SimpleUploadedFile(name, content)})


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_whole_way_through_the_admin(client, operator, dataset, suffix):
    DatasetFactory(code="other", title_vi="Khác")
    client.force_login(operator)
    exported = client.get(f"{url('dataset', 'changelist')}export.{suffix}?q=one")
    rows = spreadsheets.read(io.BytesIO(exported.getvalue()))
    assert [row[0] for row in rows] == ["code", "one"]

    sent = uploaded(client, (as_csv if suffix == "csv" else as_xlsx)(with_cell(rows, "title_vi", "Hai <b>")).getvalue())
    page = client.get(sent["Location"])
    assert "Hai &lt;b&gt;" in page.text
    pk = MetadataImport.objects.get().pk
    assert client.get(f"{url('metadataimport', 'changelist')}{pk}/apply/").status_code == 405
    client.post(f"{url('metadataimport', 'changelist')}{pk}/apply/", {"reason": "Chuẩn hóa"})

    dataset.refresh_from_db()
    assert dataset.title_vi == "Hai <b>"
    for name in ("results.csv", "previous.xlsx", "previous.csv"):
        file = client.get(f"{url('metadataimport', 'changelist')}{pk}/{name}")
        assert spreadsheets.read(io.BytesIO(file.getvalue()))[1]
    assert client.get(f"{url('metadataimport', 'change', pk)}?outcome=applied").status_code == 200


def test_admin_says_why_a_file_is_refused(client, operator):
    client.force_login(operator)
    page = uploaded(client, b"\x89PNG\r\n\x00")
    assert page.status_code == 200
    assert page.context["form"].errors["file"]
    assert Entry.objects.filter(action="registry.metadataimport.refuse").count() == 1


def test_imports_of_others_are_not_seen_by_roles_that_are_not_wide(client, operator, dataset):
    waiting = staged(table(), operator)
    client.force_login(person(dataset.database.owner, "case-officer"))
    assert client.get(url("metadataimport", "change", waiting.pk)).status_code in (403, 404)
    client.force_login(UserFactory())
    assert client.get(url("metadataimport", "add")).status_code == 302


def test_exports_have_the_own_agencys_rows_only(client, dataset):
    DatasetFactory(code="foreign")
    FieldFactory(dataset=dataset)
    FieldFactory(dataset__code="foreign-too")
    client.force_login(person(dataset.database.owner, "case-officer"))
    for model in ("dataset", "field"):
        exported = client.get(f"{url(model, 'changelist')}export.csv").getvalue().decode()
        assert "one" in exported
        assert "foreign" not in exported
