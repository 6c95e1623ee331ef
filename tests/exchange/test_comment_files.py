"""Files that come with a comment: read by whoever reads it, looked at like those of a request, and destroyed like them."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange import timeline
from exchange.admin.dossier import Dossier
from exchange.choices import Audience
from exchange.models import Attachment, Comment
from exchange.refusals import Refusal
from exchange.services import attachments, comments, requests, scanning
from exchange.states import Side
from registry.choices import Role
from registry.models import Notice
from tests.exchange import files
from tests.exchange.desk import as_user, page, refused, told
from tests.factories import person

pytestmark = pytest.mark.postgresql


def upload(name="Công văn.pdf", content=None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, files.pdf() if content is None else content)


def write(world, request, *uploads, side=Side.PROVIDER, audience=Audience.INTERNAL, by=None) -> Comment:
    by = by or {Side.PROVIDER: world.officer, Side.CONSUMER: world.requester}[side]
    return comments.write(
        request=request, by=by, side=side, text="Xem tệp", audience=audience, uploads=uploads or [upload()]
    )


def names_for(user) -> list[str]:
    return list(Attachment.objects.readable_by(user).values_list("name", flat=True))


def on_disk(settings) -> list:
    return [path for path in settings.ATTACHMENT_DIR.rglob("*") if path.is_file()]


def test_a_file_of_an_internal_comment_stays_on_its_side(world):
    request = world.under_review()
    write(world, request, upload("nội bộ bên giữ.pdf"))
    write(world, request, upload("nội bộ bên hỏi.pdf"), side=Side.CONSUMER)
    for one in (world.officer, world.approver):
        assert names_for(one) == ["nội bộ bên giữ.pdf"]
    for one in (world.requester, world.endorser):
        assert names_for(one) == ["nội bộ bên hỏi.pdf"]
    assert names_for(world.operator) == names_for(person(world.stranger, *set(Role) - {Role.AUDITOR})) == []
    assert len(names_for(person(world.stranger, Role.AUDITOR))) == 2


@pytest.mark.parametrize("side", [Side.CONSUMER, Side.PROVIDER])
def test_a_file_of_a_public_comment_is_read_by_both(world, side):
    request = world.under_review()
    write(world, request, side=side, audience=Audience.BOTH)
    for one in (world.officer, world.approver, world.requester, world.endorser):
        assert names_for(one) == ["Công văn.pdf"]


def test_whoever_may_not_read_it_does_not_find_it(world):
    request = world.under_review()
    (ours,) = write(world, request).attachments.all()
    (theirs,) = write(world, request, side=Side.CONSUMER).attachments.all()
    address = reverse("exchange:attachment-open", args=[request.public_id, ours.public_id])
    assert as_user(world.requester).post(address).status_code == 404
    desk = reverse("admin:exchange_reviewcase_file", args=[request.cases.get().pk, theirs.public_id])
    assert as_user(world.officer).post(desk).status_code == 404
    with pytest.raises(Refusal) as caught:
        attachments.open_file(attachment=ours, by=world.requester)
    assert caught.value.code == "file-not-yours"
    assert refused("request.open_file").count() == 1


def test_it_is_evidence_without_its_name(world):
    comment = write(world, world.under_review())
    entry = Entry.objects.get(action="request.attach_to_comment")
    details = json.loads(entry.details)
    (file,) = comment.attachments.all()
    assert (details["comment"], details["sha256"]) == (str(comment.public_id), file.sha256)
    assert entry.agency == world.provider.code
    assert "Công văn" not in entry.details


def test_timelines_tell_of_it_to_those_who_read_the_comment(world):
    request = world.under_review()
    write(world, request)
    write(world, request, side=Side.CONSUMER)
    case = request.cases.get()
    told = str(timeline.SENTENCES["request.attach_to_comment"])
    assert [line["title"] for line in Dossier(case, world.officer).timeline].count(told) == 1
    assert told not in [str(event.title) for event in timeline.of_request(request)]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"", "file-empty"),
        ("a.pdf", b"<html><script>alert(1)</script></html>", "file-active"),
        ("a.exe", b"MZ\0", "file-kind"),
        ("a.pdf", files.png(), "file-name-differs"),
    ],
)
def test_what_is_not_accepted_takes_the_comment_with_it(world, settings, name, content, code):
    request = world.under_review()
    with pytest.raises(Refusal) as caught:
        write(world, request, upload(), upload(name, content))
    assert caught.value.code == code
    assert not Comment.objects.exists()
    assert on_disk(settings) == []
    assert refused("request.comment").count() == 1


def test_too_large_and_too_many(world, settings):
    request = world.under_review()
    settings.ATTACHMENT_MAX_BYTES, settings.ATTACHMENT_MAX_COUNT = 10, 2
    for uploads, code in (([upload("a.txt", b"x" * 11)], "file-too-large"), ([upload()] * 3, "too-many-files")):
        with pytest.raises(Refusal) as caught:
            write(world, request, *uploads)
        assert caught.value.code == code
    assert not Attachment.objects.exists()


def test_nobody_writes_a_file_down_who_may_not_write(world, settings):
    request = world.under_review()
    for one in (person(world.stranger, *Role), world.operator):
        with pytest.raises(Refusal):
            write(world, request, by=one)
    assert on_disk(settings) == []


def test_an_infected_file_is_told_where_it_was_attached(world, settings):
    request = world.under_review()
    write(world, request, upload("virus.txt", files.EICAR))
    with files.clamd(settings):
        scanning.scan(Attachment.objects.get().pk)
    notice = Notice.objects.get(recipient=world.officer, kind=scanning.INFECTED.code)
    assert notice.path == page(request.cases.get())
    assert scanning.erase_due() == 1
    assert on_disk(settings) == []


def test_taking_a_comment_back_destroys_its_files(world, settings):
    comment = write(world, world.under_review(), audience=Audience.BOTH)
    assert scanning.erase_due() == 0
    comments.retract(comment=comment, by=world.officer)
    assert names_for(world.requester) == names_for(world.officer) == []
    assert scanning.erase_due() == 1
    assert on_disk(settings) == []
    assert Entry.objects.filter(action="request.erase_file").count() == 1


def test_files_go_with_a_request_that_is_long_over(world, settings):
    request = world.under_review()
    write(world, request)
    requests.withdraw(request=request, by=world.requester)
    with time_machine.travel(timezone.now() + timedelta(days=settings.ATTACHMENT_DAYS + 1)):
        assert scanning.erase_due() == 1
    assert on_disk(settings) == []


def test_a_file_of_a_comment_is_no_part_of_the_request(world):
    request = world.under_review()
    (file,) = write(world, request, side=Side.CONSUMER).attachments.all()
    assert not request.attachments.of_requests().exists()
    with pytest.raises(Refusal):
        attachments.detach(attachment=file, by=world.requester)


def test_the_database_takes_no_file_for_somebody_elses_comment(world):
    comment = write(world, world.under_review())
    (file,) = comment.attachments.all()
    with pytest.raises(IntegrityError, match="when it is written"), transaction.atomic():
        Attachment.objects.create(
            request=file.request,
            comment=comment,
            name="a.txt",
            kind="text",
            size=1,
            sha256="0" * 64,
            added_by=world.approver,
            agency=world.provider,
        )


# --- pages


def test_a_clerk_sends_a_file_and_the_owner_downloads_it(world):
    request = world.under_review()
    write_page = reverse("exchange:comment-create", args=[request.public_id])
    client = as_user(world.requester)
    assert "multipart/form-data" in client.get(write_page).content.decode()
    answer = client.post(write_page, {"text": "Bổ sung", "to_owner": "on", "files": [upload()]}, follow=True)
    assert "Công văn.pdf" in answer.content.decode()
    desk = as_user(world.officer)
    assert "Công văn.pdf" in desk.get(page(request.cases.get())).content.decode()
    file = Attachment.objects.get()
    given = desk.post(reverse("admin:exchange_reviewcase_file", args=[request.cases.get().pk, file.public_id]))
    assert b"".join(given.streaming_content) == files.pdf()
    assert given["Content-Disposition"].startswith("attachment")
    assert given["X-Content-Type-Options"] == "nosniff"


def test_the_desk_sends_a_file_and_the_clerk_downloads_it(world):
    request = world.under_review()
    case = request.cases.get()
    answer = as_user(world.officer).post(
        page(case, "comment"), {"text": "Mẫu", "is_public": "on", "files": [upload()]}, follow=True
    )
    assert "Công văn.pdf" in answer.content.decode()
    file = Attachment.objects.get()
    client = as_user(world.requester)
    assert "Công văn.pdf" in client.get(request.get_absolute_url()).content.decode()
    given = client.post(reverse("exchange:attachment-open", args=[request.public_id, file.public_id]))
    assert b"".join(given.streaming_content) == files.pdf()


@pytest.mark.parametrize("side", ["consumer", "provider"])
def test_a_refused_file_is_named_on_the_page_and_nothing_is_sent(world, side):
    request = world.under_review()
    user, url = {
        "consumer": (world.requester, reverse("exchange:comment-create", args=[request.public_id])),
        "provider": (world.officer, page(request.cases.get(), "comment")),
    }[side]
    answer = as_user(user).post(url, {"text": "Xem tệp", "files": [upload("a.exe", b"MZ\0")]})
    assert answer.status_code == 422 or answer.context["form"].errors
    text = answer.content.decode()
    assert "a.exe" in text
    assert "Xem tệp" in text
    assert not Comment.objects.exists()


def test_a_comment_without_files_needs_none(world):
    request = world.under_review()
    answer = as_user(world.officer).post(page(request.cases.get(), "comment"), {"text": "Chỉ có lời"}, follow=True)
    assert told(answer)
    assert not Attachment.objects.exists()
    assert Entry.objects.get(action="request.comment").outcome == Outcome.SUCCESS


def test_the_pages_ask_as_much_with_one_file_as_with_many(world):
    request = world.under_review()
    readers = ((world.officer, page(request.cases.get())), (world.requester, request.get_absolute_url()))

    def questions() -> list[int]:
        counts = []
        for user, url in readers:
            client = as_user(user)
            client.get(url)
            with CaptureQueriesContext(connection) as captured:
                client.get(url)
            counts.append(len(captured))
        return counts

    write(world, request, audience=Audience.BOTH)
    few = questions()
    for number in range(4):
        write(world, request, upload(), upload(f"{number}.txt", b"x"), audience=Audience.BOTH)
    assert questions() == few
