"""Asking once while a page is read, and afresh as soon as anything is written or locked."""

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from registry import permissions
from registry.choices import Role
from registry.middleware import RememberingMiddleware
from registry.models import Agency, Membership
from registry.remembering import remembered, remembering
from tests import factories
from tests.factories import person


@remembered
def agencies() -> int:
    return Agency.objects.count()


def test_outside_of_a_page_everything_is_asked_afresh(db, django_assert_num_queries):
    with django_assert_num_queries(2):
        agencies()
        agencies()


def test_on_a_page_the_first_answer_holds(db, django_assert_num_queries):
    here, elsewhere = factories.AgencyFactory(), factories.AgencyFactory()
    someone = person(here, Role.APPROVER)
    with remembering(), django_assert_num_queries(1):
        assert permissions.roles_of(someone) == permissions.roles_of(someone, agency=here) == {Role.APPROVER}
        assert permissions.roles_of(someone, agency=elsewhere) == set()


def test_nothing_is_carried_from_one_page_to_the_next(db):
    with remembering():
        before = agencies()
    factories.AgencyFactory()
    with remembering():
        assert agencies() == before + 1


def test_what_was_written_ends_it(db):
    someone = person(factories.AgencyFactory(), Role.APPROVER)
    with remembering():
        assert permissions.has_role(someone, Role.APPROVER)
        Membership.objects.filter(user=someone).delete()
        assert not permissions.has_role(someone, Role.APPROVER)


def test_a_lock_ends_it_for_the_rest_of_the_page(db, django_assert_num_queries):
    with remembering(), transaction.atomic():
        agencies()
        list(Agency.objects.select_for_update())
        with django_assert_num_queries(2):
            agencies()
            agencies()


def test_what_is_asked_while_something_is_written_is_not_kept(db):
    @remembered
    def written() -> int:
        return factories.AgencyFactory().pk

    with remembering():
        assert written() != written()


def test_rows_are_the_same_by_key_and_unsaved_ones_are_like_no_other(db):
    calls = []

    @remembered
    def name(agency: Agency, *, day=None) -> str:
        calls.append(agency)
        return agency.code

    saved = factories.AgencyFactory()
    with remembering():
        name(saved), name(Agency.objects.get(pk=saved.pk)), name(saved, day=None)
        name(Agency(code="a")), name(Agency(code="b"))
    assert len(calls) == 4


def test_only_pages_that_read_remember(rf, db):
    def ask(request):
        return [agencies(), agencies()]

    for method, queries in (("get", 1), ("head", 1), ("post", 2)):
        with CaptureQueriesContext(connection) as captured:
            RememberingMiddleware(ask)(getattr(rf, method)("/"))
        assert len(captured) == queries
