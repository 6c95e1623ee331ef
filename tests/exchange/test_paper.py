"""Exchanges by letter: recording, correcting, the list and its export, and the share that is digital."""

import csv
import io
import json
import re
from datetime import date, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange.choices import Direction, PaperReason
from exchange.models import PaperExchange
from exchange.refusals import Incomplete, Refusal, WrongState
from exchange.services import digital_share, lookups, paper
from exchange.services.digital_share import Figures
from registry.choices import Mode, Role
from registry.models import Agency, Dataset
from tests.exchange.desk import as_user, told
from tests.factories import AgencyFactory, DatasetFactory, MembershipFactory, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def figures_taken_anew():
    cache.clear()


@pytest.fixture
def clerk():
    return person(AgencyFactory(), Role.REQUESTER)


def agency_of(user) -> Agency:
    return Agency.objects.get(memberships__user=user)


def content(**changes) -> dict:
    return {
        "direction": Direction.SENT,
        "other": None,
        "other_name": "Ngân hàng A",
        "letter_number": "12/UBND-VP",
        "letter_day": timezone.localdate(),
        "information": "Tình trạng hôn nhân",
        "dataset": None,
        "records": None,
        "days_taken": None,
        "reason": PaperReason.UNKNOWN,
        **changes,
    }


def recorded(by, **changes) -> PaperExchange:
    return paper.record(agency=agency_of(by), by=by, content=content(**changes))


def typed(**changes) -> dict:
    return {
        "direction": "sent",
        "other": "Ngân hàng A",
        "letter_number": "12/UBND-VP",
        "letter_day": timezone.localdate().isoformat(),
        "information": "Tình trạng hôn nhân",
        "reason": "unknown",
        **changes,
    }


def url(name: str, letter=None) -> str:
    return reverse(f"exchange:paper-{name}", args=[letter.public_id] if letter else [])


# Recording


@pytest.mark.parametrize("role", [Role.REQUESTER, Role.CASE_OFFICER])
def test_recording_leaves_evidence_without_words(role):
    someone = person(AgencyFactory(), role)
    dataset = DatasetFactory()
    letter = recorded(someone, dataset=dataset)
    entry = Entry.objects.get(action="paper.record")
    assert (entry.subject_id, entry.agency) == (str(letter.public_id), agency_of(someone).code)
    assert json.loads(entry.details) == {
        "version": 1, "direction": "sent", "reason": "unknown", "dataset": dataset.code,
    }  # fmt: skip


@pytest.mark.parametrize("role", [Role.ENDORSER, Role.APPROVER, Role.REVIEWER, Role.OPERATOR, Role.AUDITOR])
def test_others_record_nothing_and_the_refusal_is_kept(role):
    someone = person(AgencyFactory(), role)
    with pytest.raises(Refusal) as caught:
        recorded(someone)
    assert caught.value.code == "not-your-role"
    assert Entry.objects.get(action="paper.record", outcome=Outcome.REFUSED)
    assert not PaperExchange.objects.exists()


@pytest.mark.parametrize("number", ["12/UBND-VP", "12 / ubnd-vp"])
def test_the_same_letter_is_recorded_once(clerk, number):
    recorded(clerk)
    with pytest.raises(Incomplete) as caught:
        recorded(clerk, letter_number=number)
    assert "letter_number" in caught.value.fields
    recorded(clerk, letter_number="13/UBND-VP")
    recorded(clerk, other_name="Ngân hàng B")
    assert PaperExchange.objects.count() == 3


def test_a_letter_of_tomorrow_is_refused(clerk):
    with pytest.raises(Incomplete) as caught:
        recorded(clerk, letter_day=timezone.localdate() + timedelta(days=1))
    assert list(caught.value.fields) == ["letter_day"]


def test_text_that_cannot_be_stored_is_refused(clerk):
    with pytest.raises(Incomplete):
        recorded(clerk, information="a\0b")


# Correcting


def test_a_correction_is_a_new_version_and_the_former_one_stays(clerk):
    first = recorded(clerk, records=10)
    colleague = person(agency_of(clerk), Role.CASE_OFFICER)
    second = paper.correct(exchange=first, by=colleague, content=content(records=100), reason="Gõ nhầm")
    first.refresh_from_db()
    assert (second.public_id, second.version, second.records, second.recorded_by) == (
        first.public_id, 2, 100, colleague,
    )  # fmt: skip
    assert (first.records, first.corrected_by, first.correction) == (10, colleague, "Gõ nhầm")
    assert list(PaperExchange.objects.current()) == [second]
    assert json.loads(Entry.objects.get(action="paper.correct").details)["fields"] == ["records"]


def test_a_version_is_corrected_once(clerk):
    first = recorded(clerk)
    paper.correct(exchange=first, by=clerk, content=content(records=1), reason="")
    with pytest.raises(WrongState):
        paper.correct(exchange=first, by=clerk, content=content(records=2), reason="")
    assert PaperExchange.objects.count() == 2


def test_a_correction_that_names_another_recorded_letter_changes_nothing(clerk):
    first = recorded(clerk)
    recorded(clerk, letter_number="13/UBND-VP")
    with pytest.raises(Incomplete):
        paper.correct(exchange=first, by=clerk, content=content(letter_number="13/UBND-VP"), reason="")
    first.refresh_from_db()
    assert first.corrected_at is None


def test_what_was_recorded_in_error_is_taken_back_and_can_be_recorded_anew(clerk):
    letter = recorded(clerk)
    with pytest.raises(Incomplete):
        paper.take_back(exchange=letter, by=clerk, reason="")
    paper.take_back(exchange=letter, by=clerk, reason="Nhầm")
    assert not PaperExchange.objects.current().exists()
    assert Entry.objects.get(action="paper.take_back", outcome=Outcome.SUCCESS)
    recorded(clerk)


def test_another_agency_corrects_nothing(clerk):
    letter = recorded(clerk)
    stranger = person(AgencyFactory(), Role.REQUESTER)
    for act in (
        lambda: paper.correct(exchange=letter, by=stranger, content=content(), reason=""),
        lambda: paper.take_back(exchange=letter, by=stranger, reason="x"),
    ):
        with pytest.raises(Refusal):
            act()
    letter.refresh_from_db()
    assert letter.corrected_at is None


# What plain SQL is refused


def execute(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_paperexchange SET information = 'x'",
        "UPDATE exchange_paperexchange SET version = 2",
        "UPDATE exchange_paperexchange SET corrected_at = now()",
        "UPDATE exchange_paperexchange SET corrected_at = now(), corrected_by_id = {stranger}",
        "DELETE FROM exchange_paperexchange",
        "TRUNCATE exchange_paperexchange",
        "INSERT INTO exchange_paperexchange (public_id, version, agency_id, direction, other_name, letter_number, letter_day,"
        " information, reason, recorded_at, recorded_by_id, correction)"
        " SELECT public_id, 2, agency_id, direction, other_name, 'y', letter_day, information, reason, now(),"
        " recorded_by_id, '' FROM exchange_paperexchange",
        "INSERT INTO exchange_paperexchange (public_id, version, agency_id, direction, other_name, letter_number, letter_day,"
        " information, reason, recorded_at, recorded_by_id, correction)"
        " SELECT gen_random_uuid(), 1, agency_id, direction, other_name, 'y', letter_day, information, reason, now(),"
        " {stranger}, '' FROM exchange_paperexchange",
        "INSERT INTO exchange_paperexchange (public_id, version, agency_id, direction, other_name, letter_number, letter_day,"
        " information, reason, recorded_at, recorded_by_id, correction)"
        " SELECT gen_random_uuid(), 3, agency_id, direction, other_name, 'y', letter_day, information, reason, now(),"
        " recorded_by_id, '' FROM exchange_paperexchange",
    ],
)
@pytest.mark.postgresql
def test_the_database_refuses(clerk, statement):
    recorded(clerk)
    stranger = person(AgencyFactory(), Role.REQUESTER)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError):
        execute(statement.format(stranger=stranger.pk))


def test_a_corrected_version_never_changes(clerk):
    paper.correct(exchange=recorded(clerk), by=clerk, content=content(records=1), reason="")
    with pytest.raises(IntegrityError):
        execute("UPDATE exchange_paperexchange SET correction = 'x' WHERE version = 1")


BROKEN = {
    "direction": {"direction": "sideways"},
    "reason": {"reason": "because"},
    "one_other_side": {"other_name": ""},
    "two_sides": {"other_name": "", "other": "own"},
    "says_something": {"information": ""},
    "records": {"records": 0},
}


@pytest.mark.parametrize("name", BROKEN)
def test_constraints(clerk, name):
    changes = {key: agency_of(clerk) if value == "own" else value for key, value in BROKEN[name].items()}
    row = PaperExchange(agency=agency_of(clerk), recorded_by=clerk, **content(**changes))
    with pytest.raises(IntegrityError, match=f"exchange_paperexchange_{name}"), transaction.atomic():
        row.save(force_insert=True)


# Pages


def test_a_clerk_records_a_letter_and_the_next_one(clerk):
    other, dataset = AgencyFactory(), DatasetFactory()
    client = as_user(clerk)
    assert client.get(url("create")).status_code == 200
    answers = typed(other=other.code.lower(), dataset=dataset.title_vi, records="30", days_taken="12", another="yes")
    response = client.post(url("create"), answers)
    letter = PaperExchange.objects.get()
    assert (letter.other, letter.other_name, letter.dataset, letter.records, letter.days_taken) == (
        other, "", dataset, 30, 12,
    )  # fmt: skip
    following = client.get(response.url).context["form"]
    assert (following["other"].value(), following["letter_number"].value()) == (other.name, None)
    client.post(url("create"), typed(letter_number="13/UBND-VP", other=other.name_vi))
    assert PaperExchange.objects.filter(other=other).count() == 2


WRONG = {
    "letter_day": (timezone.localdate() + timedelta(days=2)).isoformat(),
    "letter_number": "1" * 61,
    "information": "a\0b",
    "direction": "sideways",
    "reason": "",
    "dataset": "không có",
    "records": "0",
    "days_taken": "-1",
    "other": "",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_told_beside_its_field_and_what_was_typed_stays(clerk, name):
    response = as_user(clerk).post(url("create"), typed(**{name: WRONG[name]}))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [name]
    assert "Ngân hàng A" in response.text or name == "other"
    assert not PaperExchange.objects.exists()


def test_the_own_agency_is_not_the_other_side(clerk):
    response = as_user(clerk).post(url("create"), typed(other=agency_of(clerk).name_vi))
    assert list(response.context["form"].errors) == ["other"]


def test_a_letter_that_is_known_is_told_beside_its_number(clerk):
    recorded(clerk)
    response = as_user(clerk).post(url("create"), typed())
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["letter_number"]


def test_a_withdrawn_dataset_is_not_offered(clerk):
    hidden = DatasetFactory(unpublished=True)
    assert hidden.title not in as_user(clerk).get(url("create")).text
    assert as_user(clerk).post(url("create"), typed(dataset=hidden.code)).status_code == 422


def test_who_works_in_two_agencies_chooses(clerk):
    own, second = agency_of(clerk), AgencyFactory()
    MembershipFactory(user=clerk, agency=second, role=Role.CASE_OFFICER)
    client = as_user(clerk)
    assert second.name in client.get(url("create")).text
    client.post(url("create"), typed(agency=second.code))
    client.post(url("create"), typed(agency=own.code))
    assert {letter.agency for letter in PaperExchange.objects.all()} == {own, second}


def test_who_records_for_nobody_is_told_so():
    client = as_user(person(AgencyFactory(), Role.ENDORSER))
    assert "notice-warning" in client.get(url("create")).text
    assert client.post(url("create"), typed()).status_code == 403


def test_the_page_of_a_letter_shows_its_versions(clerk):
    letter = recorded(clerk, records=10, dataset=DatasetFactory())
    client = as_user(clerk)
    page = client.get(url("correct", letter))
    assert page.context["form"]["records"].value() == 10
    client.post(url("correct", letter), typed(records="100", version="1", correction="Gõ nhầm"))
    text = client.get(url("detail", letter)).text
    assert re.findall(r"<summary>\S+ (\d)", text) == ["2", "1"]
    assert "Gõ nhầm" in text


def test_an_older_page_corrects_nothing(clerk):
    letter = recorded(clerk)
    client = as_user(clerk)
    client.post(url("correct", letter), typed(records="100", version="1"))
    response = client.post(url("correct", letter), typed(records="5", version="1"), follow=True)
    assert PaperExchange.objects.current().get().records == 100
    assert told(response)


def test_taking_back_asks_for_a_reason(clerk):
    letter = recorded(clerk)
    client = as_user(clerk)
    assert client.post(url("take-back", letter), {"correction": ""}).status_code == 422
    client.post(url("take-back", letter), {"correction": "Nhầm"})
    letter.refresh_from_db()
    assert letter.correction == "Nhầm"
    text = client.get(url("detail", letter)).text
    assert url("correct", letter) not in text
    assert client.get(url("correct", letter)).url == url("detail", letter)


def test_a_withdrawn_dataset_is_named_by_its_code_only(clerk):
    letter = recorded(clerk, dataset=DatasetFactory())
    assert reverse("exchange:request-create") in as_user(clerk).get(url("detail", letter)).text
    Dataset.objects.update(is_published=False)
    text = as_user(clerk).get(url("detail", letter)).text
    assert letter.dataset.code in text
    assert letter.dataset.title not in text


@pytest.mark.parametrize("name", ["detail", "correct", "take-back"])
@pytest.mark.parametrize("role", [Role.REQUESTER, Role.APPROVER, None])
def test_letters_of_another_agency_are_not_found(client, clerk, name, role):
    letter = recorded(clerk)
    if role:
        client.force_login(person(AgencyFactory(), role))
    for method in [client.get] if name == "detail" else [client.get, client.post]:
        response = method(url(name, letter))
        assert response.status_code == (404 if role else 302)
        assert letter.information not in response.content.decode()


def test_the_list_is_narrowed(clerk):
    letters = {
        "sent": recorded(clerk, letter_number="1/A", letter_day=date(2026, 3, 1)),
        "received": recorded(
            clerk, letter_number="2/B", direction=Direction.RECEIVED, reason=PaperReason.LAW, information="Nhà đất"
        ),
    }
    client = as_user(clerk)

    def found(**query):
        return [one.letter_number for one in client.get(url("list"), query).context["letters"]]

    assert found() == ["2/B", "1/A"]
    assert found(direction="received") == ["2/B"]
    assert found(reason="law") == ["2/B"]
    assert found(q="nhà") == ["2/B"]
    assert found(until="2026-03-01") == ["1/A"]
    assert found(since="2026-03-02") == ["2/B"]
    assert client.get(url("list"), {"direction": "up"}).status_code == 400
    paper.take_back(exchange=letters["sent"], by=clerk, reason="x")
    assert found() == ["2/B"]


def test_lists_hold_the_own_letters_and_auditors_see_all(clerk):
    recorded(clerk)
    for someone, count in (
        (person(AgencyFactory(), Role.REQUESTER), 0),
        (person(agency_of(clerk), Role.ENDORSER), 1),
        (person(agency_of(clerk), Role.SYSTEM), 0),
        (person(AgencyFactory(), Role.AUDITOR), 1),
    ):
        assert len(as_user(someone).get(url("list")).context["letters"]) == count


def test_the_list_asks_as_many_questions_for_20_rows_as_for_2(clerk):
    client = as_user(clerk)

    def questions() -> int:
        client.get(url("list"))
        with CaptureQueriesContext(connection) as captured:
            client.get(url("list"))
        return len(captured)

    for number in range(2):
        recorded(clerk, letter_number=f"{number}/A", other=AgencyFactory(), other_name="")
    two = questions()
    for number in range(2, 25):
        recorded(clerk, letter_number=f"{number}/A", other=AgencyFactory(), other_name="")
    assert len(client.get(url("list")).context["letters"]) == 20
    assert questions() == two


def test_the_export_holds_the_narrowed_list_without_formulas(clerk):
    recorded(clerk, information="=HYPERLINK(1)", other_name="@x")
    recorded(clerk, letter_number="2/B", reason=PaperReason.LAW)
    client = as_user(clerk)
    response = client.get(url("export"), {"reason": "unknown"})
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    [_head, line] = csv.reader(io.StringIO(text))
    assert (line[2], line[3], line[5]) == ("'@x", "12/UBND-VP", "'=HYPERLINK(1)")
    stranger = as_user(person(AgencyFactory(), Role.REQUESTER)).get(url("export"))
    assert b"12/UBND-VP" not in b"".join(stranger.streaming_content)


def test_an_export_that_is_too_long_is_refused(clerk, monkeypatch):
    monkeypatch.setattr("exchange.views.paper.MOST_EXPORTED", 1)
    recorded(clerk), recorded(clerk, letter_number="2/B")
    response = as_user(clerk).get(url("export"), follow=True)
    assert response.redirect_chain
    assert told(response)


# Figures


def test_share_is_exact_at_its_ends():
    assert Figures().share is None
    assert Figures(granted=1).share == 100
    assert Figures(lookups=999, letters=1).share == 99
    assert Figures(granted=1, letters=999).share == 1
    assert Figures(letters=5).share == 0
    assert Figures(granted=1, deliveries=1, lookups=1, letters=1).share == 75


@time_machine.travel("2026-03-15", tick=False)
def test_months_are_the_last_twelve():
    found = digital_share.months()
    assert (found[0], found[1], found[11], len(found)) == (date(2026, 3, 1), date(2026, 2, 1), date(2025, 4, 1), 12)


def test_everything_counts_for_the_agency_that_asks(world):
    world.delivered()
    world.agreed(mode=Mode.LOOKUP)
    recorded(world.requester)
    [line] = digital_share.share_of([world.consumer, world.provider]).by_agency
    assert (line[0], line[1]) == (world.consumer, Figures(granted=2, deliveries=1, letters=1))
    assert digital_share.share_of([world.provider]).total == Figures()


def test_a_letter_that_both_sides_recorded_counts_once_and_for_the_one_that_asks(world):
    recorded(world.requester, other=world.provider, other_name="")
    recorded(
        world.officer, direction=Direction.RECEIVED, other=world.consumer, other_name="", letter_number="12/ubnd-VP"
    )
    recorded(world.officer, direction=Direction.RECEIVED, other=world.stranger, other_name="")
    recorded(world.officer, direction=Direction.RECEIVED, other_name="Công ty B", letter_number="9")
    share = digital_share.share_of([world.provider, world.consumer, world.stranger])
    assert {agency: figures.letters for agency, figures in share.by_agency} == {world.consumer: 1, world.stranger: 1}
    assert share.total.letters == 2


def test_corrected_and_old_letters_do_not_count(clerk):
    paper.take_back(exchange=recorded(clerk), by=clerk, reason="x")
    recorded(clerk, letter_number="2", letter_day=digital_share.months()[-1] - timedelta(days=1))
    recorded(clerk, letter_number="3", letter_day=digital_share.months()[-1])
    share = digital_share.share_of([agency_of(clerk)])
    assert share.total.letters == share.by_month[-1][1].letters == 1


def test_look_ups_are_counted_in_the_ledger(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    lookups.look_up(
        agreement=agreement, by=world.requester, key="001099000001", case_number="HS-1", purpose=agreement.purpose
    )
    assert digital_share.share_of([world.consumer]).total.lookups == 1


def test_datasets_are_ranked_by_the_letters_that_they_would_replace(clerk):
    often, rarely, gone = DatasetFactory(), DatasetFactory(), DatasetFactory(unpublished=True)
    for number, dataset in enumerate([often, often, rarely, gone, None]):
        recorded(clerk, letter_number=str(number), dataset=dataset)
    letters = PaperExchange.objects.visible_to(clerk)
    assert digital_share.replaceable(letters) == [(often, 2), (rarely, 1)]


def test_the_figures_page_shows_the_own_agencies_only(world):
    recorded(world.requester, dataset=world.dataset)
    own = as_user(world.requester).get(url("figures"))
    assert world.dataset.title in own.text
    assert [agency for agency, _figures in own.context["share"].by_agency] == [world.consumer]
    assert as_user(world.officer).get(url("figures")).context["share"].by_agency == []
    nobody = as_user(person(world.stranger, Role.SYSTEM)).get(url("figures"))
    assert 'class="empty"' in nobody.text


def test_an_auditor_sees_every_agency_and_one_at_a_time(world):
    recorded(world.requester)
    recorded(world.officer, letter_number="99")
    client = as_user(person(AgencyFactory(), Role.AUDITOR))
    assert len(client.get(url("figures")).context["share"].by_agency) == 2
    one = client.get(url("figures"), {"agency": world.consumer.code})
    assert [agency for agency, _figures in one.context["share"].by_agency] == [world.consumer]


def test_the_figures_page_asks_as_many_questions_for_20_agencies_as_for_2(world):
    client = as_user(person(AgencyFactory(), Role.AUDITOR))

    def questions() -> int:
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url("figures")).status_code == 200
        return len(captured)

    for _number in range(2):
        recorded(person(AgencyFactory(), Role.REQUESTER), dataset=DatasetFactory())
    questions()
    two = questions()
    for _number in range(20):
        recorded(person(AgencyFactory(), Role.REQUESTER), dataset=DatasetFactory())
    assert questions() == two
    assert len(re.findall(r"<meter", client.get(url("figures")).text)) >= 20


def test_the_admin_lists_every_version(clerk):
    paper.correct(exchange=recorded(clerk), by=clerk, content=content(records=1), reason="")
    client = as_user(person(AgencyFactory(), Role.AUDITOR))
    response = client.get(reverse("admin:exchange_paperexchange_changelist"))
    assert len(response.context["cl"].result_list) == 2
    assert (
        client.get(reverse("admin:exchange_paperexchange_change", args=[PaperExchange.objects.first().pk])).status_code
        == 200
    )
