"""Files of a request: who attaches and takes off, what is signed, who gets them and how, and what the database refuses."""

import json
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evidence.models import Entry
from exchange.models import Attachment, Revision
from exchange.refusals import Refusal
from exchange.scope import sha256
from exchange.services import attachments, cases, requests
from registry.choices import Role
from tests import factories
from tests.exchange import files
from tests.exchange.desk import as_user, page, refused, rows
from tests.factories import person
from tests.scenarios import hash_of

pytestmark = pytest.mark.postgresql


def upload(name="Công văn.pdf", content=None, media_type="text/html") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, files.pdf() if content is None else content, media_type)


def attach(world, request, *uploads, by=None) -> list[Attachment]:
    return attachments.attach(request=request, by=by or world.requester, uploads=uploads or [upload()])


def code_of(act, *args, **arguments) -> str:
    with pytest.raises(Refusal) as caught:
        act(*args, **arguments)
    return caught.value.code


def on_disk(settings) -> list:
    return [path for path in settings.ATTACHMENT_DIR.rglob("*") if path.is_file()]


def address(name: str, request, *more) -> str:
    return reverse(f"exchange:attachment-{name}", args=[request.public_id, *(one.public_id for one in more)])


def request_page(request) -> str:
    return reverse("exchange:request-detail", args=[request.public_id])


def read_by(user) -> set[str]:
    return set(Attachment.objects.readable_by(user).values_list("name", flat=True))


# --- attaching and taking off


def test_a_clerk_attaches_files_to_a_draft(world, settings):
    draft = world.draft()
    one, other = attach(world, draft, upload(), upload("Bảng.csv", "mã;tên\n".encode()))
    assert (one.kind, one.name, one.scan) == ("pdf", "Công văn.pdf", "quarantined")
    assert (other.kind, other.size) == ("csv", len("mã;tên\n".encode()))
    assert len(on_disk(settings)) == 2
    entries = [entry.details for entry in Entry.objects.filter(action="request.attach")]
    assert {json.loads(details)["sha256"] for details in entries} == {one.sha256, other.sha256}
    assert not [details for details in entries if "Công văn" in details]


def test_whoever_attached_a_file_does_not_sign(world):
    colleague = person(world.consumer, Role.REQUESTER)
    factories.MembershipFactory(user=colleague, agency=world.consumer, role=Role.ENDORSER)
    draft = world.draft()
    attach(world, draft, by=colleague)
    request = world.proposed(draft)
    assert code_of(requests.endorse, request=request, by=colleague, revision_hash=hash_of(request)) == "rule-1"


def test_only_clerks_of_the_agency_and_only_while_it_is_a_draft(world, settings):
    draft = world.draft()
    for one in (world.endorser, world.officer, person(world.stranger, Role.REQUESTER), world.operator):
        assert code_of(attach, world, draft, by=one) == "not-your-role"
    (file,) = attach(world, draft)
    assert code_of(attachments.detach, attachment=file, by=world.endorser) == "not-your-role"
    world.proposed(draft)
    assert code_of(attach, world, draft) == "wrong-state"
    assert code_of(attachments.detach, attachment=file, by=world.requester) == "wrong-state"
    requests.withdraw(request=draft, by=world.requester)
    assert code_of(attach, world, draft) == "wrong-state"
    assert len(on_disk(settings)) == 1
    assert refused("request.attach").count() == 6
    assert refused("request.detach").count() == 2


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"", "file-empty"),
        ("a.pdf", b"<html><script>alert(1)</script></html>", "file-active"),
        ("a.png", b"GIF89a/*\x01*/=1;alert(1)", "file-kind"),
        ("a.svg", b"<svg onload='alert(1)'/>", "file-active"),
        ("a.pdf", files.png(), "file-name-differs"),
    ],
)
def test_what_is_not_accepted_leaves_nothing_behind(world, settings, name, content, code):
    draft = world.draft()
    assert code_of(attach, world, draft, upload(), upload(name, content, "application/pdf")) == code
    assert not Attachment.objects.exists()
    assert on_disk(settings) == []
    assert refused("request.attach").count() == 1


def test_every_file_that_is_refused_is_named(world):
    with pytest.raises(Refusal) as caught:
        attach(world, world.draft(), upload("một.pdf", b""), upload(), upload("../hai.exe", b"MZ\0"))
    told = [str(one) for one in caught.value.fields["files"]]
    assert [one.partition(":")[0] for one in told] == ["một.pdf", "hai.exe"]


def test_limits_of_size_and_number(world, settings):
    settings.ATTACHMENT_MAX_BYTES = 1_000
    settings.ATTACHMENT_MAX_COUNT = 2
    draft = world.draft()
    assert code_of(attach, world, draft, upload("a.txt", b"x" * 1_001)) == "file-too-large"
    attach(world, draft, upload("a.txt", b"x" * 1_000))
    assert code_of(attach, world, draft, upload("b.txt", b"b"), upload("c.txt", b"c")) == "too-many-files"
    attach(world, draft, upload("b.txt", b"b"))
    assert code_of(attach, world, draft, upload("c.txt", b"c")) == "too-many-files"
    assert len(on_disk(settings)) == 2
    attachments.detach(attachment=Attachment.objects.first(), by=world.requester)
    attach(world, draft, upload("c.txt", b"c"))


def test_nothing_stays_on_the_disk_when_the_rows_are_not_made(world, settings, monkeypatch):
    draft = world.draft()
    monkeypatch.setattr(requests, "mark_edited", lambda *_args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attach(world, draft)
    assert on_disk(settings) == []


# --- what is signed


def test_the_signed_text_names_the_files_with_their_hashes(world):
    draft = world.draft()
    one, other = attach(world, draft, upload(), upload("b.txt", b"b"))
    attachments.detach(attachment=other, by=world.requester)
    revision = world.proposed(draft).revisions.get()
    named = json.loads(revision.content)["attachments"]
    assert named == [{"name": one.name, "sha256": one.sha256, "size": one.size}]
    assert sha256(revision.content) == revision.content_hash
    assert list(revision.attachments.all()) == [one]


def test_the_owner_sees_what_changed_between_revisions(world):
    draft = world.draft()
    one, _stays = attach(world, draft, upload(), upload("b.txt", b"b"))
    request = world.under_review(world.submitted(world.proposed(draft)))
    cases.send_back(request=request, by=world.officer, reason="Thay tệp", revision_hash=hash_of(request))
    attachments.detach(attachment=one, by=world.requester)
    attach(world, request, upload("Mới.pdf", files.pdf(b"<< /New true >>")))
    world.under_review(world.submitted(world.proposed(request)))
    shown = as_user(world.officer).get(page(request.cases.get())).context["page"].changes
    assert [(line["before"], line["after"]) for line in shown] == [("Công văn.pdf", "Mới.pdf")]
    # the text that was decided on before still has its file
    assert list(request.revisions.last().attachments.values_list("name", flat=True)) == ["Công văn.pdf", "b.txt"]
    assert read_by(world.officer) == {"Công văn.pdf", "b.txt", "Mới.pdf"}


# --- who reads


def test_the_owner_reads_what_was_signed_and_the_agency_what_it_attached(world):
    draft = world.draft()
    attach(world, draft)
    assert read_by(world.officer) == set()
    world.proposed(draft)
    assert read_by(world.officer) == set()
    assert read_by(world.endorser) == read_by(world.requester) == {"Công văn.pdf"}
    world.submitted(draft)
    assert read_by(world.officer) == read_by(factories.reviewer(world.database)) == {"Công văn.pdf"}
    assert read_by(person(world.stranger, Role.AUDITOR)) == {"Công văn.pdf"}
    outsiders = [
        person(world.stranger, Role.APPROVER),
        person(world.ministry, Role.REQUESTER),
        person(world.provider, Role.REQUESTER),
        world.operator,
        factories.UserFactory(superuser=True),
    ]
    assert [read_by(one) for one in outsiders] == [set()] * len(outsiders)
    assert not Attachment.objects.readable_by(None).exists()


def test_an_owner_left_behind_does_not_read_what_the_next_one_gets(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    attach(world, request)
    other = factories.AgencyFactory()
    world.proposed(request)
    world.submitted(request)
    assert read_by(world.officer) == {"Công văn.pdf"}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE registry_database DISABLE TRIGGER USER")
        cursor.execute("UPDATE registry_database SET owner_id = %s", [other.pk])
        cursor.execute("ALTER TABLE registry_database ENABLE TRIGGER USER")
    assert read_by(world.officer) == set()


# --- handing out


def fetched(client, url: str):
    response = client.post(url)
    assert response.status_code == 200
    return response, b"".join(response.streaming_content)


def test_a_file_is_handed_out_to_be_saved_and_on_record(world):
    draft = world.draft()
    (file,) = attach(world, draft)
    response, body = fetched(as_user(world.requester), address("open", draft, file))
    assert body == files.pdf()
    assert response["Content-Disposition"] == f"attachment; filename*=utf-8''{quote(file.name)}"
    assert response["Content-Type"] == "application/pdf"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in response["Cache-Control"]
    entry = Entry.objects.get(action="request.open_file")
    assert (entry.actor, entry.agency) == (str(world.requester.public_id), world.consumer.code)


def test_the_desk_downloads_on_the_page_of_the_case(world):
    draft = world.draft()
    (file,) = attach(world, draft)
    case = world.under_review(world.submitted(world.proposed(draft))).cases.get()
    url = reverse("admin:exchange_reviewcase_file", args=[case.pk, file.public_id])
    client = as_user(world.officer)
    assert url in client.get(page(case)).content.decode()
    response, body = fetched(client, url)
    assert body == files.pdf()
    assert response["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert client.get(url).status_code == 405
    assert Entry.objects.get(action="request.open_file").agency == world.provider.code
    assert as_user(person(world.stranger, Role.APPROVER)).post(url).status_code == 404
    # what the agency attached to another request is not reached through this case
    (own,) = attach(world, world.draft())
    elsewhere = reverse("admin:exchange_reviewcase_file", args=[case.pk, own.public_id])
    assert client.post(elsewhere).status_code == 404


def test_names_that_would_lead_elsewhere_do_not(world):
    draft = world.draft()
    attach(
        world, draft, upload("../../../etc/a\u202efdp.pdf"), upload('x";\r\nX-Evil: 1.pdf', files.pdf(b"<< /B true >>"))
    )
    for file in Attachment.objects.all():
        response, _body = fetched(as_user(world.requester), address("open", draft, file))
        assert "X-Evil" not in response
        assert not set("\r\n\u202e/").intersection(response["Content-Disposition"].partition("filename")[2])


def test_other_agencies_find_no_file(world):
    draft = world.draft()
    (file,) = attach(world, draft)
    client = as_user(person(world.stranger, Role.REQUESTER))
    for url in (address("open", draft, file), address("remove", draft, file), address("add", draft)):
        assert client.post(url).status_code == 404
    # nor by the address of an own request
    own = requests.create(consumer=world.stranger, by=person(world.stranger, Role.REQUESTER))
    assert client.post(address("open", own, file)).status_code == 404
    assert code_of(attachments.open_file, attachment=file, by=world.officer) == "file-not-yours"
    assert refused("request.open_file").count() == 1


def test_a_file_whose_bytes_are_gone_or_others_is_not_handed_out(world, settings):
    draft = world.draft()
    (file,) = attach(world, draft)
    on_disk(settings)[0].write_bytes(b"x")
    response = as_user(world.requester).post(address("open", draft, file), follow=True)
    assert "Không tìm thấy tệp" in response.content.decode()
    assert code_of(attachments.open_file, attachment=file, by=world.requester) == "file-missing"


# --- pages


def test_files_are_attached_and_taken_off_on_the_page_of_the_request(world):
    draft = world.draft()
    client = as_user(world.requester)
    assert 'enctype="multipart/form-data"' in client.get(request_page(draft)).content.decode()
    assert client.get(address("add", draft)).status_code == 200
    client.post(address("add", draft), {"files": [upload(), upload("b.txt", b"b")]})
    shown = client.get(request_page(draft)).content.decode()
    assert "Công văn.pdf" in shown
    assert "Chưa được kiểm tra vi-rút" in shown
    file = Attachment.objects.get(name="b.txt")
    client.post(address("remove", draft, file))
    assert "b.txt" not in client.get(request_page(draft)).content.decode()
    request = world.proposed(draft)
    shown = client.get(request_page(request)).content.decode()
    assert f'action="{address("add", draft)}"' not in shown
    assert address("remove", draft, Attachment.objects.first()) not in shown
    signing = as_user(world.endorser).get(reverse("exchange:request-endorse", args=[request.public_id]))
    assert Attachment.objects.first().sha256 in signing.content.decode()


def test_the_form_says_what_was_refused_and_what_to_do(world):
    client = as_user(world.requester)
    url = address("add", world.draft())
    answer = client.post(url)
    assert answer.status_code == 422
    answer = client.post(url, {"files": [upload("một.pdf", b""), upload()]})
    assert answer.status_code == 422
    assert "một.pdf: Tệp rỗng" in answer.content.decode()
    assert "Chưa đính kèm tệp nào" in answer.content.decode()
    assert not Attachment.objects.exists()


def test_reading_stops_when_a_file_is_larger_than_any_may_be(world, settings):
    settings.UPLOAD_MAX_BYTES = 100_000
    client = as_user(world.requester)
    answer = client.post(address("add", world.draft()), {"files": [upload("a.txt", b"x" * 300_000)]})
    assert answer.status_code == 422
    assert "Tệp quá lớn" in answer.content.decode()
    assert answer.wsgi_request.FILES.getlist("files") == []


def test_more_files_than_any_form_takes_are_not_kept(world, settings):
    settings.ATTACHMENT_MAX_COUNT = 3
    uploads = [upload(f"{number}.txt", b"x") for number in range(20)]
    answer = as_user(world.requester).post(address("add", world.draft()), {"files": uploads})
    assert answer.status_code == 422
    assert "Tối đa 3 tệp" in answer.content.decode()
    assert len(answer.wsgi_request.FILES.getlist("files")) == 4


def test_after_the_end_a_page_lists_and_takes_nothing(world):
    draft = world.draft()
    (file,) = attach(world, draft)
    requests.withdraw(request=draft, by=world.requester)
    client = as_user(world.requester)
    assert client.get(address("add", draft)).status_code == 302
    client.post(address("add", draft), {"files": [upload("b.txt", b"b")]})
    client.post(address("remove", draft, file))
    assert Attachment.objects.of_requests().get() == file
    fetched(client, address("open", draft, file))


def test_auditors_find_rows_and_others_their_own(world):
    draft = world.draft()
    (file,) = attach(world, draft)
    auditor = person(world.stranger, Role.AUDITOR, is_staff=True)
    assert rows(as_user(auditor), "attachment") == [file]
    assert file.sha256 in as_user(auditor).get(page(file)).content.decode()


def test_pages_ask_as_much_about_two_files_as_about_ten(world):
    draft = world.draft()
    client = as_user(world.requester)

    def questions() -> int:
        client.get(request_page(draft))
        with CaptureQueriesContext(connection) as captured:
            client.get(request_page(draft))
        return len(captured)

    attach(world, draft, upload("a.txt", b"a"), upload("b.txt", b"b"))
    few = questions()
    attach(world, draft, *(upload(f"{number}.txt", b"%d" % number) for number in range(8)))
    assert questions() == few


# --- the database


COPY = (
    "INSERT INTO exchange_attachment (public_id, request_id, comment_id, name, kind, size, sha256, added_at, added_by_id,"
    " agency_id, scan, removed_at, removed_by_id, erased_at) SELECT gen_random_uuid(), request_id, comment_id, {name}, {kind},"
    " {size}, {sha256}, now(), {added_by_id}, {agency_id}, {scan}, NULL, NULL, {erased_at}"
    " FROM exchange_attachment WHERE NOT name = 'b.txt'"
)


def copied(**changes) -> str:
    columns = ("name", "kind", "size", "sha256", "added_by_id", "agency_id", "scan", "erased_at")
    return COPY.format(**{column: column for column in columns} | changes)


def run(statement: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount


def test_the_database_takes_what_the_services_would(world):
    attach(world, world.draft())
    assert run(copied()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_attachment SET name = 'khác.pdf'",
        "UPDATE exchange_attachment SET sha256 = repeat('0', 64)",
        "UPDATE exchange_attachment SET size = 1",
        "UPDATE exchange_attachment SET request_id = NULL",
        "UPDATE exchange_attachment SET scan = 'fine'",
        "UPDATE exchange_attachment SET removed_at = now()",
        "UPDATE exchange_attachment SET removed_at = now(), removed_by_id = {officer}",
        "DELETE FROM exchange_attachment",
        "TRUNCATE exchange_attachment CASCADE",
        copied(name="''"),
        copied(name="'../a.pdf'"),
        copied(name="E'a\\nb.pdf'"),
        copied(kind="'html'"),
        copied(size="0"),
        copied(sha256="'x'"),
        copied(scan="'clean'"),
        copied(erased_at="now()"),
        copied(added_by_id="{officer}"),
        copied(added_by_id="{endorser}"),
        copied(agency_id="{provider}"),
    ],
)
def test_the_database_refuses(world, statement):
    attach(world, world.draft())
    people = {"officer": world.officer.pk, "endorser": world.endorser.pk, "provider": world.provider.pk}
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would stand in the way of TRUNCATE
    with pytest.raises(IntegrityError):
        run(statement.format(**people))


@pytest.mark.parametrize(
    "statement",
    [
        copied(),
        "UPDATE exchange_attachment SET removed_at = now(), removed_by_id = {requester}",
        "UPDATE exchange_attachment_revisions SET revision_id = 1",
        "DELETE FROM exchange_attachment_revisions",
        "TRUNCATE exchange_attachment_revisions",
    ],
)
def test_the_database_keeps_what_was_frozen(world, statement):
    draft = world.draft()
    attach(world, draft)
    world.proposed(draft)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError):
        run(statement.format(requester=world.requester.pk))


@pytest.mark.parametrize("named", [[], [{"name": "Công văn.pdf", "sha256": "0" * 64, "size": 1}], "none"])
def test_the_database_takes_no_revision_that_names_other_files(world, named):
    request = world.proposed()
    requests.send_back(request=request, by=world.endorser, reason="Đính kèm")
    attach(world, request)
    first = request.revisions.get()
    content = json.loads(first.content) | {"attachments": named, "revision": 2}
    text = json.dumps(content, ensure_ascii=False) if named != "none" else "no JSON at all"
    with pytest.raises(IntegrityError, match="names the files"), transaction.atomic():
        Revision.objects.create(
            request=request, number=2, content=text, content_hash=sha256(text), proposed_by=world.requester
        )


def test_the_database_adds_no_file_to_a_revision_that_was_signed(world):
    draft = world.draft()
    attach(world, draft)
    request = world.under_review(world.submitted(world.proposed(draft)))
    cases.send_back(request=request, by=world.officer, reason="Thêm", revision_hash=hash_of(request))
    (late,) = attach(world, request, upload("b.txt", b"b"))
    with pytest.raises(IntegrityError, match="when that is proposed"), transaction.atomic():
        request.revisions.first().attachments.add(late)


def test_the_database_unsays_nothing_about_viruses_and_destruction(world):
    attach(world, world.draft())
    run("UPDATE exchange_attachment SET scan = 'infected', erased_at = now()")
    for statement in ("SET scan = 'clean'", "SET scan = 'quarantined'", "SET erased_at = NULL"):
        with pytest.raises(IntegrityError):
            run(f"UPDATE exchange_attachment {statement}")
