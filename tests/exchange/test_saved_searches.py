"""Searches that people keep: of known parameters only, their own only, fifty at most."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exchange.admin.cases import ReviewCaseAdmin
from exchange.choices import SearchPage
from exchange.forms.filters import AgreementFilterForm, RequestFilterForm
from exchange.forms.paper import PaperFilterForm
from exchange.models import SavedSearch
from exchange.refusals import Incomplete, Refusal
from exchange.services import saved_searches
from registry.choices import Role
from tests.exchange.desk import as_user, changelist, told
from tests.factories import AgencyFactory, UserFactory, person

pytestmark = pytest.mark.django_db
SAVE = "exchange:search-save"


@pytest.fixture
def clerk():
    return person(AgencyFactory(), Role.REQUESTER)


def saved(user, name="Nháp", page=SearchPage.REQUESTS, **asked) -> SavedSearch:
    return saved_searches.save(user=user, page=page, name=name, asked=asked or {"status": "draft"})


def test_a_search_keeps_what_the_list_knows_and_nothing_else(clerk):
    kept = saved(clerk, q="đất & nhà", status="draft", page_size="9", csrfmiddlewaretoken="x", o="1")
    assert QueryDict(kept.query).dict() == {"q": "đất & nhà", "status": "draft"}
    response = as_user(clerk).get(kept.get_absolute_url())
    assert response.context["form"].cleaned_data == {"q": "đất & nhà", "status": "draft"}


WRONG = [
    (SearchPage.REQUESTS, {"status": "active"}),
    (SearchPage.REQUESTS, {"q": "x" * 101}),
    (SearchPage.REQUESTS, {"q": "a\0b"}),
    (SearchPage.REQUESTS, {"q": "\ud800"}),
    (SearchPage.AGREEMENTS, {"status": "draft"}),
    (SearchPage.LETTERS, {"since": "01/02/2026"}),
    (SearchPage.LETTERS, {"reason": "because"}),
    (SearchPage.QUEUE, {"officer": "everybody"}),
    (SearchPage.QUEUE, {"request__urgency__exact": "slow"}),
]


@pytest.mark.parametrize(("page", "asked"), WRONG)
def test_a_value_that_the_list_cannot_have_is_refused(clerk, page, asked):
    with pytest.raises(Refusal):
        saved(clerk, page=page, **asked)
    assert not SavedSearch.objects.exists()


@pytest.mark.parametrize("asked", [{"unknown": "x"}, {"q": ""}, {"p": "2"}])
def test_a_list_that_is_not_narrowed_is_not_kept(clerk, asked):
    with pytest.raises(Refusal) as caught:
        saved(clerk, **asked)
    assert caught.value.code == "nothing-narrowed"


def test_known_parameters_are_those_of_the_lists():
    known = {page: set(names) for page, names in saved_searches.PARAMETERS.items()}
    assert known[SearchPage.REQUESTS] == set(RequestFilterForm().fields)
    assert known[SearchPage.AGREEMENTS] == set(AgreementFilterForm().fields)
    assert known[SearchPage.LETTERS] == set(PaperFilterForm().fields)
    own = {"q"} | {getattr(one, "parameter_name", f"{one}__exact") for one in ReviewCaseAdmin.list_filter}
    assert known[SearchPage.QUEUE] == own


def test_every_choice_of_the_queue_can_be_kept(world):
    client = as_user(world.officer)
    specs = client.get(changelist("reviewcase")).context["cl"].filter_specs
    offered = {
        spec.parameter_name: {str(value) for value, _label in spec.lookup_choices}
        for spec in specs
        if hasattr(spec, "parameter_name")
    }
    for name, values in offered.items():
        for value in values:
            assert saved_searches.query_of(SearchPage.QUEUE, {name: value})


def test_a_name_is_given_once_in_a_list(clerk):
    saved(clerk)
    with pytest.raises(Incomplete):
        saved(clerk, status="returned")
    saved(clerk, page=SearchPage.AGREEMENTS, status="active")
    saved(person(AgencyFactory(), Role.REQUESTER))
    assert SavedSearch.objects.count() == 3


def test_fifty_are_kept_and_no_more(clerk):
    for number in range(saved_searches.MOST_EACH):
        saved(clerk, name=str(number))
    with pytest.raises(Refusal) as caught:
        saved(clerk, name="x")
    assert caught.value.code == "too-many"
    with pytest.raises(IntegrityError, match="50 searches at most"), transaction.atomic():
        SavedSearch.objects.create(user=clerk, page=SearchPage.QUEUE, name="y", query="q=1")
    saved(UserFactory())


@pytest.mark.parametrize("changes", [{"page": "nowhere"}, {"name": ""}, {"query": ""}])
def test_constraints(clerk, changes):
    row = SavedSearch(**{"user": clerk, "page": SearchPage.REQUESTS, "name": "x", "query": "q=1", **changes})
    with pytest.raises(IntegrityError, match="exchange_savedsearch_"), transaction.atomic():
        row.save()


# Pages


def test_a_list_offers_to_keep_what_narrows_it_and_shows_what_is_kept(clerk):
    client = as_user(clerk)
    address = reverse("exchange:request-list")
    assert reverse(SAVE) not in client.get(address).text
    page = client.get(address, {"status": "draft"})
    assert reverse(SAVE) in page.text
    data = {"page": "requests", "query": page.context["search_query"], "name": "Nháp của tôi"}
    response = client.post(reverse(SAVE), data)
    kept = SavedSearch.objects.get()
    assert response.url == kept.get_absolute_url() == f"{address}?status=draft"
    for query in ({}, {"status": "returned"}):
        assert f'href="{kept.get_absolute_url()}"' in client.get(address, query).text
    assert kept.name not in as_user(person(AgencyFactory(), Role.REQUESTER)).get(address).text


def test_the_queue_keeps_searches_too(world):
    client = as_user(world.officer)
    page = client.get(changelist("reviewcase"), {"officer": "me", "p": "1"})
    client.post(reverse(SAVE), {"page": "queue", "query": page.context["search_query"], "name": "Của tôi"})
    kept = SavedSearch.objects.get()
    assert kept.get_absolute_url() == f"{changelist('reviewcase')}?officer=me"
    assert "Của tôi" in client.get(changelist("reviewcase")).text


@pytest.mark.parametrize(
    "data",
    [
        {"page": "requests", "query": "status=draft", "name": ""},
        {"page": "requests", "query": "status=draft", "name": "x" * 81},
        {"page": "requests", "query": "status=nonsense", "name": "x"},
        {"page": "requests", "query": "", "name": "x"},
        {"page": "nowhere", "query": "status=draft", "name": "x"},
        {},
    ],
)
def test_what_cannot_be_kept_is_told_on_the_list(clerk, data):
    response = as_user(clerk).post(reverse(SAVE), data)
    assert response.status_code == 302
    assert response.url.startswith(reverse("exchange:request-list"))
    assert told(as_user(clerk).post(reverse(SAVE), data, follow=True))
    assert not SavedSearch.objects.exists()


def test_only_the_own_ones_are_deleted(clerk):
    kept = saved(clerk)
    address = reverse("exchange:search-delete", args=[kept.public_id])
    assert as_user(person(AgencyFactory(), Role.REQUESTER)).post(address).status_code == 404
    assert SavedSearch.objects.exists()
    assert as_user(clerk).get(address).url == reverse("exchange:request-list")
    assert SavedSearch.objects.exists()
    as_user(clerk).post(address)
    assert not SavedSearch.objects.exists()


def test_the_list_asks_as_many_questions_for_20_searches_as_for_2(clerk):
    client = as_user(clerk)

    def questions() -> int:
        client.get(reverse("exchange:request-list"))
        with CaptureQueriesContext(connection) as captured:
            client.get(reverse("exchange:request-list"))
        return len(captured)

    for number in range(2):
        saved(clerk, name=str(number))
    two = questions()
    for number in range(2, 20):
        saved(clerk, name=str(number))
    assert questions() == two
