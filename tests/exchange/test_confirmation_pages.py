"""Where signatories confirm that an agreement is needed, and where that is shown."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exchange.choices import Frequency
from exchange.models import Attestation, DailyDigest, DeadlineProfile
from exchange.services import agreements, attesting, desk, digests, leavers, lookups, usage
from exchange.states import AgreementStatus
from exchange.terms import Term
from registry.choices import Mode, Role
from registry.models import Notice
from tests.exchange.desk import as_user, page
from tests.factories import person

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
pytestmark = pytest.mark.postgresql


@pytest.fixture
def agreement(world):
    """To be confirmed once a month, which is within its period."""
    DeadlineProfile.objects.filter(code=Term.CONFIRM_EVERY).update(working_days=20)
    return world.agreed(mode=Mode.LOOKUP)


def on(day, at=time(9)):
    return time_machine.travel(datetime.combine(day, at, tzinfo=HANOI), tick=False)


def address(agreement, name="confirm") -> str:
    return reverse(f"exchange:agreement-{name}", args=[agreement.public_id])


def answered(client, agreement, **changes) -> dict:
    """What the browser would send of the form as it was shown."""
    form = client.get(address(agreement)).context["form"]
    return {"words": form.initial["words"], "is_meant": "on"} | changes


def look_up(agreement, by):
    lookups.look_up(agreement=agreement, by=by, key="001099000001", case_number="HS-1", purpose=agreement.purpose)


def test_signatory_reads_who_uses_it_and_confirms(world, agreement):
    idle = person(world.consumer, Role.REQUESTER, full_name="Người Không Dùng")
    agreements.name_user(agreement=agreement, user=idle, by=world.endorser)
    look_up(agreement, world.requester)
    client = as_user(world.endorser)
    text = client.get(address(agreement)).content.decode()
    assert str(world.requester) in text
    assert "Người Không Dùng" in text
    assert attesting.statement(agreement) in text
    response = client.post(address(agreement), answered(client, agreement), follow=True)
    assert response.redirect_chain[-1][0] == agreement.get_absolute_url()
    attestation = Attestation.objects.get()
    assert (attestation.confirmed_by, attestation.statement) == (world.endorser, attesting.statement(agreement))
    assert f"{attestation.covers_until:%d/%m/%Y}" in response.content.decode()


@pytest.mark.parametrize("changes", [{"is_meant": ""}, {"words": ""}, {"words": "Vâng"}])
def test_nothing_is_confirmed_without_the_tick_or_in_other_words(world, agreement, changes):
    client = as_user(world.endorser)
    assert client.post(address(agreement), answered(client, agreement, **changes)).status_code == 422
    assert not Attestation.objects.exists()


@pytest.mark.parametrize("who", ["requester", "named"])
def test_whoever_may_not_is_told_why_and_led_back(world, agreement, who):
    by = world.requester if who == "requester" else world.second_endorser
    if who == "named":
        agreements.name_user(agreement=agreement, user=by, by=world.endorser)
    response = as_user(by).get(address(agreement), follow=True)
    assert response.redirect_chain[-1][0] == agreement.get_absolute_url()
    assert list(response.context["messages"])


def test_second_press_is_refused_with_its_reason(world, agreement):
    client = as_user(world.endorser)
    answers = answered(client, agreement)
    assert client.post(address(agreement), answers).status_code == 302
    assert client.post(address(agreement), answers).status_code == 403
    assert Attestation.objects.count() == 1


def test_overdue_it_is_said_on_the_page_and_confirming_there_brings_it_back(world, agreement):
    with on(agreement.confirm_by + timedelta(days=1)):
        agreements.follow_dates()
        for by, link in ((world.endorser, True), (world.requester, False)):
            text = as_user(by).get(agreement.get_absolute_url()).content.decode()
            assert f"{agreement.confirm_by:%d/%m/%Y}" in text
            assert (f'href="{address(agreement)}"' in text) == link
        client = as_user(world.endorser)
        client.post(address(agreement), answered(client, agreement))
        agreement.refresh_from_db()
        assert agreement.status == AgreementStatus.ACTIVE
        assert agreement.is_live


def test_day_stands_on_pages_and_list_of_both_sides(world, agreement):
    day = f"{agreement.confirm_by:%d/%m/%Y}"
    for path in (agreement.get_absolute_url(), reverse("exchange:agreement-list")):
        assert day in as_user(world.requester).get(path).content.decode()
    assert day in as_user(world.approver).get(page(agreement)).content.decode()
    attesting.confirm(agreement=agreement, by=world.endorser, words=attesting.statement(agreement))
    assert str(world.endorser) in as_user(world.approver).get(page(agreement)).content.decode()


def test_desk_of_signatories_shows_it_when_it_is_time(world, agreement):
    waiting = lambda by: [one.pk for one in desk.to_confirm(by)]  # noqa: E731
    assert waiting(world.endorser) == []
    agreements.name_user(agreement=agreement, user=world.second_endorser, by=world.endorser)
    with on(agreement.confirm_by - timedelta(days=2)):
        assert waiting(world.endorser) == [agreement.pk]
        assert waiting(world.second_endorser) == waiting(world.requester) == waiting(world.approver) == []
        text = as_user(world.endorser).get(reverse("exchange:desk")).content.decode()
        assert f'href="{address(agreement)}"' in text


def test_digest_counts_it_as_soon_and_as_overdue(world, agreement):
    day = agreement.confirm_by
    while day.weekday() > 3:
        day -= timedelta(days=1)
    with on(day):
        assert world.endorser.pk in digests.concerned()
        told = digests.counts_for(world.endorser)
        assert (told["waiting"], told["soon"], told["overdue"]) == (1, 1, 0)
        digests.send_due()
    assert DailyDigest.objects.get(person=world.endorser).was_told
    assert Notice.objects.filter(recipient=world.endorser, kind=digests.DIGEST.code).count() == 1
    with on(agreement.confirm_by + timedelta(days=1)):
        assert digests.counts_for(world.endorser)["overdue"] == 1


def test_users_who_left_are_shown(world, agreement):
    leaver = person(world.consumer, Role.REQUESTER, full_name="Người Đã Nghỉ")
    agreements.name_user(agreement=agreement, user=leaver, by=world.endorser)
    leaver.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    named = {one.user: one for one in usage.read(agreement).named}
    assert not named[leaver].works
    assert named[world.requester].works
    leavers.take_off_left()
    found = usage.read(agreement)
    assert leaver not in {one.user for one in found.named}
    assert found.taken_off == [leaver]
    assert "Người Đã Nghỉ" in as_user(world.endorser).get(address(agreement)).content.decode()


def test_use_is_counted_since_the_last_confirmation(world, agreement):
    look_up(agreement, world.requester)
    assert usage.read(agreement).lookups == 1
    attesting.confirm(agreement=agreement, by=world.endorser, words=attesting.statement(agreement))
    assert usage.read(agreement).is_none
    look_up(agreement, world.requester)
    assert [(one.user, one.lookups) for one in usage.read(agreement).named] == [(world.requester, 1)]


def test_deliveries_and_who_ordered_them_are_counted(world):
    agreement = world.delivered(frequency=Frequency.ON_DEMAND).agreement
    found = usage.read(agreement)
    assert found.deliveries == 1
    assert [(one.user, one.orders) for one in found.named] == [(world.requester, 1)]


def test_page_asks_as_many_questions_for_20_users_as_for_2(world, agreement):
    client = as_user(world.endorser)
    counts = []
    for more in (1, 18):
        for _number in range(more):
            user = person(world.consumer, Role.REQUESTER)
            agreements.name_user(agreement=agreement, user=user, by=world.endorser)
            look_up(agreement, user)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(agreement)).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 40


def test_more_users_than_are_listed_are_counted(world, agreement, monkeypatch):
    monkeypatch.setattr(usage, "MOST_NAMED", 1)
    agreements.name_user(agreement=agreement, user=person(world.consumer, Role.REQUESTER), by=world.endorser)
    found = usage.read(agreement)
    assert (len(found.named), found.more) == (1, 1)
