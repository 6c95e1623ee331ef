"""Who may ask, how much in which time, who advises: found in one query, bounded in the database, said in words."""

from datetime import timedelta

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from registry import terms
from registry.choices import AgencyKind, Limit, Mode
from registry.models import Agency, SharingPolicy
from registry.services import policies
from tests import factories
from tests.factories import decider
from tests.registry.pages import add, change, url

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.fixture
def dataset():
    dataset = factories.DatasetFactory()
    for _number in range(2):
        decider(dataset.database)
    return dataset


def values(dataset, **more):
    return {
        "dataset": dataset.pk,
        "title": "Tra cứu nhân khẩu",
        "legal_basis": factories.LegalInstrumentFactory().pk,
        "valid_from": "2026-01-01",
        "any_agency": "on",
        "purposes": ["procedure"],
        "modes": ["lookup"],
        **more,
    }


def refuses(policy, **changes):
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        SharingPolicy.objects.filter(pk=policy.pk).update(**changes)


def save_refused(response, field):
    assert response.status_code == 200
    return response.context["adminform"].form.errors[field]


# Recipients


def test_a_policy_is_found_by_each_way_of_naming_its_recipients(dataset, django_assert_num_queries):
    ministry = factories.AgencyFactory(kind=AgencyKind.MINISTRY)
    unit = factories.AgencyFactory(kind=AgencyKind.UNIT, parent=ministry)
    province = factories.AgencyFactory(kind=AgencyKind.PROVINCE)
    named, below, kind = (factories.SharingPolicyFactory(dataset=dataset, any_agency=False) for _number in range(3))
    named.recipients.set([ministry])
    below.recipients.set([ministry, province])
    SharingPolicy.objects.filter(pk=below.pk).update(includes_units=True)
    SharingPolicy.objects.filter(pk=kind.pk).update(recipient_kinds=[AgencyKind.UNIT, AgencyKind.MINISTERIAL])

    def found(agency):
        with django_assert_num_queries(1):
            return set(SharingPolicy.objects.for_recipient(agency))

    assert found(ministry) == {named, below}
    assert found(unit) == {below, kind}
    assert found(province) == {below}
    assert found(factories.AgencyFactory(kind=AgencyKind.GOVERNMENT)) == set()
    assert found(factories.AgencyFactory(kind=AgencyKind.UNIT)) == {kind}


def test_a_policy_names_its_recipients_in_one_way_at_least(client, dataset):
    client.force_login(decider(dataset.database))
    assert save_refused(add(client, "sharingpolicy", **values(dataset, any_agency=None)), "recipients")
    add(client, "sharingpolicy", **values(dataset, any_agency=None, recipient_kinds=["province"]))
    assert SharingPolicy.objects.get().recipient_kinds == [AgencyKind.PROVINCE]


def test_kinds_of_agency_come_from_the_list(dataset):
    refuses(factories.SharingPolicyFactory(dataset=dataset), recipient_kinds=["province", "embassy"])


def test_recipients_are_told_in_words(dataset):
    policy = factories.SharingPolicyFactory(
        dataset=dataset, any_agency=False, recipients=[factories.AgencyFactory(name_vi="Bộ Y tế", name_en="")],
        recipient_kinds=[AgencyKind.PROVINCE], includes_units=True,
    )  # fmt: skip
    assert terms.recipients(policy) == [
        "Mọi cơ quan thuộc loại “Ủy ban nhân dân cấp tỉnh”",
        "Bộ Y tế, kể cả các đơn vị cấp dưới",
    ]
    policy.any_agency = True
    assert len(terms.recipients(policy)) == 1


# Limits


@pytest.mark.parametrize("limit", Limit.values)
def test_limits_are_whole_numbers_from_one(dataset, limit):
    policy = factories.SharingPolicyFactory(dataset=dataset, **{limit: 1})
    refuses(policy, **{limit: 0})
    refuses(policy, **{limit: 2**53})


def test_limits_belong_to_the_ways_of_giving(dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset, rows_per_month=5_000, lookups_per_day=20)
    assert policy.limits_for(Mode.RECURRING) == policy.limits_for(Mode.PACKAGE) == {Limit.ROWS_PER_MONTH: 5_000}
    assert policy.limits_for(Mode.LOOKUP) == {Limit.LOOKUPS_PER_DAY: 20}
    assert len(terms.limits(policy)) == 2
    policy.modes = [Mode.LOOKUP]
    assert len(terms.limits(policy)) == 1


# Advice and blind review


def test_advice_needs_reviewers_who_are_assigned(client, dataset):
    client.force_login(decider(dataset.database))
    wanted = values(dataset, reviews_needed=1)
    assert save_refused(add(client, "sharingpolicy", **wanted), "reviews_needed")
    factories.reviewer(dataset.database)
    assert add(client, "sharingpolicy", **wanted).status_code == 302
    assert SharingPolicy.objects.get().reviews_needed == 1


def test_advice_is_never_lowered_and_blind_review_never_switched_off(client, dataset):
    for _number in range(2):
        factories.reviewer(dataset.database)
    policy = factories.SharingPolicyFactory(dataset=dataset, quorum=2, reviews_needed=2, blind_review=True)
    client.force_login(decider(dataset.database))
    assert save_refused(change(client, "sharingpolicy", policy, reviews_needed=1), "reviews_needed")
    assert save_refused(change(client, "sharingpolicy", policy, blind_review=None), "reviews_needed")
    refuses(policy, reviews_needed=1)
    refuses(policy, blind_review=False)


def test_a_standing_permission_neither_waits_for_advice_nor_is_blind(client, dataset):
    factories.reviewer(dataset.database)
    client.force_login(decider(dataset.database))
    wanted = values(dataset, is_standing="on", reviews_needed=1)
    assert save_refused(add(client, "sharingpolicy", **wanted), "reviews_needed")
    standing = factories.SharingPolicyFactory(dataset=dataset, standing=True)
    refuses(standing, reviews_needed=1)
    refuses(standing, blind_review=True)


def test_blind_review_takes_several(dataset):
    policy = factories.SharingPolicyFactory(dataset=dataset)
    refuses(policy, blind_review=True)
    SharingPolicy.objects.filter(pk=policy.pk).update(quorum=2, blind_review=True)


# The page of the dataset


def test_readers_see_who_may_ask_and_how_much(client, dataset):
    factories.SharingPolicyFactory(
        dataset=dataset, any_agency=False, recipients=Agency.objects.all()[:1], recipient_kinds=[AgencyKind.MINISTRY],
        quorum=2, blind_review=True, deliveries_per_month=3,
    )  # fmt: skip
    page = client.get(reverse("registry:dataset-detail", args=[dataset.code])).content.decode()
    for part in ("Mọi cơ quan thuộc loại “Bộ”", "tối đa 3 gói dữ liệu mỗi tháng", "2 người phê duyệt"):
        assert part in page


# The list


def test_the_list_is_cut_by_what_a_policy_gives_today(client, dataset, operator):
    today = timezone.localdate()
    repealed = factories.LegalInstrumentFactory(effective_to=today)
    made = {
        "in-force": factories.SharingPolicyFactory(dataset=dataset, modes=[Mode.LOOKUP]),
        "later": factories.SharingPolicyFactory(dataset=dataset, valid_from=today + timedelta(days=1)),
        "ended": factories.SharingPolicyFactory(dataset=dataset, lapsed=True),
        "idle": factories.SharingPolicyFactory(dataset=dataset, legal_basis=repealed),
    }
    client.force_login(operator)
    for state, policy in made.items():
        found = client.get(url("sharingpolicy", "changelist"), {"state": state}).context["cl"]
        assert list(found.result_list) == [policy]
        assert policies.state_of(policy) == state
    found = client.get(url("sharingpolicy", "changelist"), {"mode": "lookup", "state": "in-force"}).context["cl"]
    assert list(found.result_list) == [made["in-force"]]


def test_the_list_asks_no_more_for_more_policies(client, dataset, operator):
    client.force_login(operator)
    counts = []
    for more in (2, 18):
        factories.SharingPolicyFactory.create_batch(more, dataset=dataset)
        with CaptureQueriesContext(connection) as queries:
            client.get(url("sharingpolicy", "changelist"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
