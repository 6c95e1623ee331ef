"""The page of a delivery: progress, the file, and what a clerk is told when none came."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange.fulfilment import packages
from exchange.models import Delivery
from exchange.services import agreements, deliveries
from registry.choices import FileFormat

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def url(name: str, delivery: Delivery) -> str:
    return reverse(f"exchange:{name}", args=[delivery.public_id])


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def running(delivery: Delivery, *, rows: int, seconds: int, expected: int | None) -> None:
    attempt = deliveries.begin(delivery=delivery, worker="test")
    attempt.started_at = timezone.now() - timedelta(seconds=seconds)
    attempt.save()
    Delivery.objects.filter(pk=delivery.pk).update(rows_done=rows, bytes_done=rows * 50, rows_expected=expected)


def test_a_waiting_delivery_polls_without_a_script_too(client, world):
    delivery = world.ordered()
    client.force_login(world.requester)
    page = client.get(url("delivery-detail", delivery)).text
    assert f'hx-get="{url("delivery-progress", delivery)}"' in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_progress_tells_rows_rate_and_an_honest_rest(client, world):
    delivery = world.ordered()
    running(delivery, rows=1_000, seconds=100, expected=3_700)
    client.force_login(world.requester)
    response = client.get(url("delivery-progress", delivery), headers=HTMX)
    progress = response.context["progress"]
    assert (progress.rate, progress.percent, progress.remaining_minutes) == (10, 27, 5)
    assert "<html" not in response.text


@pytest.mark.parametrize(("rows", "seconds", "expected"), [(0, 10, 100), (50, 1, 100), (50, 10, None), (500, 10, 100)])
def test_what_cannot_be_known_is_not_told(client, world, rows, seconds, expected):
    delivery = world.ordered()
    running(delivery, rows=rows, seconds=seconds, expected=expected)
    client.force_login(world.requester)
    progress = client.get(url("delivery-progress", delivery), headers=HTMX).context["progress"]
    assert progress.remaining is None


def test_a_postponed_delivery_tells_when_it_is_tried_again(client, world):
    delivery = world.ordered()
    attempt = deliveries.begin(delivery=delivery, worker="test")
    deliveries.fail(attempt=attempt, code="unreachable", message="Không kết nối được", temporary=True)
    client.force_login(world.requester)
    page = client.get(url("delivery-detail", delivery))
    assert "Không kết nối được" in page.text
    assert page.context["progress"].next_attempt_at > timezone.now()


def test_the_fragment_reloads_the_page_when_all_is_over(client, world):
    delivery = world.delivered()
    client.force_login(world.requester)
    assert client.get(url("delivery-progress", delivery), headers=HTMX).headers["HX-Refresh"] == "true"
    assert client.get(url("delivery-progress", delivery)).url == url("delivery-detail", delivery)


def test_the_fragment_is_not_replaced_by_the_sign_in_page(client, world):
    assert client.get(url("delivery-progress", world.ordered()), headers=HTMX).status_code == 401


def test_the_file_is_described_and_downloaded_whole(client, world):
    delivery = world.delivered()
    client.force_login(world.requester)
    page = client.get(url("delivery-detail", delivery)).text
    assert delivery.sha256 in page
    assert f"sha256sum {delivery.file_name}" in page
    response = client.post(url("delivery-download", delivery))
    data = body(response)
    assert hashlib.sha256(data).hexdigest() == delivery.sha256
    assert response.headers["Content-Length"] == str(delivery.size) == str(len(data))
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{delivery.file_name}"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response.headers["Cache-Control"]
    assert Entry.objects.filter(action="delivery.download", outcome="success").count() == 1


def test_json_lines_have_their_own_type(client, world):
    delivery = world.delivered(file_format=FileFormat.JSONL)
    client.force_login(world.requester)
    response = client.post(url("delivery-download", delivery))
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert len(body(response).splitlines()) == delivery.rows


def test_the_manifest_belongs_to_the_file(client, world):
    delivery = world.delivered()
    client.force_login(world.requester)
    response = client.post(url("delivery-manifest", delivery))
    assert json.loads(body(response))["file"]["sha256"] == delivery.sha256
    assert response.headers["Content-Type"] == "application/json"


def refused(client, delivery) -> bool:
    response = client.post(url("delivery-download", delivery))
    return response.status_code == 302 and response.url == url("delivery-detail", delivery)


def test_nothing_is_downloaded_that_is_not_allowed(client, world):
    delivery = world.delivered()
    client.force_login(world.endorser)
    assert refused(client, delivery)  # not named
    client.force_login(world.requester)
    packages.data_path(delivery.file_name).unlink()
    assert refused(client, delivery)
    agreements.suspend(agreement=delivery.agreement, by=world.approver, reason="Kiểm tra")
    assert refused(client, delivery)
    assert client.get(url("delivery-detail", delivery)).context["use_refusal"].code == "agreement-not-live"
    assert not Entry.objects.filter(action="delivery.download", outcome="success").exists()


def test_a_delivery_without_data_says_what_to_do(client, world):
    world.source.unlink()
    delivery = world.ordered()
    attempt = deliveries.begin(delivery=delivery, worker="test")
    deliveries.fail(attempt=attempt, code="no-privilege", message="Không được đọc", temporary=False)
    client.force_login(world.requester)
    page = client.get(url("delivery-detail", delivery))
    assert "Không được đọc" in page.text
    assert page.context["advice"]
    assert "delivery-download" not in page.text


def test_cancelling_asks_first_and_only_once(client, world):
    delivery = world.ordered()
    client.force_login(world.requester)
    assert client.get(url("delivery-cancel", delivery)).status_code == 200
    client.post(url("delivery-cancel", delivery))
    delivery.refresh_from_db()
    assert delivery.end_reason == "cancelled"
    response = client.post(url("delivery-cancel", delivery), follow=True)
    assert "error" in [message.level_tag for message in response.context["messages"]]
    assert client.get(url("delivery-cancel", delivery)).url == url("delivery-detail", delivery)
