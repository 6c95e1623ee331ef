"""The virus check of attached files, and when their bytes are destroyed."""

from datetime import timedelta

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from evidence.models import Entry
from exchange.models import Attachment
from exchange.refusals import Refusal
from exchange.services import attachments, requests, scanning
from exchange.uploads import store
from registry.models import Notice
from registry.services import queued
from tests.exchange import files

pytestmark = pytest.mark.postgresql


def attached(world, content=b"a", request=None) -> Attachment:
    uploads = [SimpleUploadedFile("a.txt", content)]
    return attachments.attach(request=request or world.draft(), by=world.requester, uploads=uploads)[0]


def scanned(file: Attachment) -> Attachment:
    scanning.scan(file.pk)
    file.refresh_from_db()
    return file


def is_on_disk(file: Attachment) -> bool:
    try:
        store.opened(file.sha256, file.public_id).close()
    except FileNotFoundError:
        return False
    return True


def code_of_opening(world, file) -> str:
    with pytest.raises(Refusal) as caught:
        attachments.open_file(attachment=file, by=world.requester)
    return caught.value.code


def test_nobody_opens_a_file_before_the_scanner_found_nothing(world, settings):
    file = attached(world)
    with files.clamd(settings):
        assert code_of_opening(world, file) == "file-waits"
        assert scanned(file).scan == "clean"
        attachments.open_file(attachment=file, by=world.requester).close()
        scanning.scan(file.pk)
    assert Entry.objects.filter(action="request.scan_file").count() == 1


def test_an_infected_file_is_destroyed_its_row_stays_and_its_sender_is_told(world, settings):
    draft = world.draft()
    file = attached(world, files.EICAR, draft)
    with files.clamd(settings):
        assert scanned(file).scan == "infected"
    assert code_of_opening(world, file) == "file-infected"
    assert scanning.erase_due() == 1
    assert not is_on_disk(file)
    file.refresh_from_db()
    assert file.erased_at
    assert Notice.objects.get(recipient=world.requester).kind == "attachment-infected"
    with pytest.raises(Refusal) as caught:
        requests.propose(request=draft, by=world.requester)
    assert caught.value.code == "file-infected"


def test_without_an_answer_a_file_stays_in_quarantine_and_is_asked_about_again(world, settings):
    file = attached(world)
    with files.clamd(settings, silent=True):
        assert scanned(file).scan == "quarantined"
        assert code_of_opening(world, file) == "file-waits"
        assert scanning.nudge_due() == 0
        with time_machine.travel(timezone.now() + timedelta(minutes=6)):
            assert scanning.nudge_due() == 1
            assert queued.ids_waiting(scanning.TASK) == {file.pk}
            assert scanning.nudge_due() == 0


def test_without_a_scanner_nothing_is_queued_and_files_open(world):
    file = attached(world)
    assert scanning.nudge_due() == 0
    assert scanned(file).scan_tried_at is None
    attachments.open_file(attachment=file, by=world.requester).close()


def test_bytes_go_when_their_time_is_over_and_not_before(world, settings):
    draft = world.draft()
    file = attached(world, request=draft)
    requests.withdraw(request=draft, by=world.requester)
    with time_machine.travel(timezone.now() + timedelta(days=settings.ATTACHMENT_DAYS - 1)):
        assert scanning.erase_due() == 0
    assert is_on_disk(file)
    with time_machine.travel(timezone.now() + timedelta(days=settings.ATTACHMENT_DAYS + 1)):
        assert scanning.erase_due() == 1
        assert scanning.erase_due() == 0
    assert not is_on_disk(file)
    assert code_of_opening(world, Attachment.objects.get()) == "file-gone"


def test_what_was_taken_off_unsigned_goes_at_once(world):
    file = attached(world)
    attachments.detach(attachment=file, by=world.requester)
    assert scanning.erase_due() == 1
    assert not is_on_disk(file)
