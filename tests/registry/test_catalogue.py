"""The public catalogue: found with and without accents, complete, and without a word too much."""

import re
import unicodedata
from datetime import date

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from registry.choices import AccessRights, Lifecycle, Masking, Mode, PersonalData
from tests.factories import (
    AgencyFactory,
    ConnectionFactory,
    DatabaseFactory,
    DatasetFactory,
    FieldFactory,
    LegalInstrumentFactory,
    SharingPolicyFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
CATALOGUE = "/catalogue/"


def reader_in(language: str) -> Client:
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    return client


@pytest.fixture
def reader() -> Client:
    """Nobody in particular, reading in English."""
    return reader_in("en")


def titles(response) -> list[str]:
    return [row.dataset.title for row in response.context["rows"]]


def search(reader: Client, **query) -> list[str]:
    response = reader.get(CATALOGUE, query)
    assert response.status_code == 200
    return titles(response)


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def rich_dataset(**attributes):
    dataset = DatasetFactory(**attributes)
    fields = [FieldFactory(dataset=dataset, title_en="Full name", basic=True), FieldFactory(dataset=dataset, key=True)]
    SharingPolicyFactory(
        dataset=dataset, any_agency=False, recipients=[AgencyFactory(), AgencyFactory()], field_list=fields
    )
    return dataset


def queries_of(reader: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert reader.get(url).status_code == 200
    return len(queries)


def test_catalogue_lists_published_datasets_only(reader):
    DatasetFactory(title_en="Shown")
    DatasetFactory(title_en="Unpublished", unpublished=True)
    DatasetFactory(title_en="Removed", removed_at=timezone.now())
    DatasetFactory(title_en="In preparation", database__lifecycle=Lifecycle.DRAFT)

    assert search(reader) == ["Shown"]


@pytest.mark.parametrize(
    "words",
    [
        "hộ tịch",
        "ho tich",
        "HỘ TỊCH",
        "tịch  HO",
        unicodedata.normalize("NFD", "hộ tịch"),
        "dang ky",
        "Đăng",
        "tu phap",
        "nguoi me",
    ],
)
def test_search_finds_words_with_and_without_accents(reader, words):
    wanted = DatasetFactory(title_vi="Đăng ký hộ tịch", title_en="Civil status", database__owner__name_vi="Bộ Tư pháp")
    FieldFactory(dataset=wanted, title_vi="Họ tên người mẹ")
    DatasetFactory(title_vi="Thửa đất", title_en="Parcels")

    assert search(reader, q=words) == ["Civil status"]


def test_search_wants_every_word(reader):
    DatasetFactory(title_vi="Thẻ bảo hiểm", title_en="Cards")

    assert search(reader, q="the bao hiem") == ["Cards"]
    assert search(reader, q="the dat dai") == []


@pytest.mark.parametrize("words", ["%", "_", "\\", "'", '"><script>', "a" * 200, "' OR 1=1 --"])
def test_search_takes_signs_as_they_are(reader, words):
    DatasetFactory()

    response = reader.get(CATALOGUE, {"q": words})

    assert response.status_code == 200
    assert titles(response) == []
    assert b"<script>" not in response.content


def test_filters_narrow_and_combine(reader):
    file_only = DatasetFactory(title_en="A")
    SharingPolicyFactory(dataset=file_only, modes=[Mode.PACKAGE])
    both = DatasetFactory(title_en="B", access_rights=AccessRights.PUBLIC)
    SharingPolicyFactory(dataset=both)
    lapsed = DatasetFactory(title_en="C", database=both.database)
    SharingPolicyFactory(dataset=lapsed, lapsed=True)

    assert search(reader, mode=Mode.PACKAGE) == ["A", "B"]
    assert search(reader, mode=Mode.LOOKUP) == ["B"]
    assert search(reader, owner=both.database.owner.code) == ["B", "C"]
    assert search(reader, owner=both.database.owner.code, access=AccessRights.RESTRICTED) == ["C"]


def test_only_agencies_that_publish_are_offered_as_owners(reader):
    shown = DatasetFactory().database.owner
    hidden = DatasetFactory(unpublished=True).database.owner

    owners = next(facet for facet in reader.get(CATALOGUE).context["facets"] if facet.name == "owner")

    offered = {option.value for option in owners.first}
    assert shown.code in offered
    assert hidden.code not in offered


def test_titles_are_sorted_as_vietnamese_readers_expect():
    for title in ["Đất", "Ăn", "Dân cư", "An ninh", "Ấn"]:
        DatasetFactory(title_vi=title, title_en="")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_collation WHERE collname = 'vi-x-icu'")
        if cursor.fetchone() is None:
            pytest.skip("this server has no ICU collations")

    response = reader_in("vi").get(CATALOGUE)

    assert titles(response) == ["An ninh", "Ăn", "Ấn", "Dân cư", "Đất"]


def test_pages_keep_the_search(reader):
    owner = AgencyFactory()
    for _ in range(21):
        DatasetFactory(database__owner=owner)

    first = reader.get(CATALOGUE, {"owner": owner.code})
    second = reader.get(CATALOGUE, {"owner": owner.code, "page": 2})

    assert len(titles(first)) == 20
    assert len(titles(second)) == 1
    assert f"?owner={owner.code}&amp;page=2" in first.content.decode()
    assert "21 datasets found" in text_of(second)


@pytest.mark.parametrize("page", ["0", "-1", "99", "9" * 30, "9" * 5000, "abc", "\0", "٣", "", "1e9"])
def test_a_page_that_is_not_there_leads_to_one_that_is(reader, page):
    DatasetFactory(title_en="Only")

    assert search(reader, page=page) == ["Only"]


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=" + "a" * 201,
        "owner=%00",
        "owner=nowhere",
        "access=secret",
        "mode=%00",
        "q=a&owner[]=1&access=%F0%9F%92%A9",
    ],
)
def test_a_search_that_cannot_be_read_is_answered_clearly(reader, query):
    response = reader.get(f"{CATALOGUE}?{query}")

    assert response.status_code == 400
    assert "This search cannot be carried out" in text_of(response)
    assert 'aria-invalid="true"' in response.content.decode()


@pytest.mark.parametrize("query", ["q=%ED%A0%80", "q=%FF%FE", "q=%E1%BB", "unknown=1", "q=a&q=b", "&&=;"])
def test_odd_bytes_do_no_harm(reader, query):
    assert reader.get(f"{CATALOGUE}?{query}").status_code == 200


def test_nothing_found_says_how_to_go_on(reader):
    DatasetFactory()

    response = reader.get(CATALOGUE, {"q": "zzzz"})

    assert "0 datasets found" in text_of(response)
    assert "Try fewer or shorter words" in text_of(response)


def test_an_empty_catalogue_says_so(reader):
    assert "Nothing is published yet" in text_of(reader.get(CATALOGUE))


def test_dataset_page_shows_description_fields_and_terms(reader):
    old = LegalInstrumentFactory(
        number="1/2014/QH13", ended=True, replaced_by=LegalInstrumentFactory(number="2/2023/QH15")
    )
    future = LegalInstrumentFactory(number="3/2099/ND-CP", effective_from=date(2099, 1, 1))
    dataset = DatasetFactory(
        database__legal_basis=old,
        applicable_legislation=future,
        description="Trẻ em sinh tại Việt Nam",
        update_frequency="hằng ngày",
        estimated_rows=1234567,
    )
    name = FieldFactory(dataset=dataset, name="full_name", title_en="Full name", basic=True)
    FieldFactory(dataset=dataset, name="gone_column", removed_at=timezone.now())
    secret = FieldFactory(dataset=dataset, title_en="Diagnosis", sensitive=True)
    recipient = AgencyFactory(name_en="Ministry of Health")
    SharingPolicyFactory(
        dataset=dataset, title="Chính sách A", any_agency=False, recipients=[recipient], quorum=2, field_list=[name]
    )
    SharingPolicyFactory(dataset=dataset, title="Lapsed terms", lapsed=True, field_list=[secret])

    response = reader.get(reverse("registry:dataset-detail", args=[dataset.code]))
    text = text_of(response)

    for expected in (
        dataset.title,
        dataset.database.owner.name,
        "Trẻ em sinh tại Việt Nam",
        "hằng ngày",
        "1/2014/QH13",
        "No longer in force",
        "replaced by 2/2023/QH15",
        "3/2099/ND-CP",
        "Not yet in force",
        "Full name",
        "full_name",
        str(PersonalData.SENSITIVE.label),
        str(Masking.NULL.label),
        "Chính sách A",
        "Ministry of Health",
        str(Mode.LOOKUP.label),
        "2 approvers of the owner decide on each request.",
        "kept 730 days from the first day of use",
        "How to ask",
    ):
        assert expected in text
    assert re.search(r"1.234.567", text)
    assert "gone_column" not in text
    assert "Lapsed terms" not in text


def test_dataset_page_tells_a_standing_permission_without_naming_who_decided(reader):
    policy = SharingPolicyFactory(standing=True)

    text = text_of(reader.get(reverse("registry:dataset-detail", args=[policy.dataset.code])))

    assert "granted without a new decision" in text
    assert policy.decided_by.full_name not in text
    assert policy.decided_by.username not in text


def test_dataset_that_is_not_shared_cannot_be_asked_for(reader):
    dataset = DatasetFactory(access_rights=AccessRights.NON_PUBLIC)

    response = reader.get(reverse("registry:dataset-detail", args=[dataset.code]))

    assert "It is not shared." in text_of(response)
    assert "?dataset=" not in response.content.decode()


def test_pages_show_nothing_of_how_the_source_is_reached(reader):
    dataset = DatasetFactory(schema_name="inner_schema", table_name="inner_table", code="outer-code")
    ConnectionFactory(database=dataset.database, postgresql=True, name="inner_name", username="inner_account")

    for url in (
        CATALOGUE,
        reverse("registry:dataset-detail", args=[dataset.code]),
        reverse("registry:database-detail", args=[dataset.database.code]),
    ):
        page = reader.get(url).content.decode()
        assert "inner_" not in page
        assert "db.example.vn" not in page


def test_the_description_is_in_the_readers_language_as_far_as_there_is_one():
    dataset = DatasetFactory(description="Hồ sơ tạm trú", description_en="Temporary residence")
    assert "Temporary residence" in reader_in("en").get(dataset.get_absolute_url()).text
    assert "Hồ sơ tạm trú" in reader_in("vi").get(dataset.get_absolute_url()).text
    dataset.description_en = ""
    dataset.save()
    assert "Hồ sơ tạm trú" in reader_in("en").get(dataset.get_absolute_url()).text


def test_a_reference_names_what_is_published_and_nothing_else(reader):
    dataset = DatasetFactory()
    target = DatasetFactory(database=dataset.database, table_name="xa", title_vi="Danh mục xã", title_en="")
    FieldFactory(dataset=dataset, name="ma_xa", refers_to=[target.schema_name, "xa", "ma"])
    FieldFactory(dataset=dataset, name="ma_mat", refers_to=[target.schema_name, "ho_so_kin", "ma"])
    page = reader.get(dataset.get_absolute_url())
    assert "Danh mục xã" in text_of(page)
    assert target.get_absolute_url() in page.text
    assert "ho_so_kin" not in page.text
    target.is_published = False
    target.save()
    assert "Danh mục xã" not in reader.get(dataset.get_absolute_url()).text


@pytest.mark.parametrize(
    "hidden",
    [{"unpublished": True}, {"database__lifecycle": Lifecycle.RETIRED}, {"database__lifecycle": Lifecycle.DRAFT}],
)
def test_what_is_not_published_does_not_exist(reader, hidden):
    dataset = DatasetFactory(**hidden)

    assert reader.get(reverse("registry:dataset-detail", args=[dataset.code])).status_code == 404
    assert reader.get(reverse("registry:database-detail", args=[dataset.database.code])).status_code == 404


def test_unknown_and_hidden_look_alike(reader):
    hidden = DatasetFactory(unpublished=True)

    answers = [
        re.sub(r'(csrfmiddlewaretoken" value|next" value|next)="?[^">]*', "", reader.get(url).content.decode())
        for url in (
            reverse("registry:dataset-detail", args=[hidden.code]),
            reverse("registry:dataset-detail", args=["nothing-at-all"]),
        )
    ]

    assert answers[0] == answers[1]


@pytest.mark.parametrize("code", ["%00", "%ED%A0%80", "a" * 3000, "%F0%9F%92%A9"])
def test_odd_codes_are_not_found(reader, code):
    assert reader.get(f"/catalogue/datasets/{code}/").status_code == 404
    assert reader.get(f"/catalogue/databases/{code}/").status_code == 404


def test_database_page_lists_its_published_datasets(reader):
    database = DatabaseFactory(name_en="Land Database", contact="Data office")
    DatasetFactory(database=database, title_en="Parcels")
    DatasetFactory(database=database, title_en="Drafts", unpublished=True)
    DatasetFactory(title_en="Elsewhere")

    response = reader.get(reverse("registry:database-detail", args=[database.code]))

    assert titles(response) == ["Parcels"]
    assert "Data office" in text_of(response)


def test_names_follow_the_language():
    DatasetFactory(title_vi="Thửa đất", title_en="Parcels")

    assert titles(reader_in("vi").get(CATALOGUE)) == ["Thửa đất"]
    assert titles(reader_in("en").get(CATALOGUE)) == ["Parcels"]


def test_catalogue_asks_as_much_for_20_rows_as_for_2(reader):
    for _ in range(2):
        rich_dataset()
    few = queries_of(reader, CATALOGUE)
    for _ in range(18):
        rich_dataset()

    assert queries_of(reader, CATALOGUE) == few
    assert few <= 8


def test_database_page_asks_as_much_for_20_rows_as_for_2(reader):
    database = DatabaseFactory()
    url = reverse("registry:database-detail", args=[database.code])
    for _ in range(2):
        rich_dataset(database=database)
    few = queries_of(reader, url)
    for _ in range(18):
        rich_dataset(database=database)

    assert queries_of(reader, url) == few


def test_dataset_page_asks_as_much_for_20_rows_as_for_2(reader):
    dataset = rich_dataset()
    url = reverse("registry:dataset-detail", args=[dataset.code])
    few = queries_of(reader, url)
    fields = [FieldFactory(dataset=dataset) for _ in range(20)]
    for _ in range(20):
        SharingPolicyFactory(dataset=dataset, any_agency=False, recipients=[AgencyFactory()], field_list=fields[:3])

    assert queries_of(reader, url) == few
