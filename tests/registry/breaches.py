"""Rows that break one constraint each: laws, agencies, places, policies."""

from datetime import date

from django.db import connection
from django.utils import timezone

from registry.choices import Role
from registry.models import AdministrativeUnit, Amendment, LegalInstrument, RegistryChange, SearchSynonym, UnitCode
from tests import factories
from tests.factories import person

EARLIER, LATER = date(2026, 1, 1), date(2026, 1, 2)


def _undone():
    with connection.cursor() as cursor:  # which refuses every row, before the constraint is asked
        cursor.execute("ALTER TABLE registry_registrychange DISABLE TRIGGER registry_registrychange_own_triggers")
    RegistryChange.objects.create(
        changed_at=timezone.now(), transaction=1, table_name="x", row_id=1, operation="undo", values={}
    )


def _replaced_by_itself():
    one = factories.LegalInstrumentFactory()
    LegalInstrument.objects.filter(pk=one.pk).update(replaced_by=one)


def _amended(**changes):
    facts = {"amended": factories.LegalInstrumentFactory(), "amending": factories.LegalInstrumentFactory(), **changes}
    return Amendment.objects.create(effective_from=EARLIER, **facts)


def _amended_twice():
    first = _amended()
    _amended(amended=first.amended, amending=first.amending)


def _amended_by_itself():
    one = factories.LegalInstrumentFactory()
    _amended(amended=one, amending=one)


def _unit(**facts):
    return AdministrativeUnit.objects.create(**{"name_vi": "Tỉnh A", "kind": "province", **facts})


def _became_while_it_lasts():
    _unit(became=_unit())


def _numbered_twice():
    factories.LegalInstrumentFactory(number="1/2020/NĐ-CP")
    factories.LegalInstrumentFactory(number="01/2020/nd-cp")


def _applied_without_consent():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_agencymove DISABLE TRIGGER registry_agencymove_kept")
    _move(giving_by=None, giving_at=None, applied_at=timezone.now())


def _appointed_by_oneself():
    user = factories.UserFactory()
    factories.StewardshipFactory(user=user, appointed_by=user)


def _followed_twice():
    first = factories.SubscriptionFactory()
    factories.SubscriptionFactory(user=first.user, words=first.words)


LAWS = {
    "registry_legalinstrument_kind": lambda: factories.LegalInstrumentFactory(kind="rumour"),
    "registry_legalinstrument_not_by_itself": _replaced_by_itself,
    "registry_legalinstrument_once": _numbered_twice,
    "registry_amendment_by_another": _amended_by_itself,
    "registry_amendment_once": _amended_twice,
}
PLACES = {
    "registry_agencycode_scheme": lambda: factories.AgencyCodeFactory(scheme="nickname"),
    "registry_agencycode_dates": lambda: factories.AgencyCodeFactory(valid_from=LATER, valid_to=EARLIER),
    "registry_agencycontact_purpose": lambda: factories.AgencyContactFactory(purpose="gossip"),
    "registry_agencycontact_dates": lambda: factories.AgencyContactFactory(valid_from=LATER, valid_to=EARLIER),
    "registry_agencycontact_reachable": lambda: factories.AgencyContactFactory(phone="", email=""),
    "registry_administrativeunit_kind": lambda: _unit(kind="kingdom"),
    "registry_administrativeunit_dates": lambda: _unit(valid_from=LATER, valid_to=EARLIER),
    "registry_administrativeunit_ended_before_another": _became_while_it_lasts,
    "registry_unitcode_dates": lambda: UnitCode.objects.create(
        unit=_unit(), code="01", valid_from=LATER, valid_to=EARLIER
    ),
}
POLICIES = {
    "registry_sharingpolicy_kinds": lambda: factories.SharingPolicyFactory(recipient_kinds=["club"]),
    "registry_sharingpolicy_limits": lambda: factories.SharingPolicyFactory(lookups_per_minute=0),
    "registry_sharingpolicy_reviews_needed": lambda: factories.SharingPolicyFactory(reviews_needed=10),
    "registry_sharingpolicy_standing_unadvised": lambda: factories.SharingPolicyFactory(
        standing=True, reviews_needed=1
    ),
    "registry_sharingpolicy_blind_of_several": lambda: factories.SharingPolicyFactory(blind_review=True),
}
SYNONYMS = {
    "registry_searchsynonym_once": lambda: [
        SearchSynonym.objects.create(term=term, meaning="căn cước") for term in ("CCCD", "cccd")
    ],
    "registry_searchsynonym_two": lambda: SearchSynonym.objects.create(term="x", meaning="x"),
}
HISTORY = {"registry_registrychange_operation": _undone}
IMPORTS = {
    "registry_metadataimport_kind": lambda: factories.MetadataImportFactory(kind="poems"),
    "registry_metadataimport_applied_paired": lambda: factories.MetadataImportFactory(applied_at=timezone.now()),
    "registry_metadataimport_applied_by_uploader": lambda: factories.MetadataImportFactory(
        applied_at=timezone.now(), applied_by=factories.UserFactory()
    ),
    "registry_metadataimport_confirmed_with_reason": lambda: factories.MetadataImportFactory(state="queued"),
    "registry_metadataimport_done_at": lambda: factories.MetadataImportFactory(
        state="done", confirmed_at=timezone.now(), reason="x"
    ),
}
STEWARDS = {
    "registry_stewardship_kind": lambda: factories.StewardshipFactory(kind="king"),
    "registry_stewardship_dates": lambda: factories.StewardshipFactory(valid_from=LATER, valid_to=EARLIER),
    "registry_stewardship_of_one": lambda: factories.StewardshipFactory(user=None),
    "registry_stewardship_by_another": _appointed_by_oneself,
}
SUBSCRIPTIONS = {
    "registry_subscription_one_subject": lambda: factories.SubscriptionFactory(agency=factories.AgencyFactory()),
    "registry_subscription_once": _followed_twice,
}


def _move(**changes):
    return factories.agreed_move(factories.AgencyFactory(), factories.AgencyFactory(), **changes)


def _opened_twice():
    first = _move()
    factories.agreed_move(first.agency, factories.AgencyFactory())


def _for_both_sides():
    one = person(factories.AgencyFactory(), Role.OPERATOR)
    _move(giving_by=one, taking_by=one)


MOVES = {
    "registry_agencymove_giving_paired": lambda: _move(giving_at=None),
    "registry_agencymove_taking_paired": lambda: _move(taking_at=None),
    "registry_agencymove_withdrawn_paired": lambda: _move(withdrawn_at=timezone.now()),
    "registry_agencymove_two_people": _for_both_sides,
    "registry_agencymove_applied_with_consent": _applied_without_consent,
    "registry_agencymove_one_open": _opened_twice,
}
EVERY = {**LAWS, **PLACES, **POLICIES, **SYNONYMS, **HISTORY, **IMPORTS, **STEWARDS, **SUBSCRIPTIONS, **MOVES}
