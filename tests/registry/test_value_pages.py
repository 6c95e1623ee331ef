"""Pages about values: charts for everybody and for stewards, progress, and suggestions in bulk."""

import re

import pytest
from django.urls import reverse

from registry.choices import Classification, PersonalData, Role, SuggestionState
from registry.models import DatasetProfile, Field, FieldSuggestion
from registry.profiling import run
from registry.services import classification, profiles
from tests import factories
from tests.factories import person
from tests.registry.pages import add, change, details_of, entries, url
from tests.registry.profiled import dataset_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(tmp_path, settings):
    settings.SOURCE_ALLOWED_FOLDERS = [tmp_path.resolve()]
    return dataset_on(tmp_path.resolve() / "people.sqlite3", classification=Classification.INTERNAL)


@pytest.fixture
def profiled(dataset):
    run.profile(profiles.ask(dataset=dataset, by=None).pk)
    return dataset


@pytest.fixture
def steward(dataset):
    return person(dataset.database.owner, Role.APPROVER)


def public_page(client, dataset) -> str:
    return client.get(reverse("registry:dataset-detail", args=[dataset.code])).content.decode()


def chart_of(page: str, name: str) -> str:
    return re.search(rf"<code>{name}</code></td>(.*?)</tr>", page, re.DOTALL)[1]


def test_a_dataset_without_a_profile_has_no_charts(client, dataset):
    assert 'id="values"' not in public_page(client, dataset)


def test_everybody_sees_the_spread_of_what_is_not_personal(client, profiled):
    page = public_page(client, profiled)
    assert "<svg" in chart_of(page, "so_tien")
    assert 'role="img"' in chart_of(page, "so_tien")
    assert "75\u00a0%" in chart_of(page, "ghi_chu")
    for personal in ("ho_ten", "ngay_sinh", "gioi_tinh", "dan_toc"):
        assert 'role="img"' not in chart_of(page, personal)
        assert "Nam" not in chart_of(page, personal)
    assert " style=" not in page


def test_everybody_sees_no_spread_of_restricted_data(client, profiled):
    profiled.database.classification = Classification.RESTRICTED
    profiled.database.save()
    assert 'role="img"' not in chart_of(public_page(client, profiled), "so_tien")


def test_values_are_public_only_where_the_field_is(client, profiled):
    value = DatasetProfile.objects.get().field_profiles.get(field__name="loai").top[0]["value"]
    assert f'<th scope="row">{value}</th>' not in public_page(client, profiled)
    Field.objects.filter(name="loai").update(classification=Classification.PUBLIC)
    assert f'<th scope="row">{value}</th>' in public_page(client, profiled)


def test_a_field_that_became_personal_loses_its_chart(client, profiled):
    Field.objects.filter(name="so_tien").update(personal_data=PersonalData.BASIC)
    assert 'role="img"' not in chart_of(public_page(client, profiled), "so_tien")


def test_the_public_page_takes_the_same_queries_for_many_fields(
    client, profiled, django_assert_num_queries, django_assert_max_num_queries
):
    with django_assert_max_num_queries(30) as first:
        public_page(client, profiled)
    for number in range(20):
        field = factories.FieldFactory(dataset=profiled, name=f"c{number}")
        factories.FieldProfileFactory(profile=DatasetProfile.objects.get(), field=field)
    with django_assert_num_queries(len(first)):
        public_page(client, profiled)


def test_a_steward_asks_watches_and_cancels(client, dataset, steward):
    client.force_login(steward)
    page = url("dataset", "profile", dataset.pk)
    assert client.get(page).status_code == 200
    assert client.post(page, {"start": "1"}).status_code == 302
    profile = DatasetProfile.objects.get()
    assert profile.asked_by == steward
    shown = client.get(page).content.decode()
    assert "<progress" in shown
    assert 'http-equiv="refresh"' in shown
    progress = url("dataset", "profile-progress", dataset.pk)
    assert "HX-Refresh" not in client.get(progress).headers
    client.post(page, {"cancel": "1"})
    assert client.get(progress).headers["HX-Refresh"] == "true"
    profile.refresh_from_db()
    assert profile.state == "cancelled"


def test_the_page_shows_charts_to_a_steward(client, profiled, steward):
    client.force_login(steward)
    page = client.get(url("dataset", "profile", profiled.pk)).content.decode()
    assert 'role="img"' in chart_of(page, "ngay_sinh")
    assert "Nam" in chart_of(page, "gioi_tinh")
    assert 'role="img"' not in chart_of(page, "dan_toc")
    assert " style=" not in page
    assert "onclick" not in page


def test_others_may_look_at_their_own_and_ask_for_nothing(client, dataset, auditor):
    page = url("dataset", "profile", dataset.pk)
    for user in (auditor, person(dataset.database.owner, Role.CASE_OFFICER)):
        client.force_login(user)
        assert 'value="1"' not in client.get(page).content.decode()
        client.post(page, {"start": "1"})
        assert not DatasetProfile.objects.exists()
    client.force_login(person(factories.AgencyFactory(), Role.APPROVER))
    assert client.get(page).status_code == 404
    assert entries("registry.dataset.refuse").count() == 2


# Suggestions


@pytest.fixture
def waiting(dataset):
    dataset.fields.update(personal_data=PersonalData.BASIC)
    classification.suggest(dataset=dataset)
    return dataset


@pytest.mark.parametrize("model", ["dataset", "database"])
def test_a_steward_decides_in_bulk(client, waiting, steward, model):
    client.force_login(steward)
    page = url(model, "suggestions", waiting.pk if model == "dataset" else waiting.database_id)
    shown = client.get(page)
    assert shown.status_code == 200
    ethnic = FieldSuggestion.objects.get(field__name="dan_toc")
    money = FieldSuggestion.objects.get(field__name="ho_ten")
    answer = client.post(page, {"act": "accept", "selected": [ethnic.pk, money.pk]}, follow=True)
    results = {line["name"].split(" · ")[1]: line["ok"] for line in answer.context["results"]}
    assert results == {"dan_toc": False, "ho_ten": True}  # the database is not classified high enough
    assert "results" not in client.get(page).context or client.get(page).context["results"] == []
    money.refresh_from_db()
    assert money.state == SuggestionState.ACCEPTED
    client.post(page, {"act": "reopen", "selected": [money.pk]})
    money.refresh_from_db()
    assert money.state == SuggestionState.OPEN


def test_a_suggestion_of_another_dataset_is_out_of_reach(client, waiting, steward):
    other = factories.FieldSuggestionFactory()
    client.force_login(steward)
    client.post(url("dataset", "suggestions", waiting.pk), {"act": "accept", "selected": [other.pk]})
    other.refresh_from_db()
    assert other.state == SuggestionState.OPEN


def test_suggestions_are_filtered(client, waiting, operator):
    client.force_login(operator)
    page = url("dataset", "suggestions", waiting.pk)
    scores = [one.score for one, _reasons in client.get(page, {"score": "70"}).context["rows"]]
    assert scores
    assert min(scores) >= 70
    assert scores == sorted(scores, reverse=True)
    sensitive = client.get(page, {"category": "sensitive"}).context["rows"]
    assert {one.field.name for one, _reasons in sensitive} == {"dan_toc"}
    assert client.get(page, {"state": "accepted"}).context["rows"] == []


def test_the_list_of_suggestions_takes_the_same_queries_for_many(
    client, operator, django_assert_num_queries, django_assert_max_num_queries
):
    dataset = factories.DatasetFactory()
    client.force_login(operator)
    page = url("dataset", "suggestions", dataset.pk)
    factories.FieldSuggestionFactory.create_batch(2, field__dataset=dataset)
    with django_assert_max_num_queries(25) as first:
        client.get(page)
    factories.FieldSuggestionFactory.create_batch(18, field__dataset=dataset)
    with django_assert_num_queries(len(first)):
        client.get(page)


# Forms of the admin


def test_opening_a_field_below_its_suggestion_by_hand_needs_a_reason(client, waiting, operator):
    client.force_login(operator)
    field = waiting.fields.get(name="dan_toc")
    change(client, "field", field, personal_data="none", default_masking="keep")
    field.refresh_from_db()
    assert field.personal_data == PersonalData.BASIC
    assert details_of("registry.field.refuse") == {"code": "reason-needed"}
    change(client, "field", field, personal_data="none", default_masking="keep", reason="Bảng chỉ có số liệu tổng hợp")
    field.refresh_from_db()
    assert field.personal_data == PersonalData.NONE


@pytest.mark.parametrize(("name", "value"), [("is_state_secret", "on"), ("description", "Độ mật: Tuyệt mật")])
def test_a_state_secret_is_refused_in_words_and_on_record(client, operator, name, value):
    dataset = factories.DatasetFactory()
    client.force_login(operator)
    answer = change(client, "dataset", dataset, **{name: value})
    assert answer.status_code == 200
    dataset.refresh_from_db()
    assert not dataset.is_state_secret
    assert dataset.description == ""
    assert details_of("registry.dataset.refuse") == {"code": "state-secret"}


def test_a_secret_database_is_not_registered(client, operator):
    client.force_login(operator)
    answer = add(
        client,
        "database",
        code="kho",
        name_vi="Kho tài liệu (MẬT)",
        owner=factories.AgencyFactory().pk,
        legal_basis=factories.LegalInstrumentFactory().pk,
        classification="restricted",
        lifecycle="draft",
        min_quorum=1,
    )
    assert answer.status_code == 200
    assert details_of("registry.database.refuse") == {"code": "state-secret"}


def test_a_database_is_not_lowered_below_its_datasets(client, operator, waiting):
    client.force_login(operator)
    Field.objects.update(classification=Classification.PUBLIC)
    Field.objects.filter(name="ho_ten").update(classification=Classification.INTERNAL)
    change(client, "database", waiting.database, classification="public")
    assert details_of("registry.database.refuse") == {"code": "below-dataset"}
