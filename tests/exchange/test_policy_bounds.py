"""What a sharing policy binds: who may give a standing permission, what rows may be chosen by, how long data is kept."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from exchange import agreement_rules
from exchange.choices import ConsentBasis, EndReason
from exchange.fulfilment import run
from exchange.models import Agreement
from exchange.offers import offer_to
from exchange.refusals import Incomplete, Refusal
from exchange.services import deadlines, deliveries, scopes
from exchange.states import DeliveryStatus, RequestStatus
from registry.choices import AccessRights, Masking, Mode, PersonalData, Role
from registry.models import Agency, Database, Dataset, Field, LegalInstrument, PolicyField, SharingPolicy
from registry.permissions import DECIDE
from registry.services import access
from tests.factories import AgencyFactory, MembershipFactory
from tests.scenarios import agreement_of

BY_PROVINCE = [{"field": "province", "operator": "eq", "values": ["01"]}]


def refusal_of(act) -> Refusal:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value


# Standing permissions


def _lose_role(world):
    world.approver.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))


def _lose_duty(world):
    access.withdraw(permission=DECIDE, on=world.database, to=world.approver, by=None)


def _lose_account(world):
    world.approver.is_active = False
    world.approver.save()


def _change_owner(world):
    SharingPolicy.objects.update(valid_to=timezone.localdate() - timedelta(days=2))
    world.database.owner = AgencyFactory()
    world.database.save()
    SharingPolicy.objects.update(valid_to=None)


def _join_consumer(world):
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)


@pytest.mark.parametrize("change", [_lose_role, _lose_duty, _lose_account, _change_owner, _join_consumer])
def test_standing_permission_rests_on_whoever_decides_today(make_world, change):
    world = make_world(standing=True)
    request = world.proposed()
    change(world)
    assert world.submitted(request).status == RequestStatus.SUBMITTED
    assert not Agreement.objects.exists()


def test_standing_permission_under_a_law_that_ended_grants_nothing(make_world):
    world = make_world(standing=True)
    request = world.proposed()
    LegalInstrument.objects.filter(pk=world.policy.legal_basis_id).update(effective_to=timezone.localdate())
    with pytest.raises(Incomplete):
        world.submitted(request)


def test_policy_below_the_least_quorum_offers_nothing(world):
    Database.objects.update(min_quorum=2)
    assert refusal_of(world.proposed).code == "no-policy"


# Row filters


@pytest.mark.parametrize("mode", [Mode.PACKAGE, Mode.LOOKUP])
@pytest.mark.parametrize("masking", [m for m in Masking if m != Masking.KEEP])
def test_masked_field_is_no_filter(world, mode, masking):
    PolicyField.objects.filter(field__name="citizen_id").update(masking=masking)
    request = world.draft(mode=mode, row_filter=[{"field": "citizen_id", "operator": "eq", "values": ["001099000001"]}])
    assert refusal_of(lambda: world.proposed(request)).code == "filter-not-offered"
    assert [field.name for field in offer_to(world.consumer, world.dataset).filterable] == ["province"]


def test_field_that_is_not_selected_may_be_filtered_by(world):
    delivery = world.delivered(field_names=["full_name"], row_filter=BY_PROVINCE)
    assert delivery.status == DeliveryStatus.COMPLETED


def test_row_filters_are_bounded(world):
    def propose(*conditions):
        world.proposed(row_filter=[{"field": "province", "operator": "in", "values": values} for values in conditions])

    many = [str(number) for number in range(scopes.MOST_VALUES)]
    propose(many)
    propose(*[["01"]] * scopes.MOST_FILTERS)
    propose(["x" * scopes.LONGEST_VALUE])
    assert refusal_of(lambda: propose([*many, "x"])).code == "filter-too-long"
    assert refusal_of(lambda: propose(["x" * (scopes.LONGEST_VALUE + 1)])).code == "filter-too-long"
    assert refusal_of(lambda: propose(*[["01"]] * (scopes.MOST_FILTERS + 1))).code == "too-many-filters"


@pytest.mark.parametrize("change", [{"is_filterable": False}, {"masking": Masking.PSEUDONYM}])
def test_filter_that_was_withdrawn_stops_the_delivery(world, change):
    delivery = world.ordered(row_filter=BY_PROVINCE)
    PolicyField.objects.filter(field__name="province").update(**change)
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.CHANGED)


def test_field_that_is_filtered_by_counts_as_asked_for(world):
    Field.objects.filter(name="province").update(personal_data=PersonalData.SENSITIVE)
    plain, filtered = world.draft(field_names=["note"]), world.draft(field_names=["note"], row_filter=BY_PROVINCE)
    assert deadlines.due_date_for(plain) < deadlines.due_date_for(filtered)
    for request in (plain, filtered):
        request.consent_basis = ConsentBasis.NOT_PERSONAL
        request.save()
    world.proposed(plain)
    refusal = refusal_of(lambda: world.proposed(filtered))
    assert set(refusal.fields) == {"consent_basis"}


# Retention


def test_data_is_kept_no_longer_than_the_policy_lets(make_world):
    world = make_world(standing=True, max_retention_days=400)
    today = timezone.localdate()
    longer = world.draft(retention_until=today + timedelta(days=401))
    assert refusal_of(lambda: world.proposed(longer)).code == "outside-policy"
    request = world.submitted(retention_until=today + timedelta(days=400))
    assert agreement_of(request).retention_until == today + timedelta(days=400)


def test_period_at_the_end_of_all_days_is_refused_and_breaks_nothing(world):
    last = {"period_from": date.max, "period_to": date.max, "retention_until": date.max}
    request = world.draft(**last)
    world.policy.valid_to = timezone.localdate()
    world.policy.save()
    assert refusal_of(lambda: world.proposed(request)).code == "outside-policy"


# Again when data moves


NO_LONGER = {
    "dataset-not-shared": lambda world: Dataset.objects.update(access_rights=AccessRights.NON_PUBLIC),
    "law-ended": lambda world: LegalInstrument.objects.filter(pk=world.policy.legal_basis_id).update(
        effective_to=date(2021, 1, 1)
    ),
    "agency-closed": lambda world: Agency.objects.filter(pk=world.consumer.pk).update(is_active=False),
}


@pytest.mark.parametrize("code", NO_LONGER)
def test_what_is_no_longer_shared_is_not_delivered(world, code):
    agreement = world.agreed()
    delivery = world.ordered(agreement)
    NO_LONGER[code](world)
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.end_reason) == (DeliveryStatus.TERMINATED, EndReason.CHANGED)
    fresh = Agreement.objects.get(pk=agreement.pk)
    assert refusal_of(lambda: deliveries.order(agreement=fresh, by=world.requester)).code == code


def test_agreement_of_a_former_owner_gives_nothing(world):
    agreement = world.agreed()
    agreement.dataset.database.owner = AgencyFactory()  # the database itself refuses this while agreements live
    assert refusal_of(lambda: agreement_rules.check_still_shared(agreement)).code == "owner-changed"


def test_description_that_was_withdrawn_stops_no_delivery(world):
    delivery = world.ordered()
    Dataset.objects.update(is_published=False)
    run.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.status == DeliveryStatus.COMPLETED
