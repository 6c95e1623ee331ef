"""What a changed source stops among agreements and deliveries, and how its owner lets them go on or ends them."""

import sqlite3
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry, Outcome
from exchange import agreement_rules, source_changes, tasks
from exchange.choices import EndReason, Frequency
from exchange.fulfilment import run
from exchange.models import Delivery, ExchangeRequest
from exchange.refusals import Refusal
from exchange.services import agreements, deliveries, holding, lookups, requests
from exchange.states import AgreementStatus, DeliveryStatus
from registry.choices import Mode, Occasion, Review, Role
from registry.connectors import SourceError
from registry.models import Dataset, Notice, SchemaChange
from registry.services import structure
from tests import factories
from tests.factories import assign, handler, person
from tests.scenarios import COLUMNS

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.fixture
def read_world(make_world):
    """A world whose source was read, so that there is something to compare with."""

    def build(**options):
        world = make_world(**options)
        Dataset.objects.filter(pk=world.dataset.pk).update(schema_name="main")
        structure.read(connection=world.database.connection, by=None)
        world.dataset.refresh_from_db()
        return world

    return build


@pytest.fixture
def world(read_world):
    return read_world()


def alter(world, *statements):
    with sqlite3.connect(world.source) as file:
        for statement in statements:
            file.execute(statement)
    file.close()


def drop(world, column):
    alter(world, f"ALTER TABLE citizens DROP COLUMN {column}")
    structure.read(connection=world.database.connection, by=None, occasion=Occasion.SCHEDULE)
    return SchemaChange.objects.get()


def agreed(world, **content):
    return world.agreed(frequency=Frequency.ON_DEMAND, **content)


def swept(agreement):
    tasks.sweep()
    agreement.refresh_from_db()
    return agreement.status


# What stops


def test_an_agreement_over_what_broke_is_suspended_and_its_people_are_told(world):
    agreement = agreed(world)
    other = agreed(world, field_names=["citizen_id", "province"])
    change = drop(world, "born")
    assert swept(agreement) == AgreementStatus.SUSPENDED
    assert swept(other) == AgreementStatus.ACTIVE
    assert "born" in agreement.status_reason
    entry = Entry.objects.get(action="agreement.hold", outcome=Outcome.SUCCESS)
    assert (entry.actor, entry.subject_id) == ("system", agreement.code)
    told = Notice.objects.filter(kind=holding.HELD.code)
    assert {notice.recipient for notice in told} == {world.requester, world.endorser}
    assert told[0].path == agreement.get_absolute_url()
    assert list(source_changes.standing_against(agreement)) == [change]
    tasks.sweep()
    assert Notice.objects.filter(kind=holding.HELD.code).count() == 2


def test_a_field_to_filter_by_counts_too(world):
    row_filter = [{"field": "province", "operator": "eq", "values": ["01"]}]
    agreement = agreed(world, field_names=["citizen_id"], row_filter=row_filter)
    drop(world, "province")
    assert swept(agreement) == AgreementStatus.SUSPENDED


def test_a_compatible_change_stops_nothing(world):
    agreement = agreed(world)
    alter(world, "ALTER TABLE citizens ADD COLUMN more TEXT")
    delivery = world.delivered(agreement)
    assert delivery.status == DeliveryStatus.COMPLETED
    change = SchemaChange.objects.get()
    assert (change.is_breaking, change.occasion) == (False, Occasion.DELIVERY)
    assert swept(agreement) == AgreementStatus.ACTIVE


def test_rows_decide_even_where_nothing_was_swept(world):
    agreement = agreed(world)
    delivery = world.ordered(agreement)
    drop(world, "born")
    with pytest.raises(Refusal) as refused:
        agreement_rules.check_live(agreement)
    assert refused.value.code == "source-changed"
    with pytest.raises(Refusal):
        deliveries.order(agreement=agreed_again(agreement), by=world.requester)
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.CHANGED)
    assert "born" in delivery.message


def agreed_again(agreement):
    return type(agreement).objects.select_related("policy", "dataset__database").get(pk=agreement.pk)


def test_a_delivery_finds_the_change_itself_and_ends(world):
    agreement = agreed(world)
    delivery = world.ordered(agreement)
    alter(world, "ALTER TABLE citizens DROP COLUMN born")
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    change = SchemaChange.objects.get()
    assert (change.occasion, change.columns) == (Occasion.DELIVERY, ["born"])
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.CHANGED)
    assert "born" in delivery.message
    agreement.refresh_from_db()
    world.policy.refresh_from_db()
    assert agreement.status == AgreementStatus.SUSPENDED
    assert world.policy.suspended_by_change == change


def test_a_running_delivery_of_another_agreement_stops(world):
    first, second = agreed(world), agreed(world)
    running = world.ordered(second)
    attempt = deliveries.begin(delivery=running, worker="test")
    drop(world, "born")
    tasks.sweep()
    running.refresh_from_db()
    first.refresh_from_db()
    assert (running.status, first.status) == (DeliveryStatus.TERMINATED, AgreementStatus.SUSPENDED)
    assert deliveries.report(attempt=attempt, rows=1, size=1) is False


def test_a_look_up_that_meets_the_change_keeps_it(world):
    agreement = world.agreed(mode=Mode.LOOKUP)
    alter(world, "ALTER TABLE citizens DROP COLUMN born")
    with pytest.raises(SourceError):
        lookups.look_up(
            agreement=agreement, by=world.requester, key="001099000001", case_number="HS-1", purpose=agreement.purpose
        )
    assert SchemaChange.objects.get().occasion == Occasion.LOOKUP
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.SUSPENDED


def test_nothing_new_is_asked_for_meanwhile(world):
    drop(world, "born")
    with pytest.raises(Refusal):
        world.proposed()


# The review


@pytest.fixture
def held(world):
    """An agreement that a lost key suspended, though what it asks for is there as before."""
    agreement = agreed(world)
    columns = ", ".join(f"{name} {native.split()[0]}" for name, native, *_rest in COLUMNS)
    alter(
        world,
        f"CREATE TABLE copy ({columns})",
        "INSERT INTO copy SELECT * FROM citizens",
        "DROP TABLE citizens",
        "ALTER TABLE copy RENAME TO citizens",
    )
    structure.read(connection=world.database.connection, by=None, occasion=Occasion.SCHEDULE)
    assert swept(agreement) == AgreementStatus.SUSPENDED
    return agreement


def change_page(page="change"):
    return reverse(f"admin:registry_schemachange_{page}", args=[SchemaChange.objects.latest("pk").pk])


def decide(client, decision, **answers):
    return client.post(change_page("review"), {"decision": decision, "note": "Đã kiểm tra", **answers}, follow=True)


def test_the_owner_reads_and_resumes_in_one_go(client, world, held):
    client.force_login(world.approver)
    page = client.get(change_page())
    text = page.content.decode()
    assert "không còn xác định duy nhất một bản ghi" in text
    assert held.code in text
    assert world.policy.title in text
    shown = decide(client, Review.ACCEPT, resume="on")
    assert [message.level_tag for message in shown.context["messages"]] == ["info", "success"]
    held.refresh_from_db()
    world.policy.refresh_from_db()
    assert (held.status, world.policy.suspended_at) == (AgreementStatus.ACTIVE, None)
    assert swept(held) == AgreementStatus.ACTIVE
    assert world.delivered(held).status == DeliveryStatus.COMPLETED


def test_the_owner_may_accept_without_resuming(client, world, held):
    client.force_login(world.approver)
    decide(client, Review.ACCEPT)
    held.refresh_from_db()
    assert held.status == AgreementStatus.SUSPENDED
    agreements.resume(agreement=held, by=world.approver, reason="Đã rõ")
    assert held.status == AgreementStatus.ACTIVE


def test_what_a_person_suspended_before_stays_so(world):
    agreement = agreed(world)
    world.suspended(agreement)
    drop(world, "born")
    (found,) = holding.dependants(SchemaChange.objects.get())
    assert (found.is_held, found.can_resume) == (False, False)


def test_an_emergency_outlasts_the_review(client, world, held):
    operator = person(factories.AgencyFactory(), Role.OPERATOR)
    agreements.suspend(agreement=held, by=operator, reason="Nghi lộ khóa")
    client.force_login(world.approver)
    decide(client, Review.ACCEPT, resume="on")
    held.refresh_from_db()
    assert (held.status, held.status_reason) == (AgreementStatus.SUSPENDED, "Nghi lộ khóa")


def test_the_owner_ends_what_depends_on_it(client, world, held):
    client.force_login(world.approver)
    shown = decide(client, Review.END)
    assert [message.level_tag for message in shown.context["messages"]] == ["info", "success"]
    held.refresh_from_db()
    assert (held.status, held.status_reason) == (AgreementStatus.REVOKED, "Đã kiểm tra")


def test_an_agreement_that_asks_for_something_else_is_not_resumed(client, world):
    agreement = agreed(world)
    change = drop(world, "born")
    swept(agreement)
    client.force_login(world.approver)
    decide(client, Review.ACCEPT, resume="on")
    agreement.refresh_from_db()
    change.refresh_from_db()
    assert (change.decision, agreement.status) == (Review.ACCEPT, AgreementStatus.SUSPENDED)
    with pytest.raises(Refusal) as refused:
        agreements.resume(agreement=agreement, by=world.approver, reason="Thử")
    assert refused.value.code in ("fields-gone", "plan-changed")


def test_nothing_is_resumed_before_the_review(world, held):
    with pytest.raises(Refusal) as refused:
        agreements.resume(agreement=held, by=world.approver, reason="Thử")
    assert refused.value.code == "source-changed"


def test_what_was_ended_gives_nothing_even_where_it_was_not_revoked(world):
    agreement = agreed(world)
    change = drop(world, "province")
    assert swept(agreement) == AgreementStatus.ACTIVE  # it does not need that field
    alter(world, "ALTER TABLE citizens DROP COLUMN born")
    structure.read(connection=world.database.connection, by=None)
    change = SchemaChange.objects.latest("pk")
    holding.drift.review(change=change, by=world.approver, decision=Review.END, note="Thôi")
    with pytest.raises(Refusal) as refused:
        agreement_rules.check_live(agreed_again(agreement))
    assert refused.value.code == "source-changed"


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (lambda world: person(world.stranger, Role.APPROVER), 404),
        (lambda world: assign(person(world.stranger, Role.APPROVER), world.database, "decide_requests"), 404),
        (lambda world: world.requester, 302),
        (lambda world: world.endorser, 302),
        (lambda world: person(world.stranger, Role.OPERATOR), 200),
        (lambda world: handler(world.database), 200),
        (lambda world: person(world.provider, Role.APPROVER), 200),
    ],
)
def test_nobody_else_reviews_in_the_admin(client, world, held, who, status):
    client.force_login(who(world))
    assert client.get(change_page()).status_code == status
    shown = client.post(change_page("review"), {"decision": Review.ACCEPT, "note": "x", "resume": "on"})
    assert shown.status_code == (302 if status == 200 else status)
    held.refresh_from_db()
    assert SchemaChange.objects.get().reviewed_at is None
    assert held.status == AgreementStatus.SUSPENDED
    if status == 200:
        assert "note" not in client.get(change_page()).context["form"].data
        assert not client.get(change_page()).context["may_review"]
        assert Entry.objects.filter(action="registry.schemachange.refuse").exists()


def test_a_review_takes_a_decision_and_a_reason(client, world, held):
    client.force_login(world.approver)
    page = client.post(change_page("review"), {"decision": "", "note": ""})
    assert page.status_code == 422
    assert set(page.context["form"].errors) == {"decision", "note"}
    assert client.get(change_page("review")).status_code == 405
    assert client.post(change_page(), {"decision": Review.ACCEPT}).status_code == 403


def test_two_reviewers_give_one_winner(client, world, held):
    second = world.approvers[1]
    client.force_login(world.approver)
    decide(client, Review.ACCEPT, resume="on")
    client.force_login(second)
    shown = decide(client, Review.END)
    assert [message.level_tag for message in shown.context["messages"]] == ["error"]
    held.refresh_from_db()
    assert held.status == AgreementStatus.ACTIVE


@pytest.mark.parametrize("count", [2, 20])
def test_the_page_takes_the_same_queries_for_an_agreement_more(
    client, world, django_assert_max_num_queries, monkeypatch, count
):
    agreement = agreed(world)
    drop(world, "born")
    client.force_login(world.approver)
    client.get(change_page())
    (found,) = holding.dependants(SchemaChange.objects.get())
    monkeypatch.setattr(holding, "dependants", lambda change: [found] * count)
    assert found.agreement == agreement
    with django_assert_max_num_queries(30):
        assert client.get(change_page()).content.decode().count(agreement.code) == count


@pytest.mark.parametrize("count", [2, 20])
def test_agreements_are_found_with_the_same_queries(world, django_assert_max_num_queries, count):
    for _number in range(min(count, 4)):
        agreed(world)
    change = drop(world, "born")
    with django_assert_max_num_queries(6):
        holding.dependants(change)


# What the database itself refuses


def test_the_database_lets_no_data_move_over_a_broken_source(world):
    agreement = agreed(world)
    delivery = world.ordered(agreement)
    deliveries.begin(delivery=delivery, worker="test")
    drop(world, "born")
    file = {"rows": 1, "size": 1, "sha256": "0" * 64, "file_name": "x", "available_until": timezone.now()}
    refused(Delivery, delivery, status="completed", finished_at=timezone.now(), **file)
    copy = Delivery(code="GD-X", agreement=agreement, slot="9", next_attempt_at=timezone.now() + timedelta(days=1))
    with pytest.raises(IntegrityError, match="not reviewed"), transaction.atomic():
        copy.save()


def test_the_database_resumes_nothing_over_a_broken_source(world, held):
    refused(type(held), held, status="active")


def refused(model, row, **values):
    names = ", ".join(f"{name} = %s" for name in values)
    statement = f"UPDATE {model._meta.db_table} SET {names} WHERE id = %s"  # noqa: S608 - names of columns
    with (
        pytest.raises(IntegrityError, match="not reviewed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [*values.values(), row.pk])


# What the consumer learns


def told(kind) -> set:
    return {notice.recipient for notice in Notice.objects.filter(kind=kind.code)}


def page_of(client, agreement) -> str:
    return client.get(reverse("exchange:agreement-detail", args=[agreement.public_id])).content.decode()


def test_the_consumer_is_told_the_result_and_asks_anew_without_what_is_gone(client, world):
    row_filter = [{"field": "province", "operator": "eq", "values": ["01"]}]
    agreement = agreed(world, row_filter=row_filter)
    drop(world, "born")
    swept(agreement)
    client.force_login(world.requester)
    waiting = client.get(reverse("exchange:agreement-detail", args=[agreement.public_id]))
    assert waiting.context["story"].may_ask_anew is False
    client.force_login(world.approver)
    page = client.get(change_page())
    assert [one.gone for one in page.context["page_obj"]] == [("born",)]
    assert [[field.name for field in gone] for _policy, gone in page.context["policies"]] == [["born"]]
    decide(client, Review.ACCEPT, resume="on")
    assert told(holding.RESULTS[AgreementStatus.SUSPENDED]) == {world.requester, world.endorser}
    assert "Đã kiểm tra" in Notice.objects.filter(kind="agreement-held-longer").first().params["note"]
    client.force_login(world.endorser)
    assert "Đã kiểm tra" in page_of(client, agreement)
    client.force_login(world.requester)
    address = reverse("exchange:agreement-ask-anew", args=[agreement.public_id])
    assert address in page_of(client, agreement)
    client.post(address)
    draft = ExchangeRequest.objects.get(copied_from=agreement.case.request)
    assert "born" in agreement.case.request.field_names
    assert draft.field_names == [name for name in agreement.case.request.field_names if name != "born"]
    assert draft.row_filter == row_filter


def test_a_filter_by_what_is_gone_is_left_out_too(world):
    row_filter = [{"field": "province", "operator": "eq", "values": ["01"]}]
    agreement = agreed(world, field_names=["citizen_id"], row_filter=row_filter)
    drop(world, "province")
    without = source_changes.gone_of(agreement)
    assert requests.copy(request=agreement.case.request, by=world.requester, without=without).row_filter == []


def test_the_consumer_is_told_that_it_goes_on_or_ended(client, world, held):
    holding.review(
        change=SchemaChange.objects.get(), by=world.approver, decision=Review.ACCEPT, note="Khóa cũ thừa", resume=True
    )
    assert told(holding.RESULTS[AgreementStatus.ACTIVE]) == {world.requester, world.endorser}
    held.refresh_from_db()
    assert source_changes.story_of(held) is None


def test_the_page_of_an_ended_agreement_says_that_nothing_is_left_to_ask_for(client, world, held):
    client.force_login(world.approver)
    decide(client, Review.END)
    assert told(holding.RESULTS[AgreementStatus.REVOKED]) == {world.requester, world.endorser}
    held.refresh_from_db()
    story = source_changes.story_of(held)
    assert (story.is_ended, story.may_ask_anew) == (True, False)
    client.force_login(world.requester)
    assert "Đã kiểm tra" in page_of(client, held)


def test_nobody_of_another_agency_asks_anew(client, world, held):
    client.force_login(person(world.consumer.__class__.objects.exclude(pk=world.consumer.pk).first(), Role.REQUESTER))
    address = reverse("exchange:agreement-ask-anew", args=[held.public_id])
    client.post(address)
    assert not ExchangeRequest.objects.filter(copied_from=held.case.request).exists()
