"""A scanned letter begins a draft, and only suggests."""

import hashlib
import struct
import zlib

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from exchange.models import ExchangeRequest
from registry.choices import Role
from tests.exchange.desk import as_user
from tests.exchange.letters import pdf_of
from tests.factories import MembershipFactory, person

ADDRESS = "exchange:request-from-letter"
PDF = pdf_of("V/v kiem tra <script>", "Kinh gui")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\0"))
    + _chunk(b"IEND", b"")
)


def post(user, content=PDF, name="cong-van.pdf", **typed):
    data = {"letter": SimpleUploadedFile(name, content), **typed}
    return as_user(user).post(reverse(ADDRESS), data)


def step(draft, number=2) -> str:
    return reverse("exchange:request-edit", args=[draft.public_id, number])


def with_dataset(world) -> ExchangeRequest:
    draft = ExchangeRequest.objects.get()
    ExchangeRequest.objects.filter(pk=draft.pk).update(dataset=world.dataset)
    return draft


def test_what_was_typed_goes_into_the_draft_and_the_text_only_beside_the_field(world):
    client = as_user(world.requester)
    letter = SimpleUploadedFile("cong-van.pdf", PDF)
    response = client.post(
        reverse(ADDRESS), {"letter": letter, "letter_number": "332/BHXH-CNTT", "letter_day": "05/03/2026"}
    )
    draft = ExchangeRequest.objects.get()
    assert response.url == step(draft, 1)
    assert (draft.letter_number, draft.letter_day.isoformat(), draft.letter_subject) == (
        "332/BHXH-CNTT", "2026-03-05", "",
    )  # fmt: skip
    assert draft.focal_name == world.requester.full_name
    with_dataset(world)
    text = client.get(step(draft)).text
    assert "<q>kiem tra &lt;script&gt;</q>" in text
    assert "<script>" not in text.split('class="from-letter"')[1].split("</div>")[0]
    assert 'value="kiem tra' not in text


def test_suggestions_are_for_the_session_that_read_the_letter(world):
    post(world.requester)
    draft = with_dataset(world)
    assert "from-letter" not in as_user(world.requester).get(step(draft)).text


def test_a_session_remembers_the_last_few_letters(world):
    client = as_user(world.requester)
    for _number in range(7):
        client.post(reverse(ADDRESS), {"letter": SimpleUploadedFile("a.pdf", PDF)})
    latest = {str(one.public_id) for one in ExchangeRequest.objects.order_by("-pk")[:5]}
    assert set(client.session["from_letters"]) == latest


def test_a_picture_begins_a_draft_and_suggests_nothing(world):
    client = as_user(world.requester)
    client.post(reverse(ADDRESS), {"letter": SimpleUploadedFile("scan.png", PNG), "letter_subject": "Về hộ tịch"})
    assert ExchangeRequest.objects.get().letter_subject == "Về hộ tịch"
    assert "from_letters" not in client.session


@pytest.mark.parametrize(
    ("name", "content"), [("x.pdf", b"MZ\x90"), ("x.pdf", b""), ("x.exe", b"#!/bin/sh"), ("x.pdf", b" %PDF")]
)
def test_anything_else_begins_nothing(world, name, content):
    response = post(world.requester, content, name)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["letter"]
    assert not ExchangeRequest.objects.exists()


def test_a_file_that_is_too_large_or_acts_begins_nothing(world, settings):
    assert post(world.requester, pdf_of("V/v x").replace(b"/Catalog", b"/Catalog /JavaScript (x)")).status_code == 422
    settings.ATTACHMENT_MAX_BYTES = len(PDF) - 1
    assert post(world.requester).status_code == 422
    assert not ExchangeRequest.objects.exists()


def test_the_scan_is_attached_to_the_draft(world):
    post(world.requester)
    attached = ExchangeRequest.objects.get().attachments.of_requests().get()
    assert (attached.name, attached.size, attached.sha256) == (
        "cong-van.pdf",
        len(PDF),
        hashlib.sha256(PDF).hexdigest(),
    )


def test_typed_values_stay_beside_an_error(world):
    response = post(world.requester, b"x", letter_number="332/BHXH", letter_day="32/1/2026")
    assert set(response.context["form"].errors) == {"letter", "letter_day"}
    assert 'value="332/BHXH"' in response.text


def test_who_files_for_nobody_begins_nothing(world):
    for someone in (world.endorser, person(world.stranger, Role.AUDITOR)):
        assert post(someone).status_code == 403
    assert not ExchangeRequest.objects.exists()


def test_who_files_for_two_agencies_chooses(world):
    MembershipFactory(user=world.requester, agency=world.stranger, role=Role.REQUESTER)
    post(world.requester, agency=world.stranger.code)
    assert ExchangeRequest.objects.get().consumer == world.stranger
