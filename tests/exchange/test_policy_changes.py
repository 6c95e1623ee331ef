"""Changing a sharing policy: rehearsed in words, what it stops is counted by the check that refuses, and confirmed."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import Frequency
from exchange.refusals import Refusal
from exchange.services import deliveries, impact
from exchange.states import RequestStatus
from registry.choices import AgencyKind, Masking, Mode, Role
from registry.models import Agency, Notice, PolicyField, SharingPolicy
from registry.services import policies
from tests import factories
from tests.registry.pages import submitted

ON_DEMAND = {"frequency": Frequency.ON_DEMAND}


def address(page, policy):
    return reverse(f"admin:registry_sharingpolicy_{page}", args=[policy.pk])


def form_of(client, policy, **changes):
    return submitted(client.get(address("change", policy)), **changes)


def stopped_by(policy, change):
    before = impact.standing_on(policy)
    change()
    return impact.between(before, impact.standing_on(policy))


def line_of(world, name):
    return PolicyField.objects.filter(policy=world.policy, field__name=name)


# --- what a change stops


CHANGES = {
    "field": lambda world: line_of(world, "born").delete(),
    "masking": lambda world: line_of(world, "born").update(masking=Masking.NULL),
    "recipient": lambda world: SharingPolicy.objects.update(any_agency=False),
    "way": lambda world: SharingPolicy.objects.update(modes=[Mode.LOOKUP]),
    "purpose": lambda world: SharingPolicy.objects.update(purposes=["statistics"]),
    "rows": lambda world: SharingPolicy.objects.update(max_rows=1),
    "limit": lambda world: SharingPolicy.objects.update(deliveries_per_month=1),
    "days": lambda world: SharingPolicy.objects.update(max_days=10),
    "end": lambda world: SharingPolicy.objects.update(valid_to=timezone.localdate() - timedelta(days=1)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_told_to_stop_is_what_the_delivery_is_refused(world, change):
    agreement = world.agreed(**ON_DEMAND)
    narrower = world.agreed(field_names=["citizen_id"], row_limit=1, **ON_DEMAND)
    found = stopped_by(world.policy, lambda: CHANGES[change](world))

    def is_refused(one):
        try:
            deliveries.check_order(one, world.requester)
        except Refusal:
            return True
        return False

    assert is_refused(agreement)
    assert {one.code for one in found.agreements} == {
        one.code for one in (agreement, narrower) if is_refused(one)
    }  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        lambda world: line_of(world, "note").delete(),
        lambda world: SharingPolicy.objects.update(max_rows=6_000_000, deliveries_per_month=None),
        lambda world: SharingPolicy.objects.update(any_agency=False, recipient_kinds=AgencyKind.values),
    ],
)
def test_what_is_still_covered_is_not_told_to_stop(world, change):
    world.agreed(**ON_DEMAND)
    world.under_review()
    assert not stopped_by(world.policy, lambda: change(world)).stops


def test_running_deliveries_and_open_requests_are_counted(world):
    world.ordered(world.agreed(**ON_DEMAND))
    world.agreed(**ON_DEMAND)
    ended = world.suspended(**ON_DEMAND)
    signed, proposed = world.under_review(), world.proposed()
    world.draft()
    found = stopped_by(world.policy, lambda: line_of(world, "born").delete())
    assert (len(found.agreements), found.running) == (3, 1)
    assert ended.code in {one.code for one in found.agreements}
    assert {one.code for one in found.requests} == {signed.code, proposed.code}
    assert found.sentence == "Dừng 3 thỏa thuận, 1 lượt giao đang thực hiện, ảnh hưởng 2 yêu cầu đang mở"


def test_what_was_outside_before_is_not_stopped_again(world):
    world.agreed(**ON_DEMAND)
    line_of(world, "born").delete()
    assert not stopped_by(world.policy, lambda: SharingPolicy.objects.update(max_rows=1)).stops


def test_queries_do_not_grow_with_what_rests_on_it(world, django_assert_num_queries):
    for _number in range(2):
        world.agreed(**ON_DEMAND)
        world.under_review()
    with django_assert_num_queries(6) as few:
        impact.standing_on(world.policy)
    for _number in range(4):
        world.agreed(**ON_DEMAND)
        world.under_review()
    with django_assert_num_queries(len(few)):
        impact.standing_on(world.policy)


@pytest.mark.parametrize("includes_units", [True, False])
def test_named_agencies_are_the_same_seen_from_either_side(world, includes_units):
    SharingPolicy.objects.update(any_agency=False, includes_units=includes_units, recipient_kinds=["province"])
    world.policy.recipients.set([world.ministry])
    factories.AgencyFactory(kind=AgencyKind.PROVINCE)
    world.policy.refresh_from_db()
    named = set(world.policy.named_among(Agency.objects.all()))
    assert named == {one for one in Agency.objects.all() if SharingPolicy.objects.for_recipient(one).exists()}
    assert (world.consumer in named) == (includes_units or world.consumer.kind == AgencyKind.PROVINCE)


# --- the page before saving


def test_preview_says_what_the_form_would_do_and_saves_nothing(world, client):
    world.agreed(**ON_DEMAND)
    client.force_login(world.approver)
    entries = Entry.objects.count()
    response = client.post(address("change", world.policy), form_of(client, world.policy, max_rows=1, _preview="yes"))
    page = response.content.decode()
    assert response.status_code == 200
    for part in ("Dừng 1 thỏa thuận", "097091001234", "*******678", "1 bản ghi trong một gói dữ liệu"):
        assert part in page
    world.policy.refresh_from_db()
    assert world.policy.max_rows == 5_000_000
    assert Entry.objects.count() == entries


def test_going_on_editing_shows_the_form_as_it_was_sent(world, client):
    client.force_login(world.approver)
    response = client.post(address("change", world.policy), form_of(client, world.policy, max_rows=7, _edit="yes"))
    assert response.context["adminform"].form["max_rows"].value() == "7"
    assert not response.context["errors"]
    world.policy.refresh_from_db()
    assert world.policy.max_rows == 5_000_000


def test_saving_what_stops_something_is_confirmed_with_a_reason_and_told(world, client):
    agreement = world.agreed(**ON_DEMAND)
    request = world.under_review()
    client.force_login(world.approver)
    sent = form_of(client, world.policy, max_rows=1)
    response = client.post(address("change", world.policy), sent)
    assert response.status_code == 409
    token = response.context["rehearsal"].impact.token
    assert client.post(address("change", world.policy), sent | {"confirmed": token}).status_code == 409  # no reason
    world.policy.refresh_from_db()
    assert world.policy.max_rows == 5_000_000

    another = world.agreed(**ON_DEMAND)  # what it stops is not what was read: it is shown again
    said = {"confirmed": token, "stop_reason": "Giảm khối lượng"}
    assert client.post(address("change", world.policy), sent | said).status_code == 409
    said["confirmed"] = client.post(address("change", world.policy), sent).context["rehearsal"].impact.token
    assert client.post(address("change", world.policy), sent | said).status_code == 302
    world.policy.refresh_from_db()
    assert world.policy.max_rows == 1
    entry = Entry.objects.get(action="registry.sharingpolicy.stop")
    details = json.loads(entry.details)
    assert details["agreements"] == sorted([agreement.code, another.code])
    assert details["requests"] == [request.code]
    assert "Giảm" not in entry.details
    told = Notice.objects.filter(kind="policy-stops-agreement", recipient=world.endorser)
    assert told.count() == 2
    assert Notice.objects.filter(kind="policy-affects-request", recipient=world.requester).count() == 1


def test_saving_what_stops_nothing_asks_nothing(world, client):
    world.agreed(**ON_DEMAND)
    client.force_login(world.approver)
    sent = form_of(client, world.policy, max_rows=6_000_000)
    assert client.post(address("change", world.policy), sent).status_code == 302
    assert not Notice.objects.filter(kind="policy-stops-agreement").exists()


def test_preview_of_a_new_policy(world, client):
    client.force_login(world.approver)
    add = reverse("admin:registry_sharingpolicy_add")
    sent = submitted(
        client.get(add), dataset=world.dataset.pk, title="Mới", legal_basis=world.basis.pk, valid_from="2026-01-01",
        any_agency="on", purposes=["procedure"], modes=["lookup"], _preview="yes",
    )  # fmt: skip
    response = client.post(add, sent)
    assert response.status_code == 200
    assert "Chưa chia sẻ trường nào" in response.content.decode()
    assert SharingPolicy.objects.count() == 1


# --- ending and copying


def test_a_policy_is_ended_early_with_a_reason(world, client):
    world.agreed(**ON_DEMAND)
    client.force_login(world.approver)
    page = client.get(address("end", world.policy))
    token = page.context["rehearsal"].impact.token
    sent = {"last_day": (timezone.localdate() - timedelta(days=1)).isoformat(), "stop_reason": "Hết nhu cầu"}
    assert client.post(address("end", world.policy), sent).status_code == 409
    assert client.post(address("end", world.policy), sent | {"confirmed": token}).status_code == 302
    world.policy.refresh_from_db()
    assert world.policy.valid_to == timezone.localdate() - timedelta(days=1)
    assert Entry.objects.filter(action="registry.sharingpolicy.end-early").count() == 1
    assert Notice.objects.filter(kind="policy-stops-agreement").exists()


def test_a_policy_ends_neither_in_the_past_nor_later_than_it_says(world, client):
    client.force_login(world.approver)
    today = timezone.localdate()
    SharingPolicy.objects.update(valid_to=today + timedelta(days=5))
    for day in (today - timedelta(days=2), today + timedelta(days=5), today + timedelta(days=9)):
        response = client.post(address("end", world.policy), {"last_day": day.isoformat(), "stop_reason": "x"})
        assert response.context["form"].errors["last_day"]


def test_a_copy_begins_later_and_is_no_standing_permission(make_world, client):
    world = make_world(standing=True)
    client.force_login(world.approver)
    response = client.post(address("copy", world.policy))
    copy = SharingPolicy.objects.exclude(pk=world.policy.pk).get()
    assert response.url == address("change", copy)
    assert (copy.is_standing, copy.decided_by, copy.quorum) == (False, None, 1)
    assert copy.valid_from > timezone.localdate()
    assert policies.offered_fields(copy) == policies.offered_fields(world.policy)
    assert json.loads(Entry.objects.get(action="registry.sharingpolicy.copy").details) == {
        "copied_from": str(world.policy.public_id)
    }


@pytest.mark.parametrize("page", ["end", "copy"])
@pytest.mark.parametrize("who", ["officer", "operator", "superuser", "unassigned"])
def test_only_who_may_change_a_policy_ends_or_copies_it(world, client, page, who):
    user = {
        "officer": world.officer,
        "operator": world.operator,
        "superuser": factories.UserFactory(superuser=True),
        "unassigned": factories.person(world.provider, Role.APPROVER),
    }[who]
    client.force_login(user)
    sent = {"last_day": timezone.localdate().isoformat(), "stop_reason": "x"}
    assert client.post(address(page, world.policy), sent).status_code in (403, 404)
    world.policy.refresh_from_db()
    assert world.policy.valid_to is None
    assert SharingPolicy.objects.count() == 1


def test_what_rests_on_a_policy_is_shown_to_the_owner_only(world, client):
    agreement = world.agreed(**ON_DEMAND)
    client.force_login(world.approver)
    assert agreement.code in client.get(address("preview", world.policy)).content.decode()
    other = factories.decider(factories.DatabaseFactory())
    client.force_login(other)
    assert client.get(address("preview", world.policy)).status_code == 404
    assert agreement.case.request.status == RequestStatus.APPROVED


def test_the_preview_asks_no_more_for_more_fields(world, client):
    client.force_login(world.approver)
    counts = []
    for more in (2, 18):
        for _number in range(more):
            factories.PolicyFieldFactory(policy=world.policy)
            factories.FieldFactory(dataset=world.dataset)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address("preview", world.policy)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_preview_speaks_the_readers_language_and_warns(make_world, client, settings):
    world = make_world(standing=True)
    client.force_login(world.approver)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    page = client.get(address("preview", world.policy)).content.decode()
    for part in (
        "Any state agency",
        "1991-05-17 becomes 1991",
        "Personal data is offered to every state agency.",
        "Personal data is granted without anybody looking at the single request.",
        "kept for 730 days from the first day of use",
    ):
        assert part in page
    line_of(world, "born").update(masking=Masking.KEEP)
    page = client.get(address("preview", world.policy)).content.decode()
    assert "whoever has another list with them" in page
