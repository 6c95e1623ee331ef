"""Suggestions about fields: made by rules, decided by stewards, and what follows for protection and levels."""

import pytest
from django.db import IntegrityError, transaction

from registry.choices import (
    Classification,
    FieldKind,
    Masking,
    PersonalData,
    Role,
    StewardKind,
    SuggestionState,
    WorkState,
)
from registry.classifying import rules
from registry.models import Database, FieldSuggestion
from registry.services import classification, protection
from tests import factories
from tests.factories import person
from tests.registry.pages import details_of, entries, refused

pytestmark = pytest.mark.django_db

NONE, BASIC, SENSITIVE = PersonalData.NONE, PersonalData.BASIC, PersonalData.SENSITIVE
REASON = "Đã kiểm tra với đơn vị quản lý dữ liệu"


@pytest.fixture
def dataset():
    return factories.DatasetFactory(table_name="cong_dan")


@pytest.fixture
def steward(dataset):
    return person(dataset.database.owner, Role.APPROVER)


def unknown(dataset, name, **values):
    """A field as reading a structure leaves it."""
    return factories.FieldFactory(dataset=dataset, name=name, basic=True, **values)


def suggested(dataset) -> dict[str, FieldSuggestion]:
    classification.suggest(dataset=dataset)
    return {one.field.name: one for one in FieldSuggestion.objects.open().select_related("field")}


def test_suggestions_say_what_fields_seem_to_hold(dataset):
    for name in ("dan_toc", "dien_tich", "ho_ten", "ghi_chu"):
        unknown(dataset, name)
    found = suggested(dataset)
    assert {name: one.personal_data for name, one in found.items()} == {
        "dan_toc": SENSITIVE,
        "dien_tich": NONE,
        "ho_ten": BASIC,  # it has no level of its own yet
    }
    assert found["dan_toc"].masking == Masking.NULL
    assert found["dan_toc"].classification == Classification.RESTRICTED


def test_making_them_again_changes_nothing(dataset):
    unknown(dataset, "dan_toc")
    assert classification.suggest(dataset=dataset) == 1
    assert classification.suggest(dataset=dataset) == 0
    assert classification.suggest(database=dataset.database) == 0


def test_what_a_profile_saw_counts(dataset):
    field = unknown(dataset, "c17")
    assert suggested(dataset) == {}
    factories.FieldProfileFactory(field=field, profile__dataset=dataset, patterns={"religion": 96})
    assert suggested(dataset)["c17"].personal_data == SENSITIVE


def test_accepting_protects_the_field(dataset, steward):
    field = unknown(dataset, "dan_toc")
    one = classification.accept(suggestion=suggested(dataset)["dan_toc"], by=steward)
    field.refresh_from_db()
    assert (field.personal_data, field.classification) == (SENSITIVE, Classification.RESTRICTED)
    assert (one.state, one.decided_by) == (SuggestionState.ACCEPTED, steward)
    assert details_of("registry.suggestion.accept")["field"] == "dan_toc"
    assert details_of("registry.field.protect")["values"]["personal_data"] == {
        "old": "basic",
        "new": "sensitive",
    }
    with refused("decided"):
        classification.accept(suggestion=one, by=steward)


def test_only_stewards_decide(dataset, operator):
    unknown(dataset, "dan_toc")
    one = suggested(dataset)["dan_toc"]
    for user in (person(dataset.database.owner, Role.CASE_OFFICER), person(factories.AgencyFactory(), Role.APPROVER)):
        for service in (classification.accept, classification.refuse):
            with refused("not-steward"):
                service(suggestion=one, by=user)
    classification.accept(suggestion=one, by=operator)


def test_a_manager_decides_about_what_they_look_after(dataset):
    manager = person(dataset.database.owner, Role.CASE_OFFICER)
    other = factories.DatasetFactory(database=dataset.database)
    factories.StewardshipFactory(database=dataset.database, dataset=dataset, user=manager, kind=StewardKind.MANAGER)
    for one in (dataset, other):
        unknown(one, "dien_tich")
    classification.accept(suggestion=suggested(dataset)["dien_tich"], by=manager)
    classification.suggest(dataset=other)
    with refused("not-steward"):
        classification.accept(suggestion=FieldSuggestion.objects.get(field__dataset=other), by=manager)


def test_leaving_a_field_more_open_than_suggested_needs_a_reason(dataset, steward):
    unknown(dataset, "dan_toc")
    one = suggested(dataset)["dan_toc"]
    with refused("reason-needed"):
        classification.refuse(suggestion=one, by=steward, reason="không")
    assert classification.refuse(suggestion=one, by=steward, reason=REASON).remark == REASON
    assert details_of("registry.suggestion.decline")["reason"] == REASON


def test_keeping_a_field_closed_needs_none(dataset, steward):
    unknown(dataset, "dien_tich")
    classification.refuse(suggestion=suggested(dataset)["dien_tich"], by=steward)


def test_what_was_refused_stays_away_until_rules_or_field_change(dataset, steward, monkeypatch):
    field = unknown(dataset, "dan_toc")
    classification.refuse(suggestion=suggested(dataset)["dan_toc"], by=steward, reason=REASON)
    assert suggested(dataset) == {}
    field.title_vi = "Dân tộc của công dân"
    field.save()
    again = suggested(dataset)["dan_toc"]
    classification.refuse(suggestion=again, by=steward, reason=REASON)
    assert suggested(dataset) == {}
    monkeypatch.setattr(rules, "VERSION", "next")
    assert "dan_toc" in suggested(dataset)


def test_what_no_longer_holds_is_outdated(dataset):
    field = unknown(dataset, "c17", title_vi="Dân tộc")
    one = suggested(dataset)["c17"]
    field.title_vi = "Nội dung khác"
    field.save()
    assert suggested(dataset) == {}
    one.refresh_from_db()
    assert one.state == SuggestionState.OUTDATED


def test_nothing_is_suggested_against_a_person_who_closed_a_field(dataset):
    factories.FieldFactory(dataset=dataset, name="dien_tich", sensitive=True)
    assert suggested(dataset) == {}


def test_reopening_gives_the_field_back_what_it_was(dataset, steward):
    field = unknown(dataset, "dien_tich")
    one = classification.accept(suggestion=suggested(dataset)["dien_tich"], by=steward)
    one = classification.reopen(suggestion=one, by=steward)
    field.refresh_from_db()
    assert (field.personal_data, field.default_masking, field.classification) == (BASIC, Masking.NULL, "")
    assert (one.state, one.decided_by) == (SuggestionState.OPEN, None)
    assert entries("registry.suggestion.reopen").count() == 1


def test_reopening_does_not_undo_what_somebody_changed_since(dataset, steward):
    field = unknown(dataset, "dien_tich")
    one = classification.accept(suggestion=suggested(dataset)["dien_tich"], by=steward)
    protection.protect(
        field=field, personal_data=BASIC, masking=Masking.NULL, classification=Classification.RESTRICTED, by=steward
    )
    with refused("changed-meanwhile"):
        classification.reopen(suggestion=one, by=steward)


def test_each_of_many_has_its_own_result(dataset, steward):
    Database.objects.update(classification=Classification.INTERNAL)  # holds no field yet
    for name in ("dan_toc", "dien_tich"):
        unknown(dataset, name)
    found = suggested(dataset).values()
    results = classification.decide_all(suggestions=found, act="accept", by=steward)
    assert {one.field.name: refusal and refusal.code for one, refusal in results} == {
        "dan_toc": "above-database",  # the published dataset would be above its database
        "dien_tich": None,
    }
    assert details_of("registry.fieldsuggestion.refuse") == {"code": "above-database"}


# Protection by hand


def test_protecting_less_than_suggested_needs_a_reason(dataset, steward):
    field = unknown(dataset, "dan_toc")
    suggested(dataset)
    open_values = {"personal_data": NONE, "masking": Masking.KEEP, "classification": Classification.INTERNAL}
    with refused("reason-needed"):
        protection.protect(field=field, by=steward, **open_values)
    protection.protect(field=field, by=steward, reason=REASON, **open_values)
    assert details_of("registry.field.protect")["reason"] == REASON


OPEN = {"personal_data": NONE, "masking": Masking.KEEP, "classification": Classification.INTERNAL}


@pytest.mark.parametrize("opened", [OPEN, {**OPEN, "personal_data": SENSITIVE}, {**OPEN, "masking": Masking.NULL}])
def test_the_centre_alone_does_not_open_sensitive_data(dataset, operator, opened):
    field = factories.FieldFactory(dataset=dataset, name="x", sensitive=True, default_masking=Masking.NULL)
    with refused("owner-opens"):
        protection.protect(field=field, by=operator, reason=REASON, **opened)
    field.refresh_from_db()
    assert field.personal_data == SENSITIVE


def test_the_owner_opens_sensitive_data_with_a_reason(dataset, steward):
    field = factories.FieldFactory(dataset=dataset, name="x", sensitive=True, default_masking=Masking.NULL)
    with refused("reason-needed"):
        protection.protect(field=field, by=steward, **OPEN)
    protection.protect(field=field, by=steward, reason=REASON, **OPEN)
    assert details_of("registry.field.protect")["reason"] == REASON


def test_the_centre_does_not_take_back_that_data_is_sensitive(dataset, steward, operator):
    unknown(dataset, "dan_toc")
    one = classification.accept(suggestion=suggested(dataset)["dan_toc"], by=operator)
    with refused("owner-opens"):
        classification.reopen(suggestion=one, by=operator)
    classification.reopen(suggestion=one, by=steward)


def test_a_masking_has_to_fit(dataset, steward):
    field = unknown(dataset, "dien_tich", kind=FieldKind.NUMBER)
    with refused("masking"):
        protection.protect(field=field, personal_data=NONE, masking=Masking.YEAR, classification="", by=steward)


# Levels and secrets


def test_a_database_is_not_lowered_below_its_datasets(dataset):
    unknown(dataset, "dan_toc", classification=Classification.RESTRICTED)
    with refused("below-dataset"):
        protection.check_database_level(database=dataset.database, classification=Classification.INTERNAL)
    protection.check_database_level(database=dataset.database, classification=Classification.RESTRICTED)


def test_a_database_is_not_lowered_while_fields_take_their_level_from_it(dataset):
    database = dataset.database
    field = unknown(dataset, "noi_dung", classification="")
    with refused("fields-inherit"):
        protection.check_database_level(database=database, classification=Classification.PUBLIC)
    with pytest.raises(IntegrityError), transaction.atomic():
        Database.objects.filter(pk=database.pk).update(classification=Classification.PUBLIC)
    field.classification = Classification.PUBLIC
    field.save()
    protection.check_database_level(database=database, classification=Classification.PUBLIC)
    Database.objects.filter(pk=database.pk).update(classification=Classification.PUBLIC)


@pytest.mark.parametrize(
    ("where", "attribute", "value"),
    [
        ("dataset", "description", "Độ mật: Tối mật"),
        ("dataset", "keywords", ["hồ sơ", "tuyệt mật"]),
        ("dataset", "table_name", "ho_so_toi_mat"),
        ("field", "description", "Độ mật: Tối mật"),
        ("field", "name", "noi_dung_toi_mat"),
    ],
)
def test_what_says_it_is_secret_is_not_published(dataset, where, attribute, value):
    field = unknown(dataset, "noi_dung")
    protection.check_publishable(dataset=dataset)
    thing = {"dataset": dataset, "field": field}[where]
    setattr(thing, attribute, value)
    thing.save()
    with refused("state-secret"):
        protection.check_publishable(dataset=dataset)


def test_policies_that_share_more_openly_than_the_level_are_warned_about(dataset):
    field = unknown(dataset, "dan_toc", classification=Classification.RESTRICTED)
    policy = factories.SharingPolicyFactory(dataset=dataset)
    line = factories.PolicyFieldFactory(policy=policy, field=field, masking=Masking.NULL)
    assert protection.warnings_of(policy) == []
    line.masking = Masking.KEEP
    line.save()
    assert len(protection.warnings_of(policy)) == 1
    dataset.access_rights = "PUBLIC"
    assert len(protection.warnings_of(policy)) == 2


def test_a_failed_profile_does_not_count(dataset):
    field = unknown(dataset, "c17")
    figures = factories.FieldProfileFactory(field=field, profile__dataset=dataset, patterns={"religion": 96})
    figures.profile.state = WorkState.FAILED
    figures.profile.save()
    assert suggested(dataset) == {}
