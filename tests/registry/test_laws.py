"""Laws as rows: found however the number is typed, and worth what they are worth on the day."""

import unicodedata
from datetime import date

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry import citations, legal_numbers
from registry.errors import RegistryRefusal
from registry.models import Amendment, LegalInstrument, SharingPolicy
from registry.services import laws, policies
from tests.factories import DatabaseFactory, DatasetFactory, LegalInstrumentFactory, decider
from tests.registry.pages import change, url

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
DECREE = "278/2025/NĐ-CP"
OTHERS = ("47/2020/NĐ-CP", "278/2024/NĐ-CP", "78/2025/NĐ-CP", "278/2025/QĐ-TTg", "60/2024/QH15", "175/NQ-CP")
SPELLINGS = (
    "278/2025/NĐ-CP",
    "278/2025/ND-CP",
    "278/2025/nđ-cp",
    "278/2025/nd-cp",
    "278/2025/NĐCP",
    "278/2025/nđcp",
    "278/2025/NĐ–CP",
    "278/2025/NĐ‑CP",
    "278/2025/NĐ - CP",
    "278 / 2025 / NĐ-CP",
    "278-2025-ND-CP",
    "278.2025.NĐ.CP",
    "278 2025 nd cp",
    "0278/2025/NĐ-CP",
    "278/25/NĐ-CP",
    "278/2025/NÐ-CP",  # an Icelandic letter that looks like Đ
    unicodedata.normalize("NFD", "278/2025/NĐ-CP"),
    unicodedata.normalize("NFD", "Nghị định 278/2025/NĐ-CP"),
    "Nghị định 278/2025",
    "nghi dinh 278/2025",
    "NGHỊ ĐỊNH SỐ 278/2025/NĐ-CP",
    "Nghị định số 278/2025/NĐ-CP của Chính phủ",
    "NĐ 278/2025",
    "nđ278/2025",
    "nd-cp 278/2025",
    "Decree No. 278/2025/ND-CP",
    "2782025ndcp",
    "２７８/2025/NĐ-CP",
    "  278/2025/NĐ-CP  ",
)


@pytest.fixture
def register():
    return {number: LegalInstrumentFactory(number=number) for number in (*OTHERS, DECREE)}


@pytest.mark.parametrize("typed", SPELLINGS)
def test_number_is_found_however_it_is_typed(register, typed):
    assert LegalInstrument.objects.search(typed).first() == register[DECREE]
    assert laws.named(typed) == register[DECREE]


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("luat 60/2024", "60/2024/QH15"),
        ("Luật số 60/2024/QH 15", "60/2024/QH15"),
        ("nghị quyết 175", "175/NQ-CP"),
        ("175/nq-cp", "175/NQ-CP"),
        ("qd ttg 278", "278/2025/QĐ-TTg"),
        ("47/2020", "47/2020/NĐ-CP"),
    ],
)
def test_other_kinds_are_found_too(register, typed, number):
    assert LegalInstrument.objects.search(typed).first() == register[number]


def test_number_with_a_slip_brings_the_nearest_one(register):
    assert register[DECREE] in LegalInstrument.objects.search("278/2025/NX-CPP")
    assert LegalInstrument.objects.search("2789/2025/NĐ-CP").first() == register[DECREE]
    assert not LegalInstrument.objects.search("999999")


def test_words_of_the_title_are_found_without_accents(register):
    wanted = LegalInstrumentFactory(title_vi="Luật Dữ liệu", title_en="Law on Data")
    assert list(LegalInstrument.objects.search("luat du lieu")) == [wanted]
    assert list(LegalInstrument.objects.search("law data")) == [wanted]
    assert LegalInstrument.objects.search("  ").count() == LegalInstrument.objects.count()


def test_a_number_that_several_have_is_not_guessed(register):
    with pytest.raises(RegistryRefusal, match="278/2025/QĐ-TTg") as caught:
        laws.named("278/2025")
    assert caught.value.code == "several-laws"
    with pytest.raises(RegistryRefusal) as caught:
        laws.named("5/1999/NĐ-CP")
    assert caught.value.code == "unknown-law"


@pytest.mark.parametrize("number", [*SPELLINGS, *OTHERS, "30/2026/QH16", "02/2020/TTLT-BYT-BTC", "1/CT-TƯ", "007"])
def test_database_and_code_make_the_same_key(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT registry_legal_number_key(%s)", [number])
        assert cursor.fetchone()[0] == legal_numbers.key_of(number)


def test_one_number_is_registered_once_however_it_is_written(register):
    with pytest.raises(IntegrityError, match="registry_legalinstrument_once"):
        LegalInstrumentFactory(number="278/2025/nd - cp")


def test_numbers_have_an_index_for_what_stands_inside():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'registry_legal_number_trgm'")
        assert "gin_trgm_ops" in cursor.fetchone()[0]


def test_state_changes_on_the_boundary_day(register):
    new = register[DECREE]
    old = LegalInstrumentFactory(number="13/2023/NĐ-CP", effective_to=date(2026, 1, 1), replaced_by=new)
    assert citations.cite(old, date(2025, 12, 31)).in_force
    assert citations.cite(old, date(2026, 1, 1)).state == "no-longer"
    assert citations.warning(old, date(2025, 12, 31)) == ""
    assert DECREE in citations.warning(old, date(2026, 1, 1))
    laws.check_in_force(instrument=old, day=date(2025, 12, 31))
    with pytest.raises(RegistryRefusal):
        laws.check_in_force(instrument=old, day=date(2026, 1, 1))


def test_successor_is_followed_to_the_one_in_force():
    last = LegalInstrumentFactory(number="3/2026/NĐ-CP", effective_from=date(2026, 1, 1))
    middle = LegalInstrumentFactory(effective_to=date(2026, 1, 1), replaced_by=last)
    first = LegalInstrumentFactory(effective_to=date(2022, 1, 1), replaced_by=middle)
    assert citations.successor(first, date(2025, 1, 1)) == middle
    assert citations.successor(first, date(2026, 1, 1)) == last
    assert citations.successor(last) is None
    LegalInstrument.objects.filter(pk=last.pk).update(replaced_by=first, effective_to=date(2026, 2, 1))
    assert citations.successor(LegalInstrument.objects.get(pk=first.pk), date(2027, 1, 1)) is None  # a circle


def test_nothing_replaces_itself(register):
    one = LegalInstrument.objects.filter(number=DECREE)
    with pytest.raises(IntegrityError):
        one.update(replaced_by=one.get())


def test_nothing_amends_itself(register):
    one = register[DECREE]
    with pytest.raises(IntegrityError):
        Amendment.objects.create(amended=one, amending=one, effective_from=date(2026, 1, 1))


def test_amendments_count_from_their_day(register):
    one = Amendment.objects.create(
        amended=register[DECREE], amending=register[OTHERS[3]], effective_from=date(2026, 3, 1)
    )
    assert list(register[DECREE].amendments.on(date(2026, 3, 1))) == [one]
    assert not register[DECREE].amendments.on(date(2026, 2, 28))


# Pages


def test_list_shows_the_state_on_the_chosen_day(client, register):
    old = LegalInstrumentFactory(number="13/2023/NĐ-CP", effective_to=date(2026, 1, 1), replaced_by=register[DECREE])
    page = reverse("registry:law-list")
    states = lambda **query: {  # noqa: E731
        law.number: citation.state for law, citation in client.get(page, query).context["rows"]
    }
    assert states(q="13/2023", day="2025-12-31") == {old.number: "in-force"}
    assert states(q="13/2023", day="01/01/2026") == {old.number: "no-longer"}
    assert states(q="13/2023", day="2026-01-01", state="in-force") == {}
    assert states(q="13/2023", day="2026-01-01", state="not-in-force") == {old.number: "no-longer"}
    assert client.get(page, {"day": "31/02/2026"}).status_code == 400
    assert client.get(page, {"q": "\0"}).status_code == 400


def test_law_page_shows_what_rests_on_it(client, register):
    database = DatabaseFactory(legal_basis=register[DECREE])
    dataset = DatasetFactory(database=database, applicable_legislation=register[DECREE])
    hidden = DatasetFactory(applicable_legislation=register[DECREE], unpublished=True)
    page = client.get(reverse("registry:law-detail", args=["278-2025-ndcp"]))
    assert database.name in page.text
    assert dataset.title in page.text
    assert hidden.title not in page.text
    assert client.get(reverse("registry:law-detail", args=["nothing"])).status_code == 404


def test_list_of_laws_costs_the_same_for_twenty_rows(client, register):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("registry:law-list")).status_code == 200
        return len(captured)

    few = queries()
    for _number in range(18):
        DatasetFactory(applicable_legislation=LegalInstrumentFactory(replaced_by=register[DECREE]))
    assert queries() == few


# Admin


def test_admin_suggests_however_a_number_is_typed(client, operator, register):
    client.force_login(operator)
    query = {"term": "nd 278/25", "app_label": "registry", "model_name": "database", "field_name": "legal_basis"}
    results = client.get(reverse("admin:autocomplete"), query).json()["results"]
    assert results[0]["text"].startswith(DECREE)
    assert DECREE in client.get(url("legalinstrument", "changelist"), {"q": "nghi dinh 278/2025"}).text


def test_admin_warns_of_a_law_that_has_ended(client, operator, register):
    ended = LegalInstrumentFactory(ended=True, replaced_by=register[DECREE])
    database = DatabaseFactory(legal_basis=ended)
    client.force_login(operator)
    response = change(client, "database", database, description="Mô tả")
    told = [str(message) for message in client.get(response.url).context["messages"]]
    assert any(DECREE in text and ended.number in text for text in told)


def test_policy_cannot_begin_under_a_law_that_has_ended(client):
    ends = date(2026, 6, 1)
    dataset = DatasetFactory()
    approver = decider(dataset.database)
    basis = LegalInstrumentFactory(effective_to=ends)

    def save(policy) -> SharingPolicy:
        policies.settle(policy=policy, by=approver).save()
        return policy

    facts = {"dataset": dataset, "title": "X", "modes": ["package"], "purposes": ["statistics"], "legal_basis": basis}
    with time_machine.travel("2026-05-31 12:00 +0700", tick=False):
        kept = save(SharingPolicy(valid_from=date(2026, 5, 31), **facts))
        with pytest.raises(RegistryRefusal) as caught:
            save(SharingPolicy(valid_from=ends, **facts))
        assert caught.value.code == "not-in-force"
    with time_machine.travel("2026-06-01 00:00 +0700", tick=False):
        with pytest.raises(RegistryRefusal):
            save(SharingPolicy(valid_from=date(2026, 5, 1), **facts))
        kept.valid_to = ends
        save(kept)  # it can still be ended
