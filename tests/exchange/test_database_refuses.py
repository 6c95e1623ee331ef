"""What plain SQL is refused, past every service: the rules that hold for somebody with the database session of a web process."""

import re
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from evidence.models import Entry
from exchange import check_codes
from exchange.choices import Frequency
from exchange.models import Agreement, Decision, Delivery, Letter, LetterCopy, LetterCounter, ReviewCase, Revision
from exchange.scope import Filter, Scope, canonical, sha256
from exchange.services import agreements, cases, deliveries, requests
from exchange.services.scopes import scope_of_revision
from exchange.states import TABLES
from registry.choices import Role
from registry.models import SharingPolicy
from tests.exchange.past import letters_of_anything
from tests.exchange.web_role import as_web_process
from tests.factories import (
    DatabaseFactory,
    DatasetFactory,
    DelegationFactory,
    MembershipFactory,
    SharingPolicyFactory,
    agreed_move,
    person,
)
from tests.scenarios import hash_of

pytestmark = pytest.mark.postgresql


def execute(statement: str, *values) -> int:
    """Run it as a web process could, which owns no table and has the rights on rows only."""
    with transaction.atomic(), as_web_process() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def execute_as_owner(statement: str, *values) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def refused(statement: str, *values, match: str | None = None) -> None:
    with pytest.raises(IntegrityError, match=match):
        execute(statement, *values)


def refused_to_the_owner_too(statement: str, *, match: str) -> None:
    """A web process lacks the right; whoever owns the table meets a guard."""
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(statement)
    with pytest.raises(IntegrityError, match=match):
        execute_as_owner(statement)


@contextmanager
def triggers_off(table: str):
    """Bring about what only the owner of a table could, to see that the next guard refuses what follows from it."""
    execute_as_owner("SET CONSTRAINTS ALL IMMEDIATE")
    execute_as_owner(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    execute_as_owner("SET CONSTRAINTS ALL IMMEDIATE")
    execute_as_owner(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def insert_copy(row, **changes) -> None:
    """Insert the row once more with other values, as plain SQL."""
    columns = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    values = {field.column: getattr(row, field.attname) for field in row._meta.concrete_fields} | changes
    for field in row._meta.concrete_fields:
        if field.get_internal_type() == "JSONField" and field.column not in changes:
            values[field.column] = "{}"
    names = ", ".join(f'"{name}"' for name in columns)
    places = ", ".join("%s" for _column in columns)
    table = row._meta.db_table
    execute(f"INSERT INTO {table} ({names}) VALUES ({places})", *(values[name] for name in columns))  # noqa: S608


def vote(request, by, *, verdict="approve", scope: Scope | None = None, delegation=None, agency=None) -> None:
    """Insert a decision on the latest revision, as plain SQL; an approval is for all that was asked unless told."""
    case, revision = request.cases.get(), request.revisions.first()
    given = scope or scope_of_revision(revision)
    execute(
        """INSERT INTO exchange_decision (case_id, revision_id, revision_hash, verdict, scope, scope_hash, reason,
               field_reasons, made_at, made_by_id, agency_id, delegation_id, legal_basis_id)
           VALUES (%s, %s, %s, %s, %s, %s, 'x', '{}', now(), %s, %s, %s, %s)""",
        case.pk, revision.pk, revision.content_hash, verdict, given.text, given.digest, by.pk,
        (agency or case.provider).pk, delegation and delegation.pk, request.legal_basis_id,
    )  # fmt: skip


def test_vote_by_an_approver_is_taken(world):
    vote(world.under_review(), world.approver)
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("who", ["requester", "endorser"])
@pytest.mark.parametrize("superuser", [False, True])
def test_vote_by_somebody_who_took_part_is_refused(world, who, superuser):
    someone = getattr(world, who)
    type(someone).objects.filter(pk=someone.pk).update(is_superuser=superuser)
    someone_else = world.under_review()
    with pytest.raises(IntegrityError, match="filed, edited or signed"):
        vote(someone_else, someone)


@pytest.mark.parametrize("agency", ["consumer", "ministry"])
def test_vote_by_somebody_of_the_asking_side_is_refused(world, agency):
    MembershipFactory(user=world.approver, agency=getattr(world, agency), role=Role.AUDITOR)
    request = world.under_review()
    with pytest.raises(IntegrityError, match="requesting agency or of one above it"):
        vote(request, world.approver)


def test_vote_by_somebody_outside_the_owner_is_refused(world):
    request = world.under_review()
    with pytest.raises(IntegrityError, match="only somebody of the owner"):
        vote(request, world.operator)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
@pytest.mark.parametrize("role", [Role.CASE_OFFICER, Role.REVIEWER, Role.REQUESTER])
def test_vote_by_a_colleague_who_is_no_approver_is_refused(world, verdict, role):
    with pytest.raises(IntegrityError, match="only an approver of the owner"):
        vote(world.under_review(), person(world.provider, role), verdict=verdict)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.REQUESTER])
def test_return_by_a_colleague_who_handles_nothing_is_refused(world, role):
    with pytest.raises(IntegrityError, match="only an approver of the owner"):
        vote(world.under_review(), person(world.provider, role), verdict="return")


def test_return_by_a_case_officer_is_taken(world):
    vote(world.under_review(), world.officer, verdict="return")
    assert Decision.objects.get().verdict == "return"


@pytest.mark.parametrize("ended", ["role", "account"])
def test_vote_by_a_former_approver_is_refused(world, ended):
    request = world.under_review()
    if ended == "role":
        world.approver.memberships.update(role=Role.CASE_OFFICER)
    else:
        type(world.approver).objects.filter(pk=world.approver.pk).update(is_active=False)
    with pytest.raises(IntegrityError, match="of the owner can decide"):
        vote(request, world.approver)


def test_vote_in_the_name_of_another_agency_is_refused(world):
    with pytest.raises(IntegrityError, match="only the owner"):
        vote(world.under_review(), world.approver, agency=world.stranger)


def test_vote_at_the_desk_of_another_owner_is_refused(world):
    # Asked anew about another owner's data: the first owner's case stays behind, and decides nothing any more.
    request = world.under_review()
    stale = request.cases.get()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    with triggers_off("exchange_exchangerequest"):
        execute("UPDATE exchange_exchangerequest SET dataset_id = %s, status = 'under-review'", DatasetFactory().pk)
    revision = request.revisions.first()
    with pytest.raises(IntegrityError, match="only the owner"):
        insert_copy(decision_row(stale, revision, world.approver))


def test_vote_by_whoever_proposed_an_earlier_revision_is_refused(world):
    colleague = person(world.consumer, Role.REQUESTER)
    request = requests.propose(request=world.draft(), by=colleague)
    cases.send_back(
        request=world.under_review(world.submitted(request)),
        by=world.officer, reason="Sửa", revision_hash=hash_of(request),
    )  # fmt: skip
    world.under_review(world.submitted(world.proposed(request)))
    with pytest.raises(IntegrityError, match="filed, edited or signed"):
        vote(request, colleague)


def test_vote_by_whoever_signed_an_earlier_revision_is_refused(world):
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    world.proposed(request)
    requests.endorse(request=request, by=world.second_endorser, revision_hash=hash_of(request))
    world.under_review(request)
    with pytest.raises(IntegrityError, match="filed, edited or signed"):
        vote(request, world.endorser)


def test_vote_by_whoever_edited_the_draft_before_others_did_is_refused(world):
    colleague, request = person(world.consumer, Role.REQUESTER), world.draft()
    for someone, reason in ((colleague, "Một"), (world.requester, "Hai")):
        content = {"reason": reason}
        request = requests.save_draft(request=request, by=someone, version=request.version, content=content)
    world.under_review(world.submitted(world.proposed(request)))
    with pytest.raises(IntegrityError, match="filed, edited or signed"):
        vote(request, colleague)


def delegation_for(world, **changes):
    return DelegationFactory(agency=world.provider, delegator=world.approver, delegate=world.officer, **changes)


def test_vote_under_a_delegation_is_taken(world):
    vote(world.under_review(), world.officer, delegation=delegation_for(world))
    assert Decision.objects.get().made_by == world.officer


def day(number: int) -> date:
    """So many days from today: asked when it is needed, as a run of the tests may go past midnight in Viet Nam."""
    return timezone.localdate() + timedelta(days=number)


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_to": -1},
        {"valid_from": 1},
        {"agency": "stranger"},
        {"delegate": "operator"},
        {"delegator": "officer", "delegate": "approver"},
    ],
)
def test_vote_under_a_delegation_that_gives_nothing_is_refused(world, changes):
    changes = {name: getattr(world, value) if isinstance(value, str) else day(value) for name, value in changes.items()}
    given = DelegationFactory(
        **{"agency": world.provider, "delegator": world.approver, "delegate": world.officer, **changes}
    )
    someone = world.approver if given.delegate == world.approver else world.officer
    with pytest.raises(IntegrityError, match="no delegation"):
        vote(world.under_review(), someone, delegation=given)


def test_vote_under_the_delegation_of_a_former_approver_is_refused(world):
    given = delegation_for(world)
    world.approver.memberships.update(valid_to=day(-1))
    with pytest.raises(IntegrityError, match="no delegation"):
        vote(world.under_review(), world.officer, delegation=given)


def test_vote_for_an_approver_of_the_asking_side_is_refused(world):
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    with pytest.raises(IntegrityError, match="requesting agency or of one above it"):
        vote(world.under_review(), world.officer, delegation=delegation_for(world))


def test_vote_for_an_approver_who_signed_the_request_is_refused(world):
    MembershipFactory(user=world.endorser, agency=world.provider, role=Role.APPROVER)
    request = world.under_review()
    world.endorser.memberships.filter(agency=world.consumer).update(valid_to=day(-1))
    given = DelegationFactory(agency=world.provider, delegator=world.endorser, delegate=world.officer)
    with pytest.raises(IntegrityError, match="filed, edited or signed"):
        vote(request, world.officer, delegation=given)


@pytest.mark.parametrize("first", ["delegator", "delegate"])
@pytest.mark.parametrize("second", ["delegator", "delegate", "another delegate"])
def test_approver_and_delegates_are_one_vote(make_world, first, second):
    world = make_world(quorum=2)
    request, one = world.under_review(), delegation_for(world)
    other = DelegationFactory(agency=world.provider, delegator=world.approver)
    votes = {
        "delegator": (world.approver, None),
        "delegate": (world.officer, one),
        "another delegate": (other.delegate, other),
    }
    vote(request, votes[first][0], delegation=votes[first][1])
    with pytest.raises(IntegrityError, match=r"already decided|one_live_per_person"):
        vote(request, votes[second][0], delegation=votes[second][1])


@pytest.mark.parametrize(
    "wider",
    [
        {"fields": (("citizen_id", "keep"), ("income", "keep"))},
        {"fields": (("born", "keep"),)},
        {"row_limit": 5_000_001},
        {"period_to": date(2099, 1, 1)},
        {"retention_until": date(2099, 1, 1)},
        {"purpose": "statistics"},
        {"mode": "lookup"},
        {"dataset": "another"},
        {"filters": (Filter("province", "eq", ("01",)),)},
    ],
)
def test_vote_for_something_else_than_was_asked_for_is_refused(world, wider):
    request = world.under_review()
    asked = scope_of_revision(request.revisions.first())
    with pytest.raises(IntegrityError, match="can only narrow"):
        vote(request, world.approver, scope=replace(asked, **wider))


def test_vote_for_more_than_the_approver_before_is_refused(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    asked = scope_of_revision(request.revisions.first())
    vote(request, world.approver, scope=asked.narrowed(fields={"citizen_id"}))
    with pytest.raises(IntegrityError, match="can only narrow"):
        vote(request, world.approvers[1], scope=asked)
    vote(request, world.approvers[1], scope=asked.narrowed(fields={"citizen_id"}, row_limit=5))


def test_decision_is_not_voided_or_revived_by_hand(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    refused("UPDATE exchange_decision SET voided_at = now()", match="only a new revision")
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    world.proposed(request)
    assert not Decision.objects.live().exists()
    refused("UPDATE exchange_decision SET voided_at = NULL", match="only a new revision")


def test_second_live_vote_is_refused(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    with pytest.raises(IntegrityError, match="one_live_per_person"):
        vote(request, world.approver)


def decision_row(case, revision, by) -> Decision:
    scope = scope_of_revision(revision)
    return Decision(
        case=case, revision=revision, revision_hash=revision.content_hash, verdict="approve", scope=scope.text,
        scope_hash=scope.digest, made_at=timezone.now(), made_by=by, agency=case.provider,
    )  # fmt: skip


def test_vote_on_an_older_revision_is_refused(world):
    request = world.under_review()
    older = request.revisions.first()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    with pytest.raises(IntegrityError, match="latest revision"):
        insert_copy(decision_row(request.cases.get(), older, world.approver))


def test_vote_on_a_request_that_is_not_under_review_is_refused(world):
    request = world.submitted()
    with pytest.raises(IntegrityError, match="not under review"):
        vote(request, world.approver)


def approved_in_sql(request) -> None:
    execute("UPDATE exchange_exchangerequest SET status = 'approved', closed_at = now() WHERE id = %s", request.pk)


def agreement_row(request, scope: Scope | None = None) -> Agreement:
    case, scope = request.cases.get(), scope or scope_of_revision(request.revisions.first())
    return Agreement(
        code="TT-X", case=case, consumer=request.consumer, provider=case.provider, dataset=request.dataset,
        policy=case.policy, mode=scope.mode, file_format=scope.file_format, purpose=scope.purpose, scope=scope.text,
        scope_hash=scope.digest, plan_hash="x", valid_from=scope.period_from, valid_to=scope.period_to,
        retention_until=scope.retention_until, agreed_at=timezone.now(), confirm_by=scope.period_to,
    )  # fmt: skip


def test_agreement_without_approved_request_is_refused(world):
    request = world.under_review()
    with pytest.raises(IntegrityError, match="without an approved request"):
        insert_copy(agreement_row(request))


def test_agreement_without_approvals_is_refused(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    approved_in_sql(request)
    with pytest.raises(IntegrityError, match="1 of 2 approvals"):
        insert_copy(agreement_row(request))


def test_agreement_under_a_standing_permission_that_is_none_is_refused(world):
    request = world.under_review()
    approved_in_sql(request)
    with pytest.raises(IntegrityError, match="without a standing permission"):
        insert_copy(agreement_row(request), is_standing=True)


def test_agreement_of_an_approved_request_is_taken(world):
    request = world.under_review()
    vote(request, world.approver)
    approved_in_sql(request)
    insert_copy(agreement_row(request))
    assert Agreement.objects.get().status == "agreed"


def test_agreement_beyond_what_was_approved_is_refused(world):
    request = world.offered()
    approved_in_sql(request)
    with pytest.raises(IntegrityError, match="other than what was approved"):
        insert_copy(agreement_row(request))


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "lookup"},
        {"file_format": "xlsx"},
        {"purpose": "statistics"},
        {"valid_from": date(2020, 1, 1)},
        {"valid_to": date(2099, 1, 1)},
        {"retention_until": date(2099, 1, 1)},
    ],
)
def test_agreement_at_odds_with_its_scope_is_refused(world, change):
    request = world.under_review()
    vote(request, world.approver)
    approved_in_sql(request)
    with pytest.raises(IntegrityError, match="at odds"):
        insert_copy(agreement_row(request), **change)


def test_agreement_with_the_hash_of_another_scope_is_refused(world):
    request = world.offered()
    approved_in_sql(request)
    with pytest.raises(IntegrityError, match="is not the hash of its scope"):
        insert_copy(agreement_row(request), scope_hash=request.cases.get().decisions.get().scope_hash)


@pytest.mark.parametrize("party", ["provider", "policy"])
def test_agreement_of_somebody_else_than_the_owner_is_refused(world, party):
    request = world.under_review()
    vote(request, world.approver)
    approved_in_sql(request)
    other = {"provider_id": world.stranger.pk, "policy_id": SharingPolicyFactory(dataset=world.dataset).pk}
    with pytest.raises(IntegrityError, match="other than the owner"):
        insert_copy(agreement_row(request), **{f"{party}_id": other[f"{party}_id"]})


def standing_in_sql(make_world):
    """A request wholly inside a standing permission, which was not granted yet."""
    world = make_world(standing=True)
    request = world.proposed()
    ReviewCase.objects.create(
        request=request, provider=world.provider, policy=world.policy, quorum=1, due_on=timezone.localdate()
    )
    execute(
        "UPDATE exchange_exchangerequest SET status = 'submitted', endorsed_by_id = %s, endorsed_at = now()",
        world.endorser.pk,
    )
    approved_in_sql(request)
    return world, type(request).objects.get()


def test_standing_agreement_about_something_else_than_was_asked_for_is_refused(make_world):
    _world, request = standing_in_sql(make_world)
    asked = scope_of_revision(request.revisions.first())
    wide = replace(asked, fields=(*asked.fields, ("income", "keep")))
    with pytest.raises(IntegrityError, match="other than what was asked for"):
        insert_copy(agreement_row(request, wide), is_standing=True)
    insert_copy(agreement_row(request), is_standing=True)


def test_standing_agreement_decided_by_the_asking_side_is_refused(make_world):
    world, request = standing_in_sql(make_world)
    MembershipFactory(user=world.approver, agency=world.ministry, role=Role.AUDITOR)
    with pytest.raises(IntegrityError, match="without a standing permission"):
        insert_copy(agreement_row(request), is_standing=True)


def test_second_agreement_for_one_case_is_refused(world):
    agreement = world.agreed()
    with pytest.raises(IntegrityError, match="one_per_case"):
        insert_copy(agreement_row(agreement.case.request))


def delivery_row(agreement) -> Delivery:
    return Delivery(code="GN-X", slot="99", agreement=agreement, requested_at=timezone.now())


@pytest.mark.parametrize("end", ["suspend", "revoke"])
def test_delivery_without_a_live_agreement_is_refused(world, end):
    agreement = world.agreed()
    getattr(agreements, end)(agreement=agreement, by=world.approver, reason="Dừng")
    with pytest.raises(IntegrityError, match="without an agreement in force"):
        insert_copy(delivery_row(agreement))


def test_delivery_under_an_agreement_of_the_future_is_refused(world):
    agreement = world.agreed(period_from=timezone.localdate() + timedelta(days=1))
    execute("UPDATE exchange_agreement SET status = 'active' WHERE id = %s", agreement.pk)
    with pytest.raises(IntegrityError, match="without an agreement in force"):
        insert_copy(delivery_row(agreement))


def test_completing_a_delivery_of_a_revoked_agreement_is_refused(world):
    delivery = world.ordered()
    deliveries.begin(delivery=delivery, worker="test")
    execute("UPDATE exchange_agreement SET status = 'revoked', ended_at = now() WHERE id = %s", delivery.agreement_id)
    refused(
        """UPDATE exchange_delivery SET status = 'completed', finished_at = now(), rows = 1, size = 1, sha256 = 'x',
               file_name = 'x', available_until = now() WHERE id = %s""",
        delivery.pk,
        match="without an agreement in force",
    )


def test_finished_delivery_cannot_be_changed(world):
    refused("UPDATE exchange_delivery SET sha256 = 'y' WHERE id = %s", world.delivered().pk, match="finished")


def test_decided_request_cannot_be_changed(world):
    request = world.voted()
    for change in ("reason = 'x'", "status_reason = 'x'", "consumer_id = consumer_id + 1", "closed_at = now()"):
        refused(f"UPDATE exchange_exchangerequest SET {change} WHERE id = %s", request.pk, match="closed")  # noqa: S608


@pytest.mark.parametrize("state", ["proposed", "submitted", "under_review"])
def test_content_of_a_proposed_request_cannot_be_changed(world, state):
    request = getattr(world, state)()
    for change in ("field_names = '{note}'", "purpose = 'statistics'", "row_limit = 9", "last_edited_by_id = 1"):
        refused(f"UPDATE exchange_exchangerequest SET {change} WHERE id = %s", request.pk, match="frozen")  # noqa: S608
    refused("DELETE FROM exchange_exchangerequest_named_users", match="frozen")
    refused("DELETE FROM exchange_exchangerequest_editors", match="is kept")
    refused(
        "INSERT INTO exchange_exchangerequest_named_users (exchangerequest_id, user_id) VALUES (%s, %s)",
        request.pk, world.operator.pk, match="frozen",
    )  # fmt: skip


@pytest.mark.parametrize("state", ["submitted", "under_review", "offered"])
def test_signature_of_a_signed_request_cannot_be_exchanged(world, state):
    request = getattr(world, state)()
    refused(
        "UPDATE exchange_exchangerequest SET endorsed_by_id = %s WHERE id = %s",
        world.second_endorser.pk, request.pk, match="signature is frozen",
    )  # fmt: skip


@pytest.mark.parametrize("change", ["code = 'x'", "created_by_id = created_by_id + 1", "consumer_id = consumer_id + 1"])
def test_draft_stays_that_of_its_author_and_agency(world, change):
    world.draft()
    refused(f"UPDATE exchange_exchangerequest SET {change}", match="never changes|stays that")  # noqa: S608


@pytest.mark.parametrize(
    ("state", "number"), [("draft", 2), ("proposed", 2), ("under_review", 2), ("under_review", 99)]
)
def test_revision_that_does_not_follow_from_a_draft_is_refused(world, state, number):
    request = getattr(world, state)()
    revision = Revision(
        request=request, number=number, content="{}", content_hash=sha256("{}"), proposed_at=timezone.now(),
        proposed_by=world.requester,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="does not follow"):
        insert_copy(revision)


def test_revision_with_another_hash_is_refused(world):
    revision = Revision(
        request=world.draft(), number=1, content="{}", content_hash="x", proposed_at=timezone.now(),
        proposed_by=world.requester,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="is not the hash"):
        insert_copy(revision)


BIRTHS = {
    "draft": ["pending-endorsement", "submitted", "under-review", "offered", "approved"],
    "agreed": ["active", "suspended", "expired"],
    "ordered": ["started", "completed", "terminated"],
}


@pytest.mark.parametrize(("step", "status"), [(step, status) for step in BIRTHS for status in BIRTHS[step]])
def test_row_that_does_not_begin_at_the_beginning_is_refused(world, step, status):
    row = getattr(world, step)()
    with pytest.raises(IntegrityError, match="begins as"):
        insert_copy(row, status=status)


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        ("draft", {"status": "draft", "closed_at": timezone.now()}),
        ("draft", {"status": "draft", "endorsed_at": timezone.now()}),
        ("agreed", {"status": "agreed", "ended_at": timezone.now()}),
        ("ordered", {"status": "requested", "finished_at": timezone.now()}),
    ],
)
def test_row_that_begins_with_its_end_is_refused(world, step, changes):
    row = getattr(world, step)()
    with pytest.raises(IntegrityError, match="begins without"):
        insert_copy(row, **changes)


def test_request_with_a_state_secret_cannot_be_proposed_in_sql(world):
    request = world.draft(has_state_secret=True)
    refused(
        "UPDATE exchange_exchangerequest SET status = 'pending-endorsement' WHERE id = %s",
        request.pk,
        match="proposed_is_complete",
    )


def test_signature_of_the_requester_is_refused(world):
    refused(
        "UPDATE exchange_exchangerequest SET endorsed_by_id = created_by_id, endorsed_at = now() WHERE id = %s",
        world.proposed().pk,
        match="endorser_did_not_file",
    )


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (Revision, "content = '{}'"),
        (Revision, "content_hash = 'x'"),
        (Decision, "verdict = 'reject'"),
        (Decision, "made_by_id = made_by_id + 1"),
        (Decision, "scope = '{}'"),
        (Letter, "content = '{}'"),
        (Letter, "number = 7"),
        (Letter, "check_code = reverse(check_code)"),
        (Agreement, "scope = '{}'"),
        (Agreement, "valid_to = valid_to + 100"),
        (Agreement, "consumer_id = provider_id"),
    ],
)
def test_what_was_written_once_cannot_be_rewritten(world, model, change):
    world.agreed()
    refused(f"UPDATE {model._meta.db_table} SET {change}", match="cannot be rewritten")  # noqa: S608


def test_letter_with_a_gap_before_it_or_of_another_year_is_refused(world):
    letter = world.agreed().case.letters.get()
    with letters_of_anything():
        for changes, match in (
            ({"number": letter.number + 2}, "would leave a gap"),
            ({"number": letter.number}, "exchange_letter_number"),
            ({"number": 1, "year": letter.year - 1}, "in the year in which it is issued"),
            ({"number": letter.number + 1, "check_code": "1"}, "exchange_letter_check_code"),
        ):
            with pytest.raises(IntegrityError, match=match):
                insert_copy(letter, public_id=uuid.uuid4(), **changes)
        insert_copy(letter, public_id=uuid.uuid4(), number=letter.number + 1)
    assert Letter.objects.count() == 2


def send_letter(request, /, **changes) -> None:
    """Insert the letter of an approval of all that was asked for, as plain SQL; `changes` tell something else."""
    case, revision = request.cases.get(), request.revisions.first()
    agency = changes.pop("agency", case.provider)
    content = {
        "request": request.code,
        "from": case.provider.code,
        "to": request.consumer.code,
        "verdict": "approve",
        "revision_sha256": revision.content_hash,
        "scope": scope_of_revision(revision).as_document(),
    }
    text = canonical({name: value for name, value in (content | changes).items() if value is not None})
    execute(
        """INSERT INTO exchange_letter (public_id, case_id, agency_id, year, number, content, content_hash, check_code, issued_at)
           VALUES (gen_random_uuid(), %s, %s, %s, 1, %s, %s, %s, now())""",
        case.pk, agency.pk, timezone.localdate().year, text, sha256(text), check_codes.new(),
    )  # fmt: skip


def test_letter_of_what_was_decided_is_taken_once(world):
    request = world.under_review()
    vote(request, world.approver)
    send_letter(request)
    assert LetterCounter.objects.get().last == 1
    with pytest.raises(IntegrityError, match="has its letter"):
        insert_copy(Letter.objects.get(), public_id=uuid.uuid4(), number=2)


def test_letter_without_a_decision_is_refused(world):
    with pytest.raises(IntegrityError, match="something else than was decided"):
        send_letter(world.under_review())


def test_letter_before_the_last_vote_is_refused(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    vote(request, world.approvers[0])
    with pytest.raises(IntegrityError, match="something else than was decided"):
        send_letter(request)
    vote(request, world.approvers[1])
    send_letter(request)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"verdict": "reject"}, "something else than was decided"),
        ({"verdict": "return"}, "something else than was decided"),
        ({"verdict": None}, "neither a decision nor a certificate"),
        ({"kind": "destruction", "verdict": None, "certificate_sha256": "0" * 64}, "neither a decision nor a cert"),
        ({"certificate_sha256": "0" * 64}, "something else than was decided"),
        ({"revision_sha256": "0" * 64}, "something else than was decided"),
        ({"revision_sha256": None}, "something else than was decided"),
        ({"scope": {}}, "something else than was decided"),
        ({"scope": None}, "something else than was decided"),
        ({"standing": {"permission": "x"}}, "something else than was decided"),
        ({"from": "NOBODY"}, "names other parties"),
        ({"to": "NOBODY"}, "names other parties"),
        ({"to": None}, "names other parties"),
        ({"request": "YC-1"}, "names other parties"),
    ],
)
def test_letter_that_tells_something_else_is_refused(world, changes, match):
    request = world.under_review()
    vote(request, world.approver)
    with pytest.raises(IntegrityError, match=match):
        send_letter(request, **changes)


def test_letter_of_another_agency_is_refused(world):
    request = world.under_review()
    vote(request, world.approver)
    with pytest.raises(IntegrityError, match="something else than was decided"):
        send_letter(request, agency=world.consumer)


def test_letter_of_a_rejection_tells_its_reason_and_law(world):
    request = world.under_review()
    vote(request, world.approver, verdict="reject")
    told = {"verdict": "reject", "reason": "x", "legal_basis": request.legal_basis.number}
    for changes in ({"verdict": "approve"}, {"reason": "y"}, {"reason": None}, {"legal_basis": "1/1"}):
        with pytest.raises(IntegrityError, match="something else than was decided"):
            send_letter(request, **(told | changes))
    send_letter(request, **told)


def test_counter_of_letters_moves_with_a_letter_only(world):
    world.voted()
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    for change in ("last = last + 1", "last = last + 5", "last = last - 1", "year = year + 1, last = last + 1"):
        refused(f"UPDATE exchange_lettercounter SET {change}", match="moves on by one with a letter")  # noqa: S608
    refused(
        "INSERT INTO exchange_lettercounter (agency_id, year, last) VALUES (%s, 2040, 3)",
        world.provider.pk,
        match="begins at 0",
    )
    refused("DELETE FROM exchange_lettercounter", match="refused")
    refused_to_the_owner_too("TRUNCATE exchange_lettercounter", match="refused")
    execute("INSERT INTO exchange_lettercounter (agency_id, year, last) VALUES (%s, 2040, 0)", world.provider.pk)
    world.voted()
    assert sorted(LetterCounter.objects.values_list("last", flat=True)) == [0, 2]


@pytest.mark.parametrize(
    "change",
    [
        "due_on = due_on + 300",
        "due_on = due_on - 1",
        "term = 'very-complex'",
        "term_grounds = '{large}'",
        "paused_days = 90",
    ],
)
@pytest.mark.parametrize("stage", ["submitted", "under_review", "voted"])
def test_term_of_a_case_moves_with_a_signature_only(world, change, stage):
    getattr(world, stage)()
    refused(f"UPDATE exchange_reviewcase SET {change}", match="set when its request is signed")  # noqa: S608


EXTENSION = "extended_at = now(), extended_days = 1, extension_reason = 'x'"


@pytest.mark.parametrize(
    "change",
    [
        "due_on = due_on + 300",
        "due_on = due_on - 1",
        "due_on = due_on",
        "due_on = {following}, paused_days = 90",
        "due_on = {following}, term = 'complex'",
    ],
)
def test_term_is_lengthened_by_the_days_that_are_told(world, change):
    world.under_review()
    following = "due_on + CASE WHEN extract(isodow FROM due_on) = 5 THEN 3 ELSE 1 END"
    refused(
        f"UPDATE exchange_reviewcase SET {EXTENSION}, extended_by_id = %s, "  # noqa: S608
        + change.format(following=following),
        world.approver.pk,
        match="lengthened while it runs",
    )
    execute(
        f"UPDATE exchange_reviewcase SET {EXTENSION}, extended_by_id = %s, due_on = {following}",  # noqa: S608
        world.approver.pk,
    )


def test_term_is_not_lengthened_by_more_than_itself(world):
    world.under_review()
    refused(
        "UPDATE exchange_reviewcase SET extended_at = now(), extended_days = 200, extension_reason = 'x',"
        " extended_by_id = %s, due_on = due_on + 280",
        world.approver.pk,
        match="lengthened while it runs",
    )


def test_record_of_a_letters_file_takes_new_rows_only(world):
    letter = world.agreed().case.letters.get()
    LetterCopy.objects.create(letter=letter, language="vi", sha256="0" * 64)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused("UPDATE exchange_lettercopy SET sha256 = repeat('1', 64)", match="cannot be rewritten")
    refused("DELETE FROM exchange_lettercopy", match="refused")
    refused_to_the_owner_too("TRUNCATE exchange_lettercopy", match="refused")
    with pytest.raises(IntegrityError, match="sha256"):
        LetterCopy.objects.create(letter=letter, language="vi", sha256="0" * 64)


@pytest.mark.parametrize(
    "table",
    [
        "revision",
        "reviewcase",
        "decision",
        "letter",
        "agreement",
        "delivery",
        "deliveryattempt",
        "exchangerequest",
        "exchangerequest_editors",
    ],
)
def test_what_can_be_evidence_cannot_be_deleted(world, table):
    world.delivered()
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused(f"DELETE FROM exchange_{table}", match="refused|is kept")  # noqa: S608 - written above
    refused_to_the_owner_too(f"TRUNCATE exchange_{table} CASCADE", match="refused|is kept")
    assert Delivery.objects.count() == 1


def test_draft_that_nobody_proposed_can_be_deleted(world):
    request = world.draft()
    request.named_users.clear()
    request.editors.clear()
    assert execute("DELETE FROM exchange_exchangerequest WHERE id = %s", request.pk) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence_entry SET actor = 'somebody else'",
        "UPDATE evidence_entry SET details = details",
        "DELETE FROM evidence_entry",
        "TRUNCATE evidence_entry",
        "TRUNCATE evidence_entry CASCADE",
        "UPDATE evidence_salt SET value = '\\x00'",
    ],
)
def test_evidence_takes_new_rows_only(world, statement):
    request = world.proposed()
    requests.send_back(request=request, by=world.endorser, reason="Sửa")  # an entry with a salt
    count = Entry.objects.count()
    refused_to_the_owner_too(statement, match="append-only")
    assert Entry.objects.count() == count


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ("UPDATE exchange_exchangerequest SET status = 'approved', closed_at = now()", "cannot go from"),
        ("UPDATE exchange_exchangerequest SET status = 'nonsense'", "cannot go from"),
        ("UPDATE exchange_exchangerequest SET closed_at = now()", "closed_paired"),
    ],
)
def test_illegal_change_of_state_is_refused(world, statement, match):
    world.draft()
    refused(statement, match=match)


@pytest.mark.parametrize("state", ["submitted", "under_review", "offered"])
def test_terms_of_a_case_do_not_change_while_it_is_open(make_world, state):
    world = make_world(quorum=2)
    getattr(world, state)()
    other = SharingPolicyFactory(dataset=world.dataset)
    for change in ("quorum = 1", "quorum = 3", f"policy_id = {other.pk}"):
        refused(f"UPDATE exchange_reviewcase SET {change}", match="set when its request is signed")  # noqa: S608


def test_terms_of_a_case_are_set_anew_when_the_request_is_signed_again_but_never_for_fewer_approvers(make_world):
    world = make_world(quorum=2)
    request = world.under_review()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    world.proposed(request)
    assert execute("UPDATE exchange_reviewcase SET quorum = 3") == 1
    for quorum in (2, 1, 0):
        refused("UPDATE exchange_reviewcase SET quorum = %s", quorum, match="never lowered")
    elsewhere = SharingPolicyFactory()
    refused("UPDATE exchange_reviewcase SET policy_id = %s", elsewhere.pk, match="belongs to the owner")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ("quorum = 1", "never lowered"),
        ("provider = stranger", "belongs to the owner"),
    ],
)
def test_case_with_other_terms_than_the_owners_is_refused(make_world, change, match):
    world = make_world(quorum=2)
    request = world.proposed()
    case = ReviewCase(
        request=request, provider=world.provider, policy=world.policy, quorum=2, due_on=timezone.localdate(),
        opened_at=timezone.now(),
    )  # fmt: skip
    changes = {"quorum = 1": {"quorum": 1}, "provider = stranger": {"provider_id": world.stranger.pk}}[change]
    with pytest.raises(IntegrityError, match=match):
        insert_copy(case, **changes)


@pytest.mark.parametrize("column", ["request_id", "provider_id"])
def test_case_stays_where_it_was_opened(world, column):
    world.submitted()
    refused(f"UPDATE exchange_reviewcase SET {column} = {column} + 1", match="never changes")  # noqa: S608


def test_delivery_stays_under_its_agreement(world):
    world.ordered()
    refused("UPDATE exchange_delivery SET agreement_id = agreement_id + 1", match="never changes")


def hand_over(world, what: str) -> tuple:
    return {
        "database": ("UPDATE registry_database SET owner_id = %s WHERE id = %s", world.stranger.pk, world.database.pk),
        "dataset": (
            "UPDATE registry_dataset SET database_id = %s WHERE id = %s", DatabaseFactory().pk, world.dataset.pk
        ),
    }[what]  # fmt: skip


@pytest.mark.parametrize("what", ["database", "dataset"])
@pytest.mark.parametrize("state", ["submitted", "under_review", "offered", "agreed", "suspended"])
def test_owner_does_not_change_while_something_is_open(world, what, state):
    getattr(world, state)()
    refused(*hand_over(world, what), match="owner stays")


@pytest.mark.parametrize("what", ["database", "dataset"])
def test_owner_changes_when_nothing_is_open(world, what):
    agreement = world.agreed()
    agreements.revoke(agreement=agreement, by=world.approver, reason="Dừng")
    world.draft()
    SharingPolicy.objects.update(valid_from=date(2020, 1, 1), valid_to=date(2020, 12, 31))
    assert execute(*hand_over(world, what)) == 1


OURS = ("evidence_", "registry_", "exchange_")


def test_every_guard_is_met_by_sessions_that_call_themselves_replicas(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal")
        guards = [(name, mode) for name, mode in cursor.fetchall() if name.startswith(OURS)]
    assert len(guards) > 40
    assert [name for name, mode in guards if mode != "A"] == []


def test_every_guard_looks_into_the_tables_of_the_portal_only(db):
    with connection.cursor() as cursor:
        cursor.execute("""SELECT DISTINCT p.proname, COALESCE(p.proconfig::text, '') FROM pg_proc p
                          JOIN pg_trigger t ON t.tgfoid = p.oid WHERE NOT t.tgisinternal""")
        functions = [(name, settings) for name, settings in cursor.fetchall() if name.startswith(OURS)]
    # The ledger's only refuses: it looks into nothing.
    open_to_others = {name for name, settings in functions if "public, pg_temp" not in settings}
    assert open_to_others == {"evidence_refuse_change"}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM evidence_entry",
        "TRUNCATE evidence_entry CASCADE",
        "UPDATE exchange_agreement SET valid_to = valid_to + 100",
        "DELETE FROM exchange_decision",
        "UPDATE exchange_exchangerequest SET status = 'rejected'",
    ],
)
def test_session_that_calls_itself_a_replica_is_refused_all_the_same(world, statement):
    world.agreed()
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute_as_owner("SET LOCAL session_replication_role = replica")
    with pytest.raises(IntegrityError):
        execute_as_owner(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SET LOCAL session_replication_role = replica",
        "ALTER TABLE exchange_decision DISABLE TRIGGER USER",
        "DROP TRIGGER exchange_agreement_move ON exchange_agreement",
        "ALTER TABLE exchange_decision DROP CONSTRAINT exchange_decision_verdict",
        "CREATE OR REPLACE FUNCTION exchange_today() RETURNS date LANGUAGE sql AS $$ SELECT '2020-01-01'::date $$",
        "DROP FUNCTION exchange_today() CASCADE",
        "ALTER TABLE evidence_entry OWNER TO CURRENT_USER",
        "CREATE TRIGGER mine BEFORE INSERT ON exchange_decision EXECUTE FUNCTION evidence_refuse_change()",
        "CREATE ROLE another SUPERUSER",
        "UPDATE django_migrations SET name = name",
    ],
)
def test_web_process_cannot_touch_the_guards(db, statement):
    with pytest.raises(DatabaseError, match=r"permission denied|must be owner|must be superuser"):
        execute(statement)


def test_web_process_works_with_rows(world):
    """The same role does what a page does: it is refused because of rules, not for want of rights."""
    with as_web_process():
        agreement = world.agreed()
    assert agreement.is_live


def test_temporary_table_of_the_same_name_misleads_no_guard(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    approved_in_sql(request)
    row = agreement_row(request)
    execute("CREATE TEMPORARY TABLE exchange_decision AS TABLE public.exchange_decision")
    execute("INSERT INTO pg_temp.exchange_decision SELECT * FROM public.exchange_decision")
    with pytest.raises(IntegrityError, match="1 of 2 approvals"):
        insert_copy(row)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_triggers_know_the_same_moves_as_the_table(db, table):
    trigger, relation = {
        "request": ("exchange_request_move", "exchange_exchangerequest"),
        "agreement": ("exchange_agreement_move", "exchange_agreement"),
        "delivery": ("exchange_delivery_move", "exchange_delivery"),
    }[table.name]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname = %s AND tgrelid = %s::regclass",
            [trigger, relation],
        )
        (definition,) = cursor.fetchone()
    assert set(re.findall(r"'([a-z-]+)>([a-z-]+)'", definition)) == set(table.edges)


@pytest.mark.parametrize("target", ["completed", "nonsense"])
def test_waiting_delivery_cannot_be_moved_past_its_start(world, target):
    delivery = world.ordered(frequency=Frequency.ON_DEMAND)
    refused("UPDATE exchange_delivery SET status = %s WHERE id = %s", target, delivery.pk, match="cannot go from")


def test_agency_circle_is_refused(world):
    agreed_move(world.ministry, world.consumer)
    with pytest.raises(DatabaseError, match="below itself"):
        execute("UPDATE registry_agency SET parent_id = %s WHERE id = %s", world.consumer.pk, world.ministry.pk)


def test_membership_of_another_day_does_not_stop_a_vote(world):
    MembershipFactory(
        user=world.approver,
        agency=world.consumer,
        role=Role.REVIEWER,
        valid_to=timezone.localdate() - timedelta(days=1),
    )
    vote(world.under_review(), world.approver)
    assert Decision.objects.count() == 1
