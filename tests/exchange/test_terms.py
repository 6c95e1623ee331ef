"""Which term counts and why; lengthening it; claims that lapse; digests and escalations."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import ConflictKind
from exchange.models import DailyDigest, DeadlineProfile, Escalation
from exchange.refusals import Refusal
from exchange.services import cases, deadlines, desk, digests, escalating, extending, recusals
from exchange.states import RequestStatus
from exchange.terms import DECIDING, DEFAULTS, Ground, Term, Wish, classify
from registry.choices import Mode, Role
from registry.models import Notice
from registry.permissions import DECIDE
from tests import factories
from tests.exchange.desk import as_user, page, refused
from tests.exchange.past import put_due
from tests.factories import DelegationFactory, MembershipFactory, assign, person
from tests.scenarios import hash_of

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
pytestmark = [pytest.mark.django_db, pytest.mark.postgresql, pytest.mark.usefixtures("usual_terms")]


def at(day: date, hour: int = 9):
    return time_machine.travel(datetime(day.year, day.month, day.day, hour, tzinfo=HANOI), tick=False)


def code_of(act, **arguments) -> str:
    with pytest.raises(Refusal) as caught:
        act(**arguments)
    return caught.value.code


# --- which term


@pytest.mark.parametrize(
    ("wish", "term", "grounds"),
    [
        (Wish(Mode.PACKAGE), Term.SIMPLE, []),
        (Wish(Mode.LOOKUP), Term.READY_MADE, [Ground.READY_MADE]),
        (Wish(Mode.LOOKUP, is_sensitive=True), Term.COMPLEX, [Ground.SENSITIVE]),
        (Wish(Mode.PACKAGE, is_sensitive=True), Term.COMPLEX, [Ground.SENSITIVE]),
        (Wish(Mode.PACKAGE, rows=999_999), Term.SIMPLE, []),
        (Wish(Mode.PACKAGE, rows=1_000_000), Term.COMPLEX, [Ground.LARGE]),
        (Wish(Mode.RECURRING), Term.COMPLEX, [Ground.RECURRING]),
        (Wish(Mode.PACKAGE, rows=1_000_000, is_sensitive=True, is_emergency=True), Term.EMERGENCY, [Ground.EMERGENCY]),
        (Wish(Mode.PACKAGE, is_passed_on=True), Term.COMPLEX, [Ground.ONWARD]),
        (Wish(Mode.PACKAGE, conditions=5), Term.COMPLEX, [Ground.MANY_CONDITIONS]),
        (Wish(Mode.RECURRING, is_sensitive=True), Term.VERY_COMPLEX, [Ground.SENSITIVE, Ground.RECURRING]),
    ],
)
def test_a_term_follows_from_what_is_asked(wish, term, grounds):
    assert classify(wish) == (term, grounds)


def test_every_term_has_a_row_and_a_default():
    assert set(DeadlineProfile.objects.values_list("code", flat=True)) == set(Term.values) == set(DEFAULTS)
    DeadlineProfile.objects.all().delete()
    assert {deadlines.working_days_of(term) for term in DECIDING} == {1, 20, 35}


def test_the_case_keeps_its_term_and_says_why(world):
    type(world.policy).objects.update(max_rows=2_000_000)
    case = world.submitted(row_limit=1_500_000).cases.get()
    assert (case.term, case.term_grounds) == (Term.COMPLEX, [Ground.LARGE])
    shown = as_user(world.officer).get(page(case)).content.decode()
    assert str(Term.COMPLEX.label) in shown
    assert str(Ground.LARGE.label) in shown
    assert "Phải đề nghị bổ sung" in shown
    with time_machine.travel(timezone.now() + timedelta(days=14)):
        assert "trả lại để hoàn thiện lúc này là muộn" in as_user(world.officer).get(page(case)).content.decode()


def test_a_year_without_a_calendar_is_told(world):
    request = world.submitted()
    shown = as_user(world.officer).get(page(request.cases.get())).content.decode()
    assert "Chưa có ai nhập ngày nghỉ" in shown


# --- lengthening it


def extend(request, by, working_days=3, reason="Phải hỏi ý kiến"):
    return extending.extend(request=request, by=by, working_days=working_days, reason=reason)


def test_a_term_is_lengthened_once_with_a_reason(world):
    request = world.under_review()
    before = request.cases.get().due_on
    case = extend(request, world.officer)
    assert case.due_on == deadlines.due_on(before, 3)
    assert code_of(extend, request=request, by=world.approver) == "extended-already"
    assert Entry.objects.filter(action="request.extend", outcome="success").count() == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [({"working_days": 0}, "bad-days"), ({"working_days": 6}, "bad-days"), ({"reason": " "}, "reason-needed")],
)
def test_bad_answers(world, change, code):
    request = world.under_review()
    assert code_of(extend, **{"request": request, "by": world.officer, **change}) == code
    assert refused("request.extend").count() == 1


def test_who_does_not_lengthen_it_and_when(world):
    request = world.under_review()
    for by in (world.requester, world.endorser, world.operator):
        assert code_of(extend, request=request, by=by) == "not-your-role"
    assert code_of(extend, request=request, by=person(world.provider, Role.APPROVER)) == "not-assigned"
    put_due(timezone.localdate() - timedelta(days=1))
    assert code_of(extend, request=request, by=world.officer) == "overdue"
    cases.send_back(request=request, by=world.officer, reason="x", revision_hash=hash_of(request))
    assert code_of(extend, request=request, by=world.officer) == "wrong-state"


def authored(world, request):
    """Somebody whose words stand in the request, and who decides for the owner since."""
    MembershipFactory(user=world.requester, agency=world.provider, role=Role.APPROVER)
    return assign(world.requester, world.database, DECIDE)


def conflicted(world, request):
    recusals.declare(request=request, by=world.approver, kind=ConflictKind.FAMILY)
    return world.approver


def from_above(world, request):
    return MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR).user


@pytest.mark.parametrize("part", [authored, conflicted, from_above])
def test_whoever_cannot_handle_it_does_not_lengthen_it_either(world, part):
    request = world.under_review()
    by = part(world, request)
    delegate = person(world.provider, Role.CASE_OFFICER)
    DelegationFactory(agency=world.provider, delegator=by, delegate=delegate)
    for someone in (by, delegate):
        assert code_of(extend, request=request, by=someone) == "rule-1"
        assert not extending.can_extend(request=request, by=someone)
    assert refused("request.extend").count() == 2
    assert extend(request, world.officer).extended_by == world.officer


def test_a_delegate_lengthens_it_in_the_place_of_an_approver(world):
    delegate = person(world.provider, Role.CASE_OFFICER)
    DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    assert extend(world.submitted(), delegate).extended_by == delegate


def test_the_page_lengthens_it_and_the_clerk_reads_so(world, client):
    request = world.under_review()
    case = request.cases.get()
    desk_of_officer = as_user(world.officer)
    assert page(case, "extend") in desk_of_officer.get(page(case)).content.decode()
    assert desk_of_officer.post(page(case, "extend"), {"working_days": 99, "reason": "x"}).status_code == 422
    answer = desk_of_officer.post(page(case, "extend"), {"working_days": 2, "reason": "Hỏi ý kiến"}, follow=True)
    assert "Hỏi ý kiến" in answer.content.decode()
    assert desk_of_officer.post(page(case, "extend"), {"working_days": 2, "reason": "x"}).status_code == 403
    assert refused("request.extend").count() == 2  # too many days, and once more
    client.force_login(world.requester)
    shown = client.get(reverse("exchange:request-detail", args=[request.public_id])).content.decode()
    assert "Thời hạn được kéo dài" in shown
    assert "Hỏi ý kiến" in shown


def test_the_database_lengthens_it_once(world):
    extend(world.under_review(), world.officer)
    for change in ("extended_days = 9", "extension_reason = 'khác'", "extended_at = NULL"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE exchange_reviewcase SET {change}")  # noqa: S608 - written above


# --- claims


def test_votes_keep_a_case_where_it_is(make_world):
    world = make_world(quorum=2)
    world.voted(votes=1)
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        assert cases.lapse_claims() == 0
    with pytest.raises(IntegrityError, match="has decisions"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE exchange_exchangerequest SET status = 'submitted'")


def test_a_claim_lapses_after_its_days_and_not_before(world):
    with at(date(2026, 3, 2)):
        request = world.under_review()
    with at(date(2026, 3, 16)):  # ten working days later
        assert cases.lapse_claims() == 0
    with at(date(2026, 3, 17)):
        assert cases.lapse_claims() == 1
        assert cases.lapse_claims() == 0
    request.refresh_from_db()
    assert (request.status, request.cases.get().claimed_at) == (RequestStatus.SUBMITTED, None)
    assert Entry.objects.get(action="request.lapse_claim").actor == "system"


def test_work_keeps_a_claim_alive(world):
    with at(date(2026, 3, 2)):
        request = world.under_review()
    put_due(date(2026, 6, 1))
    with at(date(2026, 3, 12)):
        extend(request, world.officer)
    with at(date(2026, 3, 18)):
        assert cases.lapse_claims() == 0


def test_the_claim_of_somebody_who_left_is_freed(world):
    request = world.under_review()
    assert cases.lapse_claims() == 0
    world.officer.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    assert cases.lapse_claims() == 1
    request.refresh_from_db()
    assert request.status == RequestStatus.SUBMITTED


def test_whoever_declares_a_conflict_frees_the_case(world):
    request = world.under_review()
    recusals.declare(request=request, by=world.officer, kind="family")
    assert request.status == RequestStatus.SUBMITTED


# --- digests

TUESDAY = date(2026, 3, 3)


def digest_of(person) -> dict | None:
    notice = Notice.objects.filter(recipient=person, kind="exchange.digest").order_by("-pk").first()
    return notice.params if notice else None


@pytest.fixture
def due_soon(world):
    with at(date(2026, 3, 2)):
        request = world.under_review(period_to=date(2027, 1, 1), retention_until=date(2027, 1, 1))
    put_due(date(2026, 3, 4))
    return request


def test_one_digest_a_day_for_each_person(world, due_soon):
    with at(TUESDAY, hour=8):
        digests.send_due()
        digests.send_due()
    assert Notice.objects.filter(kind="exchange.digest", recipient=world.approver).count() == 1
    assert digest_of(world.approver) == {"waiting": 1, "overdue": 0, "soon": 1, "lapsing": 0, "escalated": 0}
    assert digest_of(world.officer)["soon"] == 1
    assert digest_of(world.requester) is None
    with at(TUESDAY + timedelta(days=1), hour=8):
        digests.send_due()
    assert Notice.objects.filter(kind="exchange.digest", recipient=world.approver).count() == 2


@pytest.mark.parametrize(("day", "hour"), [(TUESDAY, 7), (date(2026, 3, 7), 9), (date(2026, 3, 8), 9)])
def test_none_before_the_morning_and_on_days_off(world, due_soon, day, hour):
    with at(day, hour=hour):
        assert digests.send_due() == 0
    assert not DailyDigest.objects.exists()


def test_what_only_waits_is_told_on_mondays(world):
    with at(date(2026, 3, 3)):
        world.proposed(period_to=date(2027, 1, 1), retention_until=date(2027, 1, 1))
        digests.send_due()
    assert digest_of(world.endorser) is None
    with at(date(2026, 3, 9)):
        digests.send_due()
    assert digest_of(world.endorser)["waiting"] == 1


def test_two_workers_at_once_tell_once(world, due_soon, monkeypatch):
    with at(TUESDAY):
        digests.send_due()
        monkeypatch.setattr(digests, "concerned", lambda: {world.approver.pk})
        DailyDigest.objects.all().update(day=TUESDAY)
        assert digests._remind(world.approver, TUESDAY) is False
    assert Notice.objects.filter(kind="exchange.digest", recipient=world.approver).count() == 1


def test_a_draft_about_to_lapse_is_told(world):
    with at(date(2026, 3, 2)):
        world.draft()
    life = deadlines.working_days_of(Term.DRAFT_LIFE)
    with at(deadlines.due_on(date(2026, 3, 2), life - 3)):
        assert digests.counts_for(world.requester)["lapsing"] == 0
    with at(deadlines.due_on(date(2026, 3, 2), life - 1)):
        digests.send_due()
    assert digest_of(world.requester)["lapsing"] == 1


def test_a_return_that_came_late_is_not_about_to_lapse(world):
    """Nobody edited it for long, but it came back yesterday: the time counts from then."""
    with at(date(2026, 3, 2)):
        request = world.under_review(period_to=date(2027, 1, 1), retention_until=date(2027, 1, 1))
    late = deadlines.due_on(date(2026, 3, 2), deadlines.working_days_of(Term.DRAFT_LIFE))
    with at(late):
        cases.send_back(request=request, by=world.officer, reason="x", revision_hash=hash_of(request))
        assert digests.counts_for(world.requester)["lapsing"] == 0


def test_digests_do_not_cost_more_for_more_rows(world, django_assert_max_num_queries):
    for _number in range(8):
        world.under_review()
    with django_assert_max_num_queries(28):
        digests.counts_for(world.approver)


# --- escalation


@pytest.mark.parametrize(
    ("days_over", "steps"), [(0, []), (1, [1]), (2, [1]), (3, [1, 2]), (4, [1, 2]), (5, [1, 2, 3]), (50, [1, 2, 3])]
)
def test_steps_come_one_after_the_other(days_over, steps):
    assert escalating.steps_due(days_over, 2) == steps


def test_a_superior_agency_sees_the_desk_and_not_the_case(world):
    ministry = factories.AgencyFactory()
    factories.put_below(world.provider, ministry)
    above = person(ministry, Role.APPROVER)
    request = world.under_review()
    put_due(timezone.localdate() - timedelta(days=30))
    escalating.escalate_due()
    [section] = desk.for_person(above)
    assert (section.rows[0].code, section.rows[0].url, section.rows[0].about) == (request.code, "", str(world.provider))
    assert as_user(above).get(page(request.cases.get())).status_code == 404


def test_an_agency_with_nobody_above_takes_two_steps_and_is_left_alone(world):
    world.under_review()
    put_due(timezone.localdate() - timedelta(days=30))
    assert escalating.escalate_due() == 1
    assert list(Escalation.objects.values_list("step", flat=True)) == [1, 2]
    assert escalating.escalate_due() == 0
    assert Entry.objects.filter(action="request.escalate").count() == 2


def test_what_is_decided_is_not_escalated(world):
    request = world.under_review()
    put_due(timezone.localdate() - timedelta(days=30))
    world.voted(request)
    assert escalating.escalate_due() == 0


@pytest.mark.parametrize("statement", ["UPDATE exchange_escalation SET step = 3", "DELETE FROM exchange_escalation"])
def test_the_database_keeps_escalations(world, statement):
    world.under_review()
    put_due(timezone.localdate() - timedelta(days=1))
    with at(timezone.localdate() + timedelta(days=4)):
        escalating.escalate_due()
    assert Escalation.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
