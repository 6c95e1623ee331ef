"""The decision letter as the requesting agency reads and prints it."""

import pytest
from django.urls import reverse

from exchange.services import cases
from tests.scenarios import hash_of

pytestmark = pytest.mark.django_db


def page_of(client, letter) -> str:
    return client.get(reverse("exchange:letter-detail", args=[letter.public_id])).text


def test_an_approval_tells_number_scope_and_hashes(client, world):
    letter = world.agreed().case.letters.get()
    client.force_login(world.requester)
    page = page_of(client, letter)
    for text in (letter.notation, letter.content_hash, hash_of(letter.case.request), "full_name", "12/UBND-VP"):
        assert text in page
    assert "data-print" in page


def test_a_rejection_tells_reason_and_basis(client, world):
    request = world.under_review()
    cases.reject(
        request=request,
        by=world.approver,
        reason="Không đúng <mục đích>",
        legal_basis=world.basis,
        revision_hash=hash_of(request),
    )
    client.force_login(world.endorser)
    page = page_of(client, request.cases.get().letters.get())
    assert "Không đúng &lt;mục đích&gt;" in page
    assert world.basis.number in page


def test_the_request_links_to_its_letter(client, world):
    request = world.offered()
    client.force_login(world.requester)
    page = client.get(reverse("exchange:request-detail", args=[request.public_id])).text
    assert request.cases.get().letters.get().notation in page
