"""Comments: who writes, who reads, what is told, and that nothing is rewritten; in services, pages and the database."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import Audience, ConflictKind
from exchange.models import Comment
from exchange.refusals import Refusal
from exchange.services import cases, comments, recusals, requests
from exchange.states import Side
from registry.choices import Role
from registry.models import Notice, User
from tests import factories
from tests.exchange.desk import as_user, page, refused, rows
from tests.factories import person
from tests.scenarios import hash_of

pytestmark = pytest.mark.postgresql


def by_owner(request, by, **changes):
    return comments.write(**{"request": request, "by": by, "side": Side.PROVIDER, "text": "Trong nhà", **changes})


def by_clerk(request, by, **changes):
    return comments.write(**{"request": request, "by": by, "side": Side.CONSUMER, "text": "Của chúng tôi", **changes})


def code_of(act, *args, **arguments) -> str:
    with pytest.raises(Refusal) as caught:
        act(*args, **arguments)
    return caught.value.code


def read_by(user) -> set[str]:
    return set(Comment.objects.readable_by(user).values_list("text", flat=True))


def request_page(request) -> str:
    return reverse("exchange:request-detail", args=[request.public_id])


@pytest.fixture
def talked(world):
    """A case about which everybody has said something to everybody."""
    request = world.under_review()
    by_owner(request, world.officer, text="P nội bộ")
    by_owner(request, world.officer, text="P gửi ra", audience=Audience.BOTH)
    by_clerk(request, world.requester, text="C nội bộ")
    by_clerk(request, world.requester, text="C gửi sang", audience=Audience.BOTH)
    return request


# --- who reads


def test_each_side_reads_its_own_and_what_is_for_both(world, talked):
    for member in (world.officer, world.approver, factories.reviewer(world.database)):
        assert read_by(member) == {"P nội bộ", "P gửi ra", "C gửi sang"}
    for member in (world.requester, world.endorser):
        assert read_by(member) == {"C nội bộ", "C gửi sang", "P gửi ra"}


def test_auditors_read_all_and_nobody_else_reads_any(world, talked):
    assert len(read_by(person(world.stranger, Role.AUDITOR))) == 4
    outsiders = [
        person(world.stranger, Role.APPROVER),
        person(world.stranger, Role.REQUESTER),
        person(world.ministry, Role.REQUESTER),
        person(world.provider, Role.REQUESTER),
        world.operator,
        factories.UserFactory(superuser=True),
    ]
    assert [read_by(one) for one in outsiders] == [set()] * len(outsiders)
    assert not Comment.objects.readable_by(None).exists()


def test_a_delegate_of_the_desk_reads_and_writes(world, talked):
    delegate = person(world.provider, Role.REQUESTER, is_staff=True)
    assert not read_by(delegate)
    factories.DelegationFactory(agency=world.provider, delegator=world.approver, delegate=delegate)
    assert read_by(delegate) == {"P nội bộ", "P gửi ra", "C gửi sang"}
    assert by_owner(talked, delegate).agency == world.provider


# --- who writes, and when


def test_internal_is_what_a_comment_is_unless_told(world):
    assert by_owner(world.under_review(), world.officer).audience == Audience.INTERNAL


@pytest.mark.parametrize("who", ["requester", "endorser", "operator"])
def test_nobody_else_writes_for_the_owner(world, who):
    request = world.under_review()
    assert code_of(by_owner, request, getattr(world, who)) == "not-your-role"
    assert refused("request.comment").count() == 1


def test_nobody_else_writes_for_the_asking_agency(world):
    request = world.under_review()
    for one in (world.officer, world.approver, world.operator, person(world.ministry, Role.REQUESTER)):
        assert code_of(by_clerk, request, one) == "not-your-role"


@pytest.mark.parametrize("place", ["consumer", "ministry"])
def test_whoever_belongs_to_the_asking_side_does_not_write_for_the_owner(world, place):
    request = world.under_review()
    by_owner(request, world.officer)
    factories.MembershipFactory(user=world.officer, agency=getattr(world, place), role=Role.AUDITOR)
    for audience in Audience:
        assert code_of(by_owner, request, world.officer, audience=audience) == "rule-1"
    assert refused("request.comment").count() == 2
    assert by_owner(request, world.approver).made_by == world.approver


def test_whoever_declared_a_conflict_or_filed_it_does_not_write_for_the_owner(world):
    request = world.under_review()
    recusals.declare(request=request, by=world.approver, kind=ConflictKind.FAMILY)
    assert code_of(by_owner, request, world.approver) == "rule-1"
    factories.MembershipFactory(user=world.requester, agency=world.provider, role=Role.REVIEWER)
    assert code_of(by_owner, request, world.requester) == "rule-1"


def test_a_draft_is_the_asking_agencys_own(world):
    draft = world.draft()
    assert by_clerk(draft, world.requester).case is None
    assert code_of(by_clerk, draft, world.requester, audience=Audience.BOTH) == "not-with-owner"
    assert code_of(by_owner, draft, world.officer) == "not-your-role"  # no case of theirs yet
    submitted = world.submitted()
    assert by_clerk(submitted, world.endorser, audience=Audience.BOTH).case.provider == world.provider


def test_the_owner_is_silent_while_a_returned_request_is_a_draft_again(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    assert by_owner(request, world.officer, audience=Audience.BOTH)
    requests.propose(request=request, by=world.requester)
    requests.send_back(request=request, by=world.endorser, reason="Sửa")
    assert code_of(by_owner, request, world.officer) == "not-with-owner"
    assert code_of(by_clerk, request, world.requester, audience=Audience.BOTH) == "not-with-owner"
    assert by_clerk(request, world.requester)


def test_nothing_is_said_after_the_end(world):
    request = world.voted()
    assert code_of(by_owner, request, world.officer) == "wrong-state"
    assert code_of(by_clerk, request, world.requester) == "wrong-state"


@pytest.mark.parametrize(
    ("text", "code"),
    [("  \n ", "comment-empty"), ("x" * 4_001, "comment-too-long"), ("a\0b", "bad-text")],
)
def test_text_has_limits(world, text, code):
    assert code_of(by_owner, world.under_review(), world.officer, text=text) == code
    assert not Comment.objects.exists()


# --- evidence and notices


def test_the_ledger_knows_that_and_by_whom_and_a_digest_of_what(world):
    comment = by_owner(world.under_review(), world.officer, text="Nguyễn Văn A sinh năm 1980")
    entry = Entry.objects.get(action="request.comment")
    details = json.loads(entry.details)
    assert (details["comment"], details["side"], details["audience"]) == (
        str(comment.public_id),
        "provider",
        "internal",
    )
    assert "Nguyễn" not in entry.details
    assert entry.agency == world.provider.code


def told(user: User) -> list[str]:
    return [notice.kind for notice in Notice.objects.filter(recipient=user, kind__startswith="comment-")]


def test_those_concerned_are_told_and_never_what_was_said(world):
    request = world.under_review()
    by_owner(request, world.approver, text="Bí mật nội bộ")
    assert told(world.officer) == ["comment-by-colleague"]
    assert told(world.approver) == told(world.requester) == told(world.endorser) == []
    by_owner(request, world.officer, text="Gửi ra", audience=Audience.BOTH)
    assert told(world.requester) == told(world.endorser) == ["comment-by-other-agency"]
    assert told(world.approver) == ["comment-by-colleague"]
    by_clerk(request, world.requester, text="Trả lời", audience=Audience.BOTH)
    assert sorted(told(world.officer)) == ["comment-by-colleague", "comment-by-other-agency"]
    assert not [one for one in Notice.objects.all() if "Bí mật" in json.dumps(one.params, ensure_ascii=False)]


def test_officers_are_told_while_nobody_has_the_case_and_who_left_is_not(world):
    request = world.submitted()
    world.endorser.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    by_clerk(request, world.requester, audience=Audience.BOTH)
    assert told(world.officer) == ["comment-by-other-agency"]
    assert told(world.endorser) == []


def test_a_notice_leads_to_the_page_of_its_reader(world, talked):
    (notice,) = Notice.objects.filter(recipient=world.requester, kind__startswith="comment-")
    assert as_user(world.requester).get(notice.path).status_code == 200
    (notice,) = Notice.objects.filter(recipient=world.officer, kind__startswith="comment-")
    assert as_user(world.officer).get(notice.path).status_code == 200


def test_the_desk_talks_apart_from_who_asks_and_who_declared_a_conflict(world):
    request = world.under_review()
    both = person(world.provider, Role.REVIEWER)
    factories.MembershipFactory(user=both, agency=world.consumer, role=Role.REQUESTER)
    above = person(world.provider, Role.CASE_OFFICER)
    factories.MembershipFactory(user=above, agency=world.ministry, role=Role.APPROVER)
    by_owner(request, world.approvers[2], text="Hỏi thêm")
    recusals.declare(request=request, by=world.approvers[2], kind=ConflictKind.FAMILY)
    comment = by_owner(request, world.officer, text="Bí mật nội bộ")
    for user in (both, above, world.approvers[2]):
        assert comment not in Comment.objects.readable_by(user)
        assert "comment-by-colleague" not in told(user)
    assert comment in Comment.objects.readable_by(world.approver)


def test_the_timelines_do_not_tell_that_the_other_side_talks(world, talked):
    shown = as_user(world.officer).get(page(talked.cases.get())).context["page"].timeline
    assert [line["actor"] for line in shown if "ý kiến trao đổi" in line["title"]] == [
        f"{world.officer} · {world.provider.code}"
    ] * 2
    events = as_user(world.requester).get(request_page(talked)).context["events"]
    assert not [event for event in events if "ý kiến trao đổi" in str(event.title)]


# --- taking back


def test_the_author_takes_it_back_at_once_and_the_row_stays(world):
    request = world.under_review()
    comment = by_owner(request, world.officer, text="Nhầm hồ sơ", audience=Audience.BOTH)
    assert code_of(comments.retract, comment=comment, by=world.approver) == "not-your-comment"
    comments.retract(comment=comment, by=world.officer)
    assert code_of(comments.retract, comment=comment, by=world.officer) == "taken-back"
    for reader, address in ((world.officer, page(request.cases.get())), (world.requester, request_page(request))):
        shown = as_user(reader).get(address).content.decode()
        assert "Nhầm hồ sơ" not in shown
        assert "Tác giả đã rút lại" in shown
    assert Entry.objects.filter(action="request.retract_comment").count() == 3
    assert refused("request.retract_comment").count() == 2


def test_later_nobody_does(world):
    comment = by_owner(world.under_review(), world.officer)
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=5)):
        assert code_of(comments.retract, comment=comment, by=world.officer) == "too-late"


def test_what_was_taken_back_is_read_by_auditors_alone(world):
    comment = by_owner(world.under_review(), world.officer, text="Nhầm hồ sơ")
    comments.retract(comment=comment, by=world.officer)
    auditor = person(world.stranger, Role.AUDITOR, is_staff=True)
    assert "Nhầm hồ sơ" in as_user(auditor).get(page(comment)).content.decode()
    assert "Nhầm hồ sơ" not in as_user(world.officer).get(page(comment)).content.decode()


# --- pages


def test_the_desk_writes_internally_unless_it_ticks_the_box(world):
    request = world.under_review()
    case = request.cases.get()
    client = as_user(world.officer)
    assert page(case, "comment") in client.get(page(case)).content.decode()
    form = client.get(page(case, "comment"))
    assert str(request.consumer) in form.content.decode()
    assert "biểu quyết" not in form.content.decode()
    assert client.post(page(case, "comment"), {"text": ""}).status_code == 422
    client.post(page(case, "comment"), {"text": "Hỏi đồng nghiệp"})
    answer = client.post(page(case, "comment"), {"text": "<b>Hỏi cơ quan</b>", "is_public": "on"}, follow=True)
    assert "&lt;b&gt;Hỏi cơ quan" in answer.content.decode()
    assert dict(Comment.objects.values_list("text", "audience")) == {
        "Hỏi đồng nghiệp": "internal",
        "<b>Hỏi cơ quan</b>": "both",
    }
    shown = as_user(world.requester).get(request_page(request)).content.decode()
    assert "&lt;b&gt;Hỏi cơ quan" in shown
    assert "Hỏi đồng nghiệp" not in shown
    assert str(world.officer) not in shown


def test_blind_review_warns_whoever_writes(make_world):
    world = make_world(quorum=2, blind_review=True)
    case = world.under_review().cases.get()
    assert "biểu quyết" in as_user(world.approver).get(page(case, "comment")).content.decode()


def test_the_asking_agency_writes_internally_unless_it_ticks_the_box(world):
    request = world.under_review()
    client = as_user(world.requester)
    address = reverse("exchange:comment-create", args=[request.public_id])
    assert address in client.get(request_page(request)).content.decode()
    assert client.get(address).status_code == 200
    assert client.post(address, {"text": " "}).status_code == 422
    client.post(address, {"text": "Với nhau"})
    client.post(address, {"text": "Gửi chủ quản", "to_owner": "on"})
    shown = as_user(world.officer).get(page(request.cases.get())).content.decode()
    assert "Gửi chủ quản" in shown
    assert "Với nhau" not in shown


def test_a_draft_offers_no_way_to_the_owner(world):
    draft = world.draft()
    client = as_user(world.requester)
    address = reverse("exchange:comment-create", args=[draft.public_id])
    assert "to_owner" not in client.get(address).context["form"].fields
    client.post(address, {"text": "Nháp", "to_owner": "on"})
    assert Comment.objects.get().audience == Audience.INTERNAL


def test_what_was_typed_stays_when_the_request_is_closed_meanwhile(world):
    request = world.under_review()
    client = as_user(world.officer)
    requests.withdraw(request=request, by=world.requester)
    answer = client.post(page(request.cases.get(), "comment"), {"text": "Đã viết xong"})
    assert answer.status_code == 409
    assert "Đã viết xong" in answer.content.decode()
    assert client.get(page(request.cases.get(), "comment")).status_code == 302
    assert as_user(world.requester).get(reverse("exchange:comment-create", args=[request.public_id])).status_code == 302


def test_buttons_take_back(world):
    request = world.under_review()
    case = request.cases.get()
    comment = by_owner(request, world.officer)
    address = reverse("admin:exchange_reviewcase_retract", args=[case.pk, comment.public_id])
    assert as_user(world.officer).get(address).status_code == 405
    assert address in as_user(world.officer).get(page(case)).content.decode()
    assert address not in as_user(world.approver).get(page(case)).content.decode()
    as_user(world.officer).post(address)
    own = by_clerk(request, world.requester)
    as_user(world.requester).post(reverse("exchange:comment-retract", args=[request.public_id, own.public_id]))
    assert not Comment.objects.filter(retracted_at=None).exists()


def test_other_agencies_find_nothing(world, talked):
    case = talked.cases.get()
    internal = Comment.objects.get(text="P nội bộ")
    for stranger in (person(world.stranger, Role.APPROVER), person(world.stranger, Role.CASE_OFFICER)):
        assert as_user(stranger).get(page(case, "comment")).status_code == 404
    clerk = as_user(person(world.stranger, Role.REQUESTER))
    assert clerk.get(reverse("exchange:comment-create", args=[talked.public_id])).status_code == 404
    # a comment that the reader may not read does not exist for the reader
    address = reverse("exchange:comment-retract", args=[talked.public_id, internal.public_id])
    assert as_user(world.requester).post(address).status_code == 404
    clerks = Comment.objects.get(text="C nội bộ")
    address = reverse("admin:exchange_reviewcase_retract", args=[case.pk, clerks.public_id])
    assert as_user(world.officer).post(address).status_code == 404


def test_the_list_in_the_admin_holds_what_may_be_read(world, talked):
    assert {one.text for one in rows(as_user(world.officer), "comment")} == {"P nội bộ", "P gửi ra", "C gửi sang"}
    auditor = person(world.stranger, Role.AUDITOR, is_staff=True)
    assert len(rows(as_user(auditor), "comment")) == 4
    assert not rows(as_user(factories.UserFactory(superuser=True, is_staff=True)), "comment")


def test_the_latest_comes_first_in_pages_of_ten(world):
    request = world.under_review()
    for number in range(12):
        by_owner(request, world.officer, text=f"Số {number:02}", audience=Audience.BOTH)
    for reader, address in ((world.officer, page(request.cases.get())), (world.requester, request_page(request))):
        client = as_user(reader)
        first = client.get(address).context["talk"]
        assert [line.comment.text for line in first.lines][:2] == ["Số 11", "Số 10"]
        assert len(first.lines) == 10
        later = client.get(address, {"comments": "2"})
        assert [line.comment.text for line in later.context["talk"].lines] == ["Số 01", "Số 00"]
        assert client.get(address, {"comments": "x"}).status_code == 200


def test_pages_ask_as_much_about_two_as_about_twenty(world):
    request = world.under_review()
    addresses = ((world.officer, page(request.cases.get())), (world.requester, request_page(request)))

    def questions() -> list[int]:
        counts = []
        for reader, address in addresses:
            client = as_user(reader)
            client.get(address)
            with CaptureQueriesContext(connection) as captured:
                client.get(address)
            counts.append(len(captured))
        return counts

    colleagues = [world.officer, *world.approvers]
    for number in range(2):
        by_owner(request, colleagues[number], audience=Audience.BOTH)
    few = questions()
    for number in range(18):
        by_owner(request, colleagues[number % len(colleagues)], audience=Audience.BOTH)
    assert questions() == few


# --- the database


COPY = (
    "INSERT INTO exchange_comment (public_id, request_id, case_id, side, audience, text, made_at, made_by_id, agency_id)"
    " SELECT gen_random_uuid(), request_id, {case}, {side}, {audience}, {text}, now(), {author}, {agency}"
    " FROM exchange_comment WHERE side = 'provider'"
)


def copied(**changes) -> str:
    own = {
        "case": "case_id",
        "side": "side",
        "audience": "audience",
        "text": "text",
        "author": "made_by_id",
        "agency": "agency_id",
    }
    return COPY.format(**{**own, **changes})


def run(statement: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount


def test_the_database_takes_what_the_services_would(world):
    by_owner(world.under_review(), world.officer)
    assert run(copied()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE exchange_comment SET text = 'khác'",
        "UPDATE exchange_comment SET audience = 'both'",
        "UPDATE exchange_comment SET side = 'consumer'",
        "UPDATE exchange_comment SET made_by_id = {approver}",
        "DELETE FROM exchange_comment",
        "TRUNCATE exchange_comment CASCADE",
        copied(text="''"),
        copied(text="repeat('x', 4001)"),
        copied(audience="'all'"),
        copied(side="'system'"),
        copied(case="NULL"),
        copied(author="{requester}"),
        copied(author="{left}"),
        copied(author="{declared}"),
        copied(agency="{consumer}"),
        copied(side="'consumer'"),
        copied(side="'consumer'", agency="{consumer}", author="{requester}"),  # internal to the agency, yet in the case
        copied(side="'consumer'", case="NULL", agency="{consumer}", author="{officer}"),
        copied(side="'consumer'", audience="'both'", agency="{consumer}", author="{auditor}"),
    ],
)
def test_the_database_refuses(world, statement):
    request = world.under_review()
    by_owner(request, world.officer)
    left = person(world.provider, Role.CASE_OFFICER)
    left.memberships.update(valid_to=timezone.localdate() - timedelta(days=1))
    recusals.declare(request=request, by=world.approvers[1], kind=ConflictKind.OTHER)
    text = statement.format(
        approver=world.approver.pk,
        requester=world.requester.pk,
        officer=world.officer.pk,
        left=left.pk,
        declared=world.approvers[1].pk,
        consumer=world.consumer.pk,
        auditor=person(world.consumer, Role.AUDITOR).pk,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is pending would stand in the way of TRUNCATE
    with pytest.raises(IntegrityError):
        run(text)


def test_the_database_hides_words_once_and_soon(world):
    request = world.under_review()
    old = by_owner(request, world.officer)
    run(copied().replace("now()", "now() - interval '11 minutes'"))
    late = Comment.objects.exclude(pk=old.pk).get()
    with pytest.raises(IntegrityError, match="within ten minutes"):
        run(f"UPDATE exchange_comment SET retracted_at = now() WHERE id = {late.pk}")  # noqa: S608 - a number
    comments.retract(comment=old, by=world.officer)
    with pytest.raises(IntegrityError, match="taken back once"):
        run(f"UPDATE exchange_comment SET retracted_at = NULL WHERE id = {old.pk}")  # noqa: S608 - a number


@pytest.mark.parametrize("audience", list(Audience))
def test_the_database_hears_nothing_from_the_owner_about_a_draft_or_a_closed_request(world, audience):
    request = world.under_review()
    by_owner(request, world.officer)
    again = copied(audience=f"'{audience}'")
    requests.withdraw(request=request, by=world.requester)
    with pytest.raises(IntegrityError, match="is closed"):
        run(again)


def test_the_database_hears_nothing_from_the_owner_while_it_is_a_draft_again(world):
    request = world.under_review()
    by_owner(request, world.officer)
    cases.send_back(request=request, by=world.officer, reason="Xem lại", revision_hash=hash_of(request))
    requests.propose(request=request, by=world.requester)
    requests.send_back(request=request, by=world.endorser, reason="Sửa")
    with pytest.raises(IntegrityError, match="does not have"):
        run(copied())
