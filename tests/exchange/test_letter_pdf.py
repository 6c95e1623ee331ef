"""The letter as a file: its layout, its text, its bytes, and who gets it."""

import hashlib
import io
import json
import unicodedata
from datetime import timedelta

import pypdf
import pytest
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange import check_codes
from exchange.models import Letter, LetterCopy
from exchange.printing.typesetting import pdf_of
from exchange.services import cases
from registry.choices import Role
from registry.models import Agency, Field
from tests import factories
from tests.exchange.desk import as_user, page
from tests.exchange.test_letter_checks import CHECK
from tests.scenarios import hash_of

BASE = "https://portal.example"
LONG_NAME = "Trung tâm Dữ liệu và Công nghệ thông tin phục vụ quản lý nhà nước về dân cư, hộ tịch và xuất nhập cảnh trực thuộc Bộ Công an"
POINT = 72 / 25.4  # of a millimetre


def reader_of(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """All pages in one line: where a line ends is the layout's business."""
    return " ".join(" ".join(one.extract_text() for one in reader_of(pdf).pages).split())


def letter_of(request) -> Letter:
    return request.cases.get().letters.get()


def made(letter, language="vi") -> bytes:
    return pdf_of(letter, language=language, base=BASE)


def test_letter_has_what_the_decree_asks_for_in_text_that_can_be_copied(world):
    world.approver.position = "Vụ trưởng"
    world.approver.save()
    letter = letter_of(world.voted())
    text = text_of(made(letter))
    for part in (
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        world.provider.name_vi.upper(),
        f"Số: {letter.notation}",
        f"V/v chia sẻ tập dữ liệu “{world.dataset.title_vi}”",
        f"Kính gửi: {world.consumer.name_vi}",
        "Trả lời Công văn số 12/UBND-VP",
        "trích yếu: Về việc cung cấp dữ liệu",
        "full_name",
        "VỤ TRƯỞNG",
        "Nơi nhận: - Như trên;",
        "Số bản ghi tối đa: 5.000.000",
        check_codes.grouped(letter.check_code),
        letter.content_hash,
        hash_of(letter.case.request),
        f"{BASE}{CHECK}",
    ):
        assert part in text
    assert str(world.approver) not in text
    assert text == unicodedata.normalize("NFC", text)


def test_day_is_that_of_hanoi_written_out(world, time_machine):
    letter = letter_of(world.voted())
    day = timezone.localdate(letter.issued_at)
    assert f"ngày {day:%d} tháng {day.month} năm {day.year}" in text_of(made(letter))


def test_place_is_the_seat_that_the_owner_had_when_it_decided(world):
    world.provider.seat = "Huế"
    world.provider.save()
    letter = letter_of(world.voted())
    world.provider.seat = "Hà Nội"
    world.provider.save()
    assert "Huế, ngày" in text_of(made(letter))


def test_file_says_title_and_language_and_is_tagged_for_archives(world):
    letter = letter_of(world.voted())
    for language, title in (("vi", "Công văn số"), ("en", "Decision letter")):
        read = reader_of(made(letter, language))
        assert read.metadata.title == f"{title} {letter.notation}"
        assert str(read.root_object["/Lang"]).startswith(language)
        assert read.root_object["/MarkInfo"]["/Marked"]
        described = read.root_object["/Metadata"].get_data().decode()
        assert "<pdfaid:part>2</pdfaid:part>" in described
        assert "<pdfuaid:part>1</pdfuaid:part>" in described


def test_every_font_is_embedded_as_a_part(world):
    pdf = made(letter_of(world.voted()))
    assert len(pdf) < 150_000
    fonts = reader_of(pdf).pages[0]["/Resources"]["/Font"].values()
    names = {str(font.get_object()["/BaseFont"]) for font in fonts}
    assert names
    for font in fonts:
        (descendant,) = font.get_object()["/DescendantFonts"]
        assert "/FontFile2" in descendant.get_object()["/FontDescriptor"]
    assert all("+LiberationSerif" in name for name in names)


def test_same_letter_is_the_same_bytes_whenever_and_whoever_asks(world, time_machine):
    letter = letter_of(world.voted())
    first = made(letter)
    Agency.objects.update(name_vi="Tên mới")
    Field.objects.update(title_vi="Tiêu đề mới")
    time_machine.move_to(timezone.now() + timedelta(days=400))
    assert made(Letter.objects.get()) == first
    assert made(letter, "en") != first


def test_translation_says_that_it_is_one(world):
    letter = letter_of(world.voted())
    text = text_of(made(letter, "en"))
    assert "Translation for information. The Vietnamese letter counts." in text
    assert "SOCIALIST REPUBLIC OF VIET NAM" in text
    assert world.provider.name_en.upper() in text
    assert "Translation" not in text_of(made(letter))


def test_rejection_offer_and_standing_grant_say_what_they_are(make_world):
    world = make_world()
    offered = text_of(made(letter_of(world.offered())))
    assert "đề xuất chia sẻ một phần" in offered
    assert f"Không cung cấp: {world.fields['born'].title} (born)" in offered
    request = world.under_review()
    cases.reject(
        request=request,
        by=world.approver,
        reason="Sai mục đích\nThiếu căn cứ",
        legal_basis=world.basis,
        revision_hash=hash_of(request),
    )
    rejected = text_of(made(letter_of(request)))
    for part in ("từ chối yêu cầu chia sẻ", "Sai mục đích Thiếu căn cứ", world.basis.number):
        assert part in rejected
    assert "STT" not in rejected
    standing = make_world(standing=True)
    assert "Cho phép thường xuyên" in text_of(made(letter_of(standing.submitted())))


def test_delegate_signs_in_the_place_of_the_approver(world):
    request = world.under_review()
    delegate = factories.person(world.provider, Role.REVIEWER, position="Phó Vụ trưởng")
    world.approver.position = "Vụ trưởng"
    world.approver.save()
    factories.DelegationFactory(delegator=world.approver, delegate=delegate, agency=world.provider)
    cases.approve(request=request, by=delegate, revision_hash=hash_of(request))
    assert "TUQ. VỤ TRƯỞNG PHÓ VỤ TRƯỞNG" in text_of(made(letter_of(request)))


@pytest.fixture
def long_letter(world) -> Letter:
    """From an agency with a long name, about sixty fields with names as long as a database allows."""
    Agency.objects.filter(pk=world.provider.pk).update(name_vi=LONG_NAME)
    names = [f"{'x' * 56}_{number:02}" for number in range(60)]
    for number, name in enumerate(names):
        factories.FieldFactory(dataset=world.dataset, name=name, position=100 + number, title_vi=f"Trường số {number}")
    letter = letter_of(world.voted())
    content = json.loads(letter.content)
    content["scope"]["fields"] = [{"name": name, "masking": "keep"} for name in names]
    titled = {"en": "", "personal_data": "sensitive"}
    content["names"]["fields"] = {name: {**titled, "vi": f"Trường số {name[-2:]}"} for name in names[::2]}
    letter.content = json.dumps(content)
    return letter


def test_long_letter_flows_over_numbered_pages_and_breaks_names_too_long_for_a_line(long_letter):
    assert len(LONG_NAME) > 120
    read = reader_of(made(long_letter))
    assert len(read.pages) > 3
    for number, one in enumerate(read.pages, start=1):
        found = []

        def place(text, matrix, at, _font, _size, found=found):
            x, y = (at[4] * matrix[n] + at[5] * matrix[n + 2] + matrix[n + 4] for n in (0, 1))
            if text.strip():
                found.append((text.strip(), x / POINT, y / POINT))

        one.extract_text(visitor_text=place)
        above = [text for text, _x, y in found if y > 297 - 20]
        assert "".join(above) == ("" if number == 1 else str(number))
        assert all(29.9 < x < 195 and y > 20 for _text, x, y in found)
        assert not any("x" * 50 in text for text, _x, _y in found)
    last = read.pages[-1].extract_text()
    assert check_codes.grouped(long_letter.check_code) in last


def test_sign_that_the_font_lacks_does_not_keep_the_letter_back(world):
    letter = letter_of(world.voted(narrowed={"fields": {"citizen_id"}, "reason": "Đủ 𠀀😀"}))
    pdf = made(letter)
    assert pdf == made(letter)
    assert "Lý do" in text_of(pdf)


def test_words_of_people_stay_words(world):
    reason = '#panic() *x* $y$ @z <b> \\ "q" `c` [d] // e {f}'
    letter = letter_of(world.voted(narrowed={"fields": {"citizen_id"}, "reason": reason}))
    assert "".join(reason.split()) in "".join(text_of(made(letter)).split())


# Who gets it


def download(client, letter, language=""):
    address = reverse("exchange:letter-download", args=[letter.public_id])
    return client.post(address + (f"?lang={language}" if language else ""))


def test_download_is_a_file_known_by_its_hash_and_on_record(client, world):
    letter = letter_of(world.voted())
    client.force_login(world.requester)
    answer = download(client, letter)
    assert answer.content.startswith(b"%PDF-1.7")
    assert answer.headers["Content-Type"] == "application/pdf"
    name = f"{world.provider.code}-{letter.year}-{letter.number}.pdf"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    digest = hashlib.sha256(answer.content).hexdigest()
    assert letter.copies.get().sha256 == digest
    entry = Entry.objects.get(action="letter.download")
    assert (entry.actor, entry.agency) == (str(world.requester.public_id), world.consumer.code)
    assert json.loads(entry.details) == {"language": "vi", "sha256": digest}
    assert entry.correlation_id == letter.case.request.code

    assert download(client, letter).content == answer.content
    assert (LetterCopy.objects.count(), Entry.objects.filter(action="letter.download").count()) == (1, 2)
    assert download(client, letter, "en").headers["Content-Disposition"].endswith('-en.pdf"')
    assert set(LetterCopy.objects.values_list("language", flat=True)) == {"vi", "en"}


def test_letter_is_in_vietnamese_whatever_language_the_page_is_in(client, world, settings):
    letter = letter_of(world.voted())
    client.force_login(world.requester)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    assert "Kính gửi" in text_of(download(client, letter).content)


def test_downloaded_file_passes_the_check(client, world):
    letter = letter_of(world.voted())
    client.force_login(world.requester)
    pdf = download(client, letter).content
    client.logout()
    for content, fits in ((pdf, True), (pdf.replace(b"%PDF-1.7", b"%PDF-1.6"), False)):
        answers = {"notation": letter.notation, "code": letter.check_code}
        file = io.BytesIO(content)
        file.name = "letter.pdf"
        assert client.post(CHECK, {**answers, "file": file}).context["check"].file_fits is fits


def test_others_find_no_letter_and_reading_writes_nothing(client, world):
    letter = letter_of(world.voted())
    client.force_login(factories.person(world.stranger, Role.REQUESTER))
    assert download(client, letter).status_code == 404
    client.logout()
    assert download(client, letter).status_code == 302
    client.force_login(world.requester)
    back = client.get(reverse("exchange:letter-download", args=[letter.public_id]))
    assert back.url == reverse("exchange:letter-detail", args=[letter.public_id])
    assert not LetterCopy.objects.exists()


@pytest.mark.parametrize("role", [Role.APPROVER, Role.CASE_OFFICER, Role.AUDITOR])
def test_desk_downloads_its_letters(world, role):
    letter = letter_of(world.voted())
    client = as_user(factories.person(world.provider, role))
    for where in (letter, letter.case):
        assert page(letter, "pdf") in client.get(page(where)).text
    answer = client.post(page(letter, "pdf"))
    assert answer.content.startswith(b"%PDF")
    assert Entry.objects.get(action="letter.download").agency == world.provider.code
    assert client.get(page(letter, "pdf")).status_code == 405


def test_delegate_of_the_desk_downloads_too(world):
    letter = letter_of(world.voted())
    delegate = factories.person(world.provider, Role.REQUESTER, is_staff=True)
    assert as_user(delegate).post(page(letter, "pdf")).status_code == 403
    factories.DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    assert as_user(delegate).post(page(letter, "pdf")).status_code == 200


def test_desk_of_another_agency_finds_no_letter(world):
    letter = letter_of(world.voted())
    client = as_user(factories.person(world.stranger, Role.APPROVER))
    assert client.post(page(letter, "pdf")).status_code == 404
    assert not LetterCopy.objects.exists()
