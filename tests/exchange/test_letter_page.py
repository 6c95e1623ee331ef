"""The decision letter as the requesting agency reads and prints it."""

import json
import re

import pytest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape

from exchange import check_codes
from exchange.models import Letter
from exchange.scope import canonical, sha256
from exchange.services import cases
from registry.choices import PersonalData
from registry.models import Agency, Field, LegalInstrument
from tests.exchange.past import letters_of_anything
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


def test_a_partial_approval_reads_as_an_offer(client, world):
    world.approver.position = "Vụ trưởng"
    world.approver.save()
    letter = world.offered().cases.get().letters.get()
    client.force_login(world.endorser)
    page = client.get(reverse("exchange:letter-detail", args=[letter.public_id]))
    assert len(page.context["text"].left_out) == 2
    for text in (world.fields["full_name"].title, "Chỉ cần số định danh", "Vụ trưởng", world.policy.legal_basis.number):
        assert text in page.text
    assert str(world.approver) not in page.text


@pytest.mark.parametrize(("language", "is_there"), [("vi", True), ("en", False)])
def test_the_vietnamese_letter_bears_the_motto(client, world, settings, language, is_there):
    letter = world.agreed().case.letters.get()
    client.force_login(world.requester)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    assert ("Độc lập - Tự do - Hạnh phúc" in page_of(client, letter)) == is_there


def test_the_request_links_to_its_letter(client, world):
    request = world.offered()
    client.force_login(world.requester)
    page = client.get(reverse("exchange:request-detail", args=[request.public_id])).text
    assert request.cases.get().letters.get().notation in page


def test_a_standing_grant_names_the_day_of_the_owners_decision(client, make_world):
    world = make_world(standing=True)
    letter = world.agreed().case.letters.get()
    client.force_login(world.requester)
    day = date_format(timezone.localdate(world.policy.decided_at), "SHORT_DATE_FORMAT")
    assert f"Cho phép thường xuyên, quyết định ngày {day}" in page_of(client, letter)


def test_a_letter_keeps_the_names_that_it_was_written_with(client, world):
    letter = world.agreed().case.letters.get()
    client.force_login(world.requester)
    before = page_of(client, letter)
    Agency.objects.filter(pk=world.provider.pk).update(name_vi="Tên mới của cơ quan")
    Field.objects.update(title_vi="Tiêu đề mới", personal_data=PersonalData.SENSITIVE)
    LegalInstrument.objects.update(title_vi="Trích yếu mới")
    after = page_of(client, letter)
    assert world.fields["full_name"].title in after
    assert re.sub("csrf.*", "", after) == re.sub("csrf.*", "", before)


def test_a_letter_from_before_names_were_kept_is_told_with_those_of_today(client, world):
    letter = world.agreed().case.letters.get()
    content = json.loads(letter.content)
    del content["names"]
    with letters_of_anything():
        old = Letter.objects.create(
            case=letter.case,
            agency=letter.agency,
            year=letter.year,
            number=letter.number + 1,
            issued_at=letter.issued_at,
            content=canonical(content),
            content_hash=sha256(canonical(content)),
            check_code=check_codes.new(),
        )
    client.force_login(world.requester)
    page = page_of(client, old)
    for text in (str(world.provider), world.fields["full_name"].title, str(world.policy.legal_basis)):
        assert escape(text) in page
