"""The search: what is found first, however it is typed; facets; and documents that follow every change."""

import unicodedata

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import translation

from registry import search
from registry.choices import AccessRights, Classification, Lifecycle, Mode, PersonalData, Theme
from registry.models import Agency, Database, Dataset, Field, LegalInstrument, SearchDocument
from registry.names import vietnamese_collation
from registry.search import Asked, Marker, Sort, finding
from registry.services import reference
from tests.factories import DatasetFactory, FieldFactory, LegalInstrumentFactory, SharingPolicyFactory

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
CATALOGUE = "/catalogue/"


def found(words: str = "", sort: str = "", **chosen) -> list[str]:
    ids = search.find(Asked(words, chosen, sort)).ids
    titles = Dataset.objects.in_bulk(ids)
    return [titles[number].title_vi for number in ids]


@pytest.fixture
def shelf():
    """A few datasets that are easily mistaken for each other."""
    decree = LegalInstrumentFactory(number="278/2025/NĐ-CP", title_vi="Chia sẻ dữ liệu bắt buộc", title_en="")
    cards = DatasetFactory(title_vi="Thẻ bảo hiểm y tế", title_en="Health insurance cards", keywords=["BHYT"])
    FieldFactory(dataset=cards, name="so_dinh_danh", title_vi="Số định danh cá nhân", title_en="")
    FieldFactory(dataset=cards, name="hanSuDung", title_vi="", title_en="")
    DatasetFactory(title_vi="Bảo hiểm tiền gửi", title_en="Deposit insurance", description="Không nói gì về y tế")
    DatasetFactory(title_vi="Hộ nghèo", title_en="Poor households", database__owner__name_vi="Bộ Lao động")
    DatasetFactory(title_vi="Hồ ngheo", title_en="")
    DatasetFactory(title_vi="Đất đai", title_en="Land", keywords=["sổ đỏ"], applicable_legislation=decree)
    return cards


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("thẻ bảo hiểm y tế", "Thẻ bảo hiểm y tế"),
        ("the bao hiem y te", "Thẻ bảo hiểm y tế"),
        ("THE BAO HIEM", "Thẻ bảo hiểm y tế"),
        ("bảo hiểm y t", "Thẻ bảo hiểm y tế"),
        ("bao heim y te", "Thẻ bảo hiểm y tế"),
        ("bhyt", "Thẻ bảo hiểm y tế"),
        ("so_dinh_danh", "Thẻ bảo hiểm y tế"),
        ("han su dung", "Thẻ bảo hiểm y tế"),
        ("health insurance", "Thẻ bảo hiểm y tế"),
        ("hộ nghèo", "Hộ nghèo"),
        ("hồ ngheo", "Hồ ngheo"),
        ("bộ lao động", "Hộ nghèo"),
        ("Dat dai", "Đất đai"),
        ("so do", "Đất đai"),
        ("278/2025/NĐ-CP", "Đất đai"),
        ("278/2025/nd-cp", "Đất đai"),
        ("nghị định 278/2025", "Đất đai"),
        ("nd278", "Đất đai"),
        ("2782025ndcp", "Đất đai"),
        (unicodedata.normalize("NFD", "hộ nghèo"), "Hộ nghèo"),
    ],
)
def test_what_is_meant_comes_first(shelf, typed, first):
    assert found(typed)[0] == first


@pytest.fixture
def tones():
    """Datasets whose words differ by a tone only, and in other letters as well."""
    DatasetFactory(title_vi="Hội đồng nhân dân", title_en="", keywords=["hội nghị"])
    DatasetFactory(title_vi="Họ tên cán bộ", title_en="", description="Theo ngạch")
    DatasetFactory(title_vi="Cư trú", title_en="", description="Của từng hộ gia đình")
    DatasetFactory(title_vi="Thông tin cơ bản", title_en="", description="Do các bộ cập nhật")
    DatasetFactory(title_vi="Thuê nhà", title_en="")
    DatasetFactory(title_vi="Người nộp thuế", title_en="")


@pytest.mark.parametrize(
    ("typed", "titles"),
    [
        ("hộ", ["Cư trú", "Họ tên cán bộ", "Hội đồng nhân dân"]),
        ("họ", ["Họ tên cán bộ", "Cư trú", "Hội đồng nhân dân"]),
        ("hội", ["Hội đồng nhân dân"]),
        ("ho", ["Họ tên cán bộ", "Cư trú", "Hội đồng nhân dân"]),
        ("thuế", ["Người nộp thuế", "Thuê nhà"]),
        ("thuê", ["Thuê nhà", "Người nộp thuế"]),
        ("cán bộ", ["Họ tên cán bộ"]),
        ("cơ bản", ["Thông tin cơ bản"]),
    ],
)
def test_words_that_differ_by_a_tone_are_told_apart(tones, typed, titles):
    assert found(typed) == titles


def test_names_without_accents_say_nothing_about_what_was_meant():
    """ho_ten and dien_tich have "ho" and "tich" as they are typed; the words side by side are worth more."""
    DatasetFactory(title_vi="Khai sinh", title_en="", keywords=["hộ tịch"])
    places = DatasetFactory(title_vi="Di tích Hồ Chí Minh", title_en="")
    for name in ("ho_ten", "dien_tich"):
        FieldFactory(dataset=places, name=name, title_vi="", title_en="")

    assert found("ho tich") == ["Khai sinh", "Di tích Hồ Chí Minh"]


def test_it_is_said_when_nothing_has_the_words_as_written(client, tones):
    sentence = "as it is written"
    with translation.override("en"):
        client.cookies["django_language"] = "en"
        assert sentence in client.get(CATALOGUE, {"q": "hờ"}).content.decode()
        for typed in ("hộ", "ho", "thuế", "hội đồng", "hội đ", "không có gì"):
            assert sentence not in client.get(CATALOGUE, {"q": typed}).content.decode(), typed


def test_words_of_the_title_come_before_words_of_the_rest(shelf):
    DatasetFactory(title_vi="Y tế dự phòng", title_en="")
    assert found("y tế") == ["Y tế dự phòng", "Thẻ bảo hiểm y tế", "Bảo hiểm tiền gửi"]


def test_what_is_not_published_is_not_found(shelf):
    for change in ({"is_published": False}, {"database": DatasetFactory(database__lifecycle=Lifecycle.DRAFT).database}):
        dataset = DatasetFactory(title_vi="Bí ẩn")
        Dataset.objects.filter(pk=dataset.pk).update(**change)
        assert found("bí ẩn") == []


def test_the_english_description_is_found_and_counts_as_a_change():
    dataset = DatasetFactory(title_vi="Tạm trú", title_en="", description="Hồ sơ")
    before = Dataset.objects.get(pk=dataset.pk).modified_at
    assert found("temporary residence registrations") == []
    Dataset.objects.filter(pk=dataset.pk).update(description_en="Registrations of temporary residence")
    assert found("temporary residence registrations") == ["Tạm trú"]
    assert Dataset.objects.get(pk=dataset.pk).modified_at > before


@pytest.fixture
def synonyms():
    reference.load()


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("CCCD", "Thẻ căn cước công dân"),
        ("cccd đã hủy", "Căn cước công dân đã hủy"),
        ("BHYT", "Thẻ bảo hiểm y tế"),
        ("sđt", "Số điện thoại của cơ quan"),
        ("SDT", "Số điện thoại của cơ quan"),
        ("bảo hiểm xã hội", "Sổ BHXH"),
        ("bao hiem xa hoi", "Sổ BHXH"),
        ("Vietnam", "Dân số Việt Nam"),
        ("ngaysinh", "Ngày sinh theo tháng"),
        ("gplx", "Giấy phép lái xe"),
        ("dữ liệu mst", "Dữ liệu mã số thuế"),
    ],
)
def test_other_ways_of_writing_are_found(synonyms, typed, title):
    for other in ("Cấp phép xây dựng", "Dân số thế giới", title):
        DatasetFactory(title_vi=other, title_en="", keywords=[])
    assert found(typed) == [title]


def test_a_word_inside_another_is_no_abbreviation(synonyms):
    DatasetFactory(title_vi="Đăng ký kinh doanh", title_en="")
    assert search.find(Asked("dkkdx")).also == []
    assert [one.part for one in search.find(Asked("ĐKKD")).also] == ["đăng ký kinh doanh"]


def test_the_page_says_what_else_was_searched_for(client, synonyms):
    DatasetFactory(title_vi="Thẻ bảo hiểm y tế", title_en="")
    page = client.get(CATALOGUE, {"q": "bhyt"}).text
    assert "bảo hiểm y tế" in page
    assert "<mark>bảo</mark>" in page


def test_a_letter_marks_no_beginnings():
    assert "<mark>" not in Marker("b").mark("bảo hiểm")
    assert Marker("bao").mark("báo cáo") == "<mark>báo</mark> cáo"
    assert Marker("kha").mark("khám bệnh").startswith("<mark>khám")


@pytest.mark.parametrize("typed", ["%", "_", "' OR 1=1 --", "&|!():*<->", "\\", "  ", "a" * 200])
def test_signs_ask_for_nothing(shelf, typed):
    assert search.find(Asked(typed or " ")).ids == []


def test_documents_follow_every_change_also_in_bulk(shelf):
    database, law = shelf.database, shelf.database.legal_basis
    Dataset.objects.filter(pk=shelf.pk).update(title_vi="Sổ khám bệnh", keywords=["tủ thuốc"])
    Field.objects.filter(dataset=shelf, name="so_dinh_danh").update(title_vi="Mã bệnh nhân")
    Database.objects.filter(pk=database.pk).update(name_vi="Kho hồ sơ viện phí")
    Agency.objects.filter(pk=database.owner_id).update(name_vi="Cục Quản lý khám chữa")
    LegalInstrument.objects.filter(pk=law.pk).update(title_vi="Luật Khám bệnh chữa bệnh")

    for typed in ("so kham benh", "tu thuoc", "ma benh nhan", "vien phi", "cuc quan ly", "luat kham benh"):
        assert found(typed) == ["Sổ khám bệnh"], typed
    assert found("số định danh cá nhân") == []

    Field.objects.filter(dataset=shelf, name="so_dinh_danh").delete()
    assert found("ma benh nhan") == []


def test_the_highest_category_of_the_fields_counts(shelf):
    Field.objects.filter(dataset=shelf, name="hanSuDung").update(personal_data=PersonalData.SENSITIVE)
    assert SearchDocument.objects.get(dataset=shelf).personal_data == PersonalData.SENSITIVE
    assert found(personal=[PersonalData.SENSITIVE]) == ["Thẻ bảo hiểm y tế"]


def test_orders():
    for title, owner in (("Bưởi", "Sở A"), ("Ấm", "Sở Ơ"), ("Cam", "Sở Đ")):
        DatasetFactory(title_vi=title, title_en="", database__owner__name_vi=owner)
    Dataset.objects.filter(title_vi="Ấm").update(description="mới")
    # A server without the Vietnamese collation sorts by the bytes of the letters.
    alphabet = ["Ấm", "Bưởi", "Cam"] if vietnamese_collation() else ["Bưởi", "Cam", "Ấm"]
    with translation.override("vi"):
        assert found(sort=Sort.TITLE) == alphabet
        assert found(sort=Sort.UPDATED)[0] == "Ấm"
        assert found(sort=Sort.OWNER) == ["Bưởi", "Cam", "Ấm"]


def test_facets_count_what_a_choice_would_give():
    health = DatasetFactory(themes=[Theme.HEALTH, Theme.SOCIETY], access_rights=AccessRights.PUBLIC)
    DatasetFactory(themes=[Theme.HEALTH], database=health.database)
    DatasetFactory(themes=[Theme.TRANSPORT], access_rights=AccessRights.PUBLIC)
    SharingPolicyFactory(dataset=health, modes=[Mode.PACKAGE])

    counts = search.find(Asked(chosen={"theme": ["HEAL"]})).counts
    # Of its own facet the other values stay: several of one facet may be chosen.
    assert counts["theme"] == {"HEAL": 2, "SOCI": 1, "TRAN": 1}
    assert counts["access"] == {"PUBLIC": 1, "RESTRICTED": 1}
    assert counts["mode"] == {"package": 1}
    assert counts["owner"] == {health.database.owner_id: 2}
    assert counts["law"][health.database.legal_basis_id] == 2
    assert search.find(Asked(chosen={"theme": ["HEAL", "TRAN"], "access": ["PUBLIC"]})).total == 2


def test_a_page_shows_facets_and_lets_go_of_each_choice(client):
    DatasetFactory(themes=[Theme.HEALTH], title_vi="Khám bệnh")
    page = client.get(CATALOGUE, {"theme": ["HEAL", "TRAN"], "access": "RESTRICTED", "q": "kham", "page": 3})
    assert page.status_code == 200
    assert [choice.without for choice in page.context["chosen"]] == [
        "?theme=TRAN&access=RESTRICTED&q=kham",
        "?theme=HEAL&access=RESTRICTED&q=kham",
        "?theme=HEAL&theme=TRAN&q=kham",
    ]
    assert 'value="HEAL" id="theme-HEAL" checked' in page.content.decode()


def test_matches_are_marked_and_nothing_else_gets_through(client):
    dataset = DatasetFactory(title_vi="<b>Khám</b> bệnh", title_en="", description="Tiền <i>khám</i> và thuốc")
    FieldFactory(dataset=dataset, name="ngay_kham_cuoi", title_vi="", title_en="")
    page = client.get(CATALOGUE, {"q": "kham cuoi"}).content.decode()
    assert "&lt;b&gt;<mark>Khám</mark>&lt;/b&gt; bệnh" in page
    assert "Tiền &lt;i&gt;<mark>khám</mark>&lt;/i&gt;" in page
    assert "<code>ngay_<mark>kham</mark>_<mark>cuoi</mark></code>" in page


def test_an_excerpt_begins_near_the_match():
    text = "đầu " * 100 + "mốc " + "cuối " * 100
    excerpt = Marker("moc").excerpt(text)
    assert "<mark>mốc</mark>" in excerpt
    assert excerpt.startswith("… ")
    assert len(excerpt) < 300


def test_who_mistypes_is_asked_what_was_meant(client, shelf):
    page = client.get(CATALOGUE, {"q": "the bao heim y te", "access": "RESTRICTED"})
    assert page.context["meant"] == "thẻ bảo hiểm y tế"
    assert "&amp;access=RESTRICTED" in page.content.decode()


def test_fields_are_found_by_name_and_title(client, shelf):
    page = client.get(reverse("registry:field-list"), {"q": "SO_DINH_DANH"})
    assert [field.name for field, _title, _name in page.context["rows"]] == ["so_dinh_danh"]
    assert len(client.get(reverse("registry:field-list"), {"q": "dinh danh"}).context["rows"]) == 1
    assert "No field" not in client.get(reverse("registry:field-list")).content.decode()
    assert client.get(reverse("registry:field-list"), {"q": "\0"}).status_code == 400


@pytest.mark.parametrize("name", ["plain", "Hoa Thị", "a/b", "..", "~x", "שם", 'quo"te', "%41", "e\u0301", " "])
def test_a_field_has_a_page_whatever_it_is_called(client, name):
    field = FieldFactory(name=name, title_vi="Tên lạ", title_en="")
    page = client.get(field.get_absolute_url())
    assert page.status_code == 200
    assert page.context["field"] == field


@pytest.mark.parametrize("address", ["~", "~AA", "~%ED", "~____", "unknown", "~AA=="])
def test_a_field_that_is_not_there_has_no_page(client, address):
    dataset = FieldFactory().dataset
    assert client.get(f"/catalogue/datasets/{dataset.code}/fields/{address}/").status_code == 404


def test_fields_of_what_is_not_published_have_no_page(client):
    field = FieldFactory(dataset__is_published=False)
    assert client.get(field.get_absolute_url()).status_code == 404


@pytest.mark.parametrize("name", ["field-list", "database-list", "theme-list"])
def test_lists_ask_as_much_for_20_rows_as_for_2(client, django_assert_max_num_queries, name):
    address = reverse(f"registry:{name}") + ("?q=column" if name == "field-list" else "")

    def asked() -> int:
        with django_assert_max_num_queries(12) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    for _ in range(2):
        FieldFactory(dataset__themes=[Theme.HEALTH])
    few = asked()
    for _ in range(18):
        FieldFactory(dataset__themes=[Theme.HEALTH])
    assert asked() == few


def test_a_search_asks_as_much_for_20_rows_as_for_2(client, django_assert_max_num_queries):
    def asked() -> int:
        with django_assert_max_num_queries(12) as queries:
            assert client.get(CATALOGUE, {"q": "bo du lieu column", "access": "RESTRICTED"}).status_code == 200
        return len(queries)

    for _ in range(3):  # with fewer, likeness is tried, too
        SharingPolicyFactory(dataset=FieldFactory().dataset)
    few = asked()
    for _ in range(17):
        SharingPolicyFactory(dataset=FieldFactory().dataset)
    assert asked() == few


def test_counts_of_the_whole_list_are_taken_once_a_minute(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(finding, "SECONDS_KEPT", 60)
    DatasetFactory()
    assert search.find(Asked()).total == 1
    DatasetFactory()
    with django_assert_num_queries(1):
        again = search.find(Asked())
    cache.delete(finding.COUNTS)
    assert (again.total, len(again.ids)) == (1, 2)


def test_the_level_of_a_dataset_is_its_highest_field(shelf):
    Field.objects.filter(dataset=shelf).update(classification=Classification.INTERNAL)
    document = SearchDocument.objects.get(dataset=shelf)
    assert document.classification == Classification.INTERNAL
    Field.objects.filter(dataset=shelf, name="so_dinh_danh").update(classification="")
    document.refresh_from_db()
    assert document.classification == shelf.database.classification
