"""Checking a letter that somebody holds: without signing in, and without learning what is not on it."""

import hashlib
import uuid

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange import check_codes
from exchange.models import Letter, LetterCopy
from exchange.services import agreements, cases, requests
from tests.exchange.past import letters_of_anything
from tests.scenarios import agreement_of, hash_of

CHECK = reverse("exchange:letter-check")
WRONG = "222222222222"


@pytest.fixture(autouse=True)
def nobody_checked_before():
    cache.clear()


@pytest.fixture
def letter(world) -> Letter:
    return world.agreed().case.letters.get()


def scanned(client, letter, code: str = ""):
    arguments = [letter.agency.code, letter.number, code or letter.check_code]
    return client.get(reverse("exchange:letter-check-code", args=arguments))


def typed(client, letter, **changes):
    code = check_codes.grouped(letter.check_code).lower()
    return client.post(CHECK, {"notation": letter.notation, "code": code, **changes})


def failures():
    return Entry.objects.filter(action="letter.check", outcome=Outcome.REFUSED)


def test_scanning_tells_who_issued_what_when_and_how_it_stands(client, letter):
    page = scanned(client, letter)
    assert page.status_code == 200
    for told in (
        "Công văn này là thật",
        str(letter.agency),
        letter.notation,
        letter.case.request.code,
        f"{timezone.localtime(letter.issued_at):%d/%m/%Y}",
        "có hiệu lực đến hết ngày",
    ):
        assert told in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert "no-store" in page.headers["Cache-Control"]


def test_no_page_tells_more_than_the_paper(client, world, letter):
    page = scanned(client, letter).text
    for kept in (world.approver, world.requester, world.fields["full_name"].title, letter.content_hash, WRONG):
        assert str(kept) not in page


@pytest.mark.parametrize("spelling", ["{number}/{agency}-CSDL", "{number} / {agency}-csdl", " {number}/{small}-CSDL "])
def test_number_and_code_are_read_however_they_are_typed(client, letter, spelling):
    code = letter.agency.code
    notation = spelling.format(number=letter.number, agency=code, small=code.lower())
    assert "Công văn này là thật" in typed(client, letter, notation=notation).text


def test_letters_of_one_number_and_different_years_are_told_apart_by_their_codes(client, letter):
    last_year = letter.issued_at.replace(year=letter.year - 1)
    with letters_of_anything():
        older = Letter.objects.create(
            case=letter.case,
            agency=letter.agency,
            year=letter.year - 1,
            number=letter.number,
            content=letter.content,
            content_hash=letter.content_hash,
            check_code=check_codes.new(),
            issued_at=last_year,
        )
    for one in (letter, older):
        assert scanned(client, one).context["check"].letter == one


def test_wrong_code_unknown_number_and_unknown_agency_look_alike(client, letter):
    answers = [
        typed(client, letter, code=WRONG),
        typed(client, letter, notation=f"{letter.number + 1}/{letter.agency.code}-CSDL"),
        typed(client, letter, notation=f"{letter.number}/NOBODY-CSDL"),
    ]
    problems = [answer.context["form"].non_field_errors() for answer in answers]
    assert problems[0]
    assert problems[0] == problems[1] == problems[2]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert [scanned(client, letter, WRONG).status_code for _again in range(2)] == [404, 404]


def test_failure_is_recorded_without_what_was_typed(client, letter):
    typed(client, letter, code="0123 my secret")
    (entry,) = failures()
    assert (entry.actor, entry.subject_id, entry.details) == ("public", "unknown", '{"by":"code"}')


def test_checks_of_one_address_are_limited(client, letter):
    answers = [scanned(client, letter, WRONG).status_code for _number in range(25)]
    assert answers == [404] * 20 + [429] * 5
    refused = typed(client, letter)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "quá nhiều lần" in refused.text
    assert failures().count() == 20
    assert client.get(CHECK).status_code == 200
    assert scanned(client.__class__(REMOTE_ADDR="192.0.2.7"), letter).status_code == 200


@pytest.mark.parametrize("number", [0, 10**12, 10**25])
def test_number_that_no_letter_has_is_not_found(client, letter, number):
    assert client.get(f"/check/{letter.agency.code}/{number}/{letter.check_code}/").status_code == 404


@pytest.mark.parametrize("path", ["/check/%00/1/x/", "/check/a b/1/x/", "/check/A/1/%00/", f"/check/A/{'9' * 5000}/x/"])
def test_address_that_is_none_is_not_found(client, db, path):
    assert client.get(path).status_code == 404


def test_file_is_found_by_itself_and_compared_with_the_letter_that_was_named(client, letter):
    pdf = b"%PDF-1.7 the letter"
    LetterCopy.objects.create(letter=letter, language="vi", sha256=hashlib.sha256(pdf).hexdigest())
    alone = client.post(CHECK, {"file": SimpleUploadedFile("a.pdf", pdf)})
    assert alone.context["check"].letter == letter
    assert "Tệp khớp với công văn" in alone.text
    changed = client.post(CHECK, {"file": SimpleUploadedFile("a.pdf", pdf + b" ")})
    assert changed.status_code == 422
    assert failures().get().details == '{"by":"hash"}'
    assert "Tệp khớp với công văn" in typed(client, letter, file=SimpleUploadedFile("a.pdf", pdf)).text
    named = typed(client, letter, file=SimpleUploadedFile("a.pdf", pdf + b" "))
    assert named.context["check"].file_fits is False
    assert "Công văn này là thật" not in named.text


def test_hash_can_be_pasted_in_place_of_the_file(client, letter):
    digest = "ab" * 32
    LetterCopy.objects.create(letter=letter, language="en", sha256=digest)
    assert client.post(CHECK, {"sha256": f" {digest.upper()} "}).context["check"].file_fits is True
    assert typed(client, letter, sha256=letter.content_hash).context["check"].file_fits is True
    assert typed(client, letter, sha256="cd" * 32).context["check"].file_fits is False
    # The text's own hash could be computed by somebody who guesses the text: alone it finds nothing.
    assert client.post(CHECK, {"sha256": letter.content_hash}).status_code == 422


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({}, None),
        ({"notation": "7/A1-CSDL"}, "code"),
        ({"code": "7QJ4M2XPC9RV"}, "notation"),
        ({"notation": "7", "code": "7QJ4M2XPC9RV"}, "notation"),
        ({"notation": "7/A\x00-CSDL", "code": "7QJ4M2XPC9RV"}, "notation"),
        ({"sha256": "abc"}, "sha256"),
        ({"file": SimpleUploadedFile("a.pdf", b"x" * 5_000_001)}, "file"),
        ({"file": SimpleUploadedFile("a.pdf", b"")}, "file"),
    ],
)
def test_incomplete_form_says_what_to_do_and_keeps_what_was_typed(client, db, answers, field):
    page = client.post(CHECK, answers)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field or "__all__"]
    if answers.get("code"):
        assert answers["code"] in page.text
    assert not failures().exists()


def test_standing_follows_what_becomes_of_the_agreement(client, world, letter):
    agreement = agreement_of(letter.case.request)
    world.suspended(agreement)
    assert "đang bị tạm" in scanned(client, letter).text
    agreements.resume(agreement=agreement, by=world.approver, reason="Xong")
    agreements.revoke(agreement=agreement, by=world.approver, reason="Vi phạm")
    assert "thu hồi" in scanned(client, letter).text
    assert scanned(client, letter).context["check"].is_in_force is False


def test_agreement_past_its_end_holds_no_more_whatever_its_flag_says(client, world, letter, time_machine):
    agreement = agreement_of(letter.case.request)
    time_machine.move_to(f"{agreement.valid_to.isoformat()}T17:00:01+00:00")
    assert "đã hết" in scanned(client, letter).text


def test_offer_tells_whether_it_was_answered(client, world):
    request = world.offered()
    letter = request.cases.get().letters.get()
    assert "chưa được chấp nhận hoặc từ chối" in scanned(client, letter).text
    requests.decline(request=request, by=world.endorser, reason="Không đủ")
    assert "không có thỏa thuận nào" in scanned(client, letter).text


def test_rejection_is_told_as_one(client, world):
    request = world.under_review()
    cases.reject(
        request=request, by=world.approver, reason="Sai", legal_basis=world.basis, revision_hash=hash_of(request)
    )
    assert "Không có thỏa thuận nào theo công văn này" in scanned(client, request.cases.get().letters.get()).text


def test_earlier_letter_of_a_case_says_that_there_is_a_later_one(client, letter):
    with letters_of_anything():
        Letter.objects.create(
            case=letter.case,
            agency=letter.agency,
            year=letter.year,
            number=letter.number + 1,
            content=letter.content,
            content_hash=letter.content_hash,
            check_code=check_codes.new(),
            issued_at=letter.issued_at,
            public_id=uuid.uuid4(),
        )
    assert "đã có công văn ban hành sau" in scanned(client, letter).text


def test_every_page_leads_to_the_check(client, db):
    assert f'href="{CHECK}"' in client.get("/").text
