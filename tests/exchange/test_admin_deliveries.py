"""Deliveries in the admin: what moves, and what went wrong; never the data."""

from exchange.models import Delivery
from exchange.services import deliveries
from registry.choices import Role
from tests.exchange.desk import as_user, changelist, page, questions, rows
from tests.factories import person


def test_operator_sees_what_is_under_way(world):
    waiting, done = world.ordered(), world.delivered()
    client = as_user(world.operator)
    assert rows(client, "delivery") == [waiting]
    assert rows(client, "delivery", state="completed") == [done]
    assert set(rows(client, "delivery", state="all")) == {waiting, done}


def test_running_delivery_shows_its_progress(world):
    delivery = world.ordered()
    attempt = deliveries.begin(delivery=delivery, worker="test")
    deliveries.report(attempt=attempt, rows=1_500, size=9)
    Delivery.objects.filter(pk=delivery.pk).update(rows_expected=3_000)
    text = as_user(world.operator).get(changelist("delivery")).content.decode()
    assert 'value="50"' in text
    assert "1.500" in text or "1,500" in text


def test_page_shows_attempts_with_their_errors(world):
    delivery = world.ordered()
    attempt = deliveries.begin(delivery=delivery, worker="worker-7")
    deliveries.fail(attempt=attempt, code="unreachable", message="no answer", temporary=True)
    text = as_user(world.operator).get(page(delivery)).content.decode()
    for words in ("worker-7", "unreachable", "no answer"):
        assert words in text


def test_page_shows_no_data_and_no_way_to_it(world):
    delivery = world.delivered()
    text = as_user(world.operator).get(page(delivery)).content.decode()
    assert delivery.sha256 in text
    assert delivery.file_name not in text
    assert "0010990000" not in text


def test_list_asks_as_many_questions_for_20_rows_as_for_2(world):
    client = as_user(person(world.provider, Role.AUDITOR))
    for _number in range(2):
        world.ordered()
    two = questions(client, "delivery")
    for _number in range(18):
        world.ordered()
    assert len(rows(client, "delivery")) == 20
    assert questions(client, "delivery") == two
    assert two <= 20
