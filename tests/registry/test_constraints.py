"""What the database itself refuses, one constraint after the other."""

from datetime import date, timedelta

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import CheckConstraint, UniqueConstraint
from django.utils import timezone

from registry.models import Agency, Amendment, Connection, Database, Dataset, SharingPolicy
from tests import factories
from tests.registry import breaches
from tests.registry.test_constraints_of_profiles import BREACHES as OF_PROFILES

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
EARLIER, LATER = date(2026, 1, 1), date(2026, 1, 2)


def _again(factory, **shared):
    factory(**shared)
    factory(**shared)


def _update(thing, **values):
    type(thing)._base_manager.filter(pk=thing.pk).update(**values)


def _own_parent():
    # The trigger would answer first: it refuses every circle, and this is the smallest.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_agency DISABLE TRIGGER registry_agency_no_circle")
        cursor.execute("ALTER TABLE registry_agency DISABLE TRIGGER registry_agency_moves_by_consent")
    agency = factories.AgencyFactory()
    _update(agency, parent=agency)


def _own_delegate():
    user = factories.UserFactory()
    factories.DelegationFactory(delegator=user, delegate=user)


def _same_table():
    database = factories.DatabaseFactory()
    factories.DatasetFactory(database=database, table_name="people", code="one")
    factories.DatasetFactory(database=database, table_name="people", code="two")


def _change(**values):
    before = factories.SchemaSnapshotFactory()
    after = factories.SchemaSnapshotFactory(dataset=before.dataset, version_major=2)
    return factories.SchemaChangeFactory(dataset=before.dataset, from_snapshot=before, to_snapshot=after, **values)


def _reviewed_without_a_reason():
    change = _change()
    reviewer = factories.decider(change.dataset.database)
    _update(change, reviewed_at=timezone.now(), reviewed_by=reviewer, decision="accept")


def _suspended_without_a_day():
    policy = factories.SharingPolicyFactory()
    _update(policy, suspended_by_change=_change())


def _amended(*, days=(EARLIER,), other=True):
    amended = factories.LegalInstrumentFactory()
    amending = factories.LegalInstrumentFactory() if other else amended
    for day in days:
        Amendment.objects.create(amended=amended, amending=amending, effective_from=day)


def _replaced_by_itself():
    instrument = factories.LegalInstrumentFactory()
    _update(instrument, replaced_by=instrument)


def _shared_twice():
    shared = factories.PolicyFieldFactory()
    factories.PolicyFieldFactory(policy=shared.policy, field=shared.field)


# Each line breaks one constraint, and what the line makes is right in everything else.
BREACHES = {
    "registry_agency_not_own_parent": _own_parent,
    "registry_user_language": lambda: factories.UserFactory(language="fr"),
    "registry_membership_role": lambda: factories.MembershipFactory(role="king"),
    "registry_membership_dates": lambda: factories.MembershipFactory(valid_from=LATER, valid_to=EARLIER),
    "registry_membership_once": lambda: _again(
        factories.MembershipFactory, user=factories.UserFactory(), agency=factories.AgencyFactory()
    ),
    "registry_delegation_dates": lambda: factories.DelegationFactory(valid_from=LATER, valid_to=EARLIER),
    "registry_delegation_to_another": _own_delegate,
    "registry_legalinstrument_dates": lambda: factories.LegalInstrumentFactory(
        effective_from=EARLIER, effective_to=EARLIER
    ),
    "registry_database_classification": lambda: factories.DatabaseFactory(classification="secret"),
    "registry_database_lifecycle": lambda: factories.DatabaseFactory(lifecycle="lost"),
    "registry_database_min_quorum": lambda: factories.DatabaseFactory(min_quorum=0),
    "registry_connection_engine": lambda: factories.ConnectionFactory(engine="dbase"),
    "registry_connection_check_paired": lambda: factories.ConnectionFactory(check_ok=True),
    "registry_dataset_no_state_secret": lambda: factories.DatasetFactory(is_state_secret=True),
    "registry_dataset_access_rights": lambda: factories.DatasetFactory(access_rights="FRIENDS"),
    "registry_dataset_once_per_table": _same_table,
    "registry_dataset_themes": lambda: factories.DatasetFactory(themes=["GOVE", "OP_DATPRO"]),
    "registry_dataset_frequency": lambda: factories.DatasetFactory(frequency="often"),
    "registry_dataset_temporal": lambda: factories.DatasetFactory(temporal_from=LATER, temporal_to=EARLIER),
    "registry_field_once_per_dataset": lambda: _again(
        factories.FieldFactory, dataset=factories.DatasetFactory(), name="born"
    ),
    "registry_field_kind": lambda: factories.FieldFactory(kind="picture"),
    "registry_field_personal_data": lambda: factories.FieldFactory(personal_data="some"),
    "registry_field_masking": lambda: factories.FieldFactory(default_masking="blur"),
    "registry_sharingpolicy_dates": lambda: factories.SharingPolicyFactory(valid_from=LATER, valid_to=EARLIER),
    "registry_sharingpolicy_quorum": lambda: factories.SharingPolicyFactory(quorum=0),
    "registry_legalinstrument_kind": lambda: factories.LegalInstrumentFactory(kind="song"),
    "registry_legalinstrument_once": lambda: [
        factories.LegalInstrumentFactory(number=number) for number in ("1/2020/ND-CP", "1/2020/NĐ-CP")
    ],
    "registry_legalinstrument_not_by_itself": _replaced_by_itself,
    "registry_amendment_by_another": lambda: _amended(other=False),
    "registry_amendment_once": lambda: _amended(days=(EARLIER, EARLIER)),
    "registry_sharingpolicy_kinds": lambda: factories.SharingPolicyFactory(recipient_kinds=["club"]),
    "registry_sharingpolicy_limits": lambda: factories.SharingPolicyFactory(lookups_per_day=0),
    "registry_sharingpolicy_reviews_needed": lambda: factories.SharingPolicyFactory(reviews_needed=10),
    "registry_sharingpolicy_standing_unadvised": lambda: factories.SharingPolicyFactory(
        standing=True, reviews_needed=1
    ),
    "registry_sharingpolicy_blind_of_several": lambda: factories.SharingPolicyFactory(blind_review=True),
    "registry_dataset_relation_kind": lambda: factories.DatasetFactory(relation_kind="heap"),
    "registry_schemasnapshot_version": lambda: _again(
        factories.SchemaSnapshotFactory, dataset=factories.DatasetFactory()
    ),
    "registry_schemasnapshot_major": lambda: factories.SchemaSnapshotFactory(version_major=0),
    "registry_schemachange_occasion": lambda: _change(occasion="never"),
    "registry_schemachange_reviewed_paired": _reviewed_without_a_reason,
    "registry_schemachange_breaks_something": lambda: _change(is_breaking=False, columns=["x"]),
    "registry_structurereading_finished": lambda: factories.StructureReadingFactory(state="done"),
    "registry_structurereading_one_open": lambda: _again(
        factories.StructureReadingFactory, connection=factories.ConnectionFactory()
    ),
    "registry_structurewatch_every": lambda: factories.StructureWatchFactory(every_minutes=1),
    "registry_sharingpolicy_suspended_paired": _suspended_without_a_day,
    "registry_sharingpolicy_decided_paired": lambda: factories.SharingPolicyFactory(decided_at=timezone.now()),
    "registry_sharingpolicy_standing_decided": lambda: factories.SharingPolicyFactory(is_standing=True),
    "registry_sharingpolicy_standing_single": lambda: factories.SharingPolicyFactory(standing=True, quorum=2),
    "registry_sharingpolicy_max_rows": lambda: factories.SharingPolicyFactory(max_rows=2**53),
    "registry_sharingpolicy_max_retention_days": lambda: factories.SharingPolicyFactory(max_retention_days=3_651),
    "registry_sharingpolicy_kept_while_used": lambda: factories.SharingPolicyFactory(
        max_days=20, max_retention_days=19
    ),
    "registry_notice_path_is_ours": lambda: factories.NoticeFactory(path="//elsewhere.example"),
    "registry_policyfield_once": _shared_twice,
    "registry_policyfield_masking": lambda: factories.PolicyFieldFactory(masking="blur"),
    **breaches.EVERY,
}


def _constraints():
    return {
        constraint.name
        for model in apps.get_app_config("registry").get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint | UniqueConstraint)
    }


def test_every_constraint_has_a_breach():
    assert {*BREACHES, *OF_PROFILES} == _constraints()


@pytest.mark.parametrize("name", BREACHES)
def test_the_database_refuses(name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        BREACHES[name]()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Agency, "code"),
        (Database, "code"),
        (Dataset, "code"),
        (Connection, "database"),
        (SharingPolicy, "public_id"),
    ],
)
def test_public_names_are_unique(model, name):
    assert model._meta.get_field(name).unique


@pytest.mark.parametrize("quorum", [0, 10])
def test_a_quorum_stays_between_one_and_nine(quorum):
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.SharingPolicyFactory(quorum=quorum)


def test_a_quorum_is_never_lowered():
    policy = factories.SharingPolicyFactory(quorum=2)
    _update(policy, quorum=3)
    with pytest.raises(IntegrityError, match="never lowered"), transaction.atomic():
        _update(policy, quorum=2)


def test_a_policy_meets_the_least_quorum_of_its_database():
    dataset = factories.DatasetFactory(database__min_quorum=2)
    with pytest.raises(IntegrityError, match="at least 2"), transaction.atomic():
        factories.SharingPolicyFactory(dataset=dataset)
    factories.SharingPolicyFactory(dataset=dataset, quorum=2)


def test_a_database_keeps_its_owner_while_policies_speak_for_it():
    policy = factories.SharingPolicyFactory()
    database = policy.dataset.database
    with pytest.raises(IntegrityError, match="sharing policies of its owner"), transaction.atomic():
        _update(database, owner=factories.AgencyFactory())
    _update(policy, valid_to=timezone.localdate() - timedelta(days=2))
    _update(database, owner=factories.AgencyFactory())


def test_the_tree_of_agencies_refuses_a_longer_circle():
    above = factories.AgencyFactory()
    below = factories.AgencyFactory(parent=factories.AgencyFactory(parent=above))
    factories.agreed_move(above, below)
    with pytest.raises(IntegrityError, match="below itself"), transaction.atomic():
        _update(above, parent=below)


def test_a_form_says_why():
    constraint = next(c for c in Dataset._meta.constraints if c.name == "registry_dataset_no_state_secret")
    dataset = factories.DatasetFactory()
    dataset.is_state_secret = True
    with pytest.raises(ValidationError) as raised:
        dataset.full_clean()
    assert str(constraint.violation_error_message) in raised.value.messages


@pytest.mark.parametrize(
    ("make", "owner"),
    [
        (factories.MembershipFactory, "user"),
        (factories.MembershipFactory, "agency"),
        (factories.DatabaseFactory, "owner"),
        (factories.DatabaseFactory, "legal_basis"),
        (factories.ConnectionFactory, "database"),
        (factories.DatasetFactory, "database"),
        (factories.FieldFactory, "dataset"),
        (factories.SharingPolicyFactory, "dataset"),
        (factories.PolicyFieldFactory, "field"),
    ],
)
def test_what_others_depend_on_cannot_be_deleted(make, owner):
    row = make()
    with pytest.raises(IntegrityError):
        getattr(row, owner).delete()
    assert type(row)._base_manager.filter(pk=row.pk).exists()
