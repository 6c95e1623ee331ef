"""What plain SQL is refused, past every service: the rules that hold for somebody with a database prompt."""

import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from evidence.models import Entry
from exchange.choices import Frequency
from exchange.models import Agreement, Decision, Delivery, Letter, ReviewCase, Revision
from exchange.services import agreements, cases, deliveries
from exchange.states import TABLES
from registry.choices import Role
from tests.factories import MembershipFactory
from tests.scenarios import hash_of


def execute(statement: str, *values) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def refused(statement: str, *values, match: str = "") -> None:
    with pytest.raises(IntegrityError, match=match):
        execute(statement, *values)


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


def vote(request, by) -> None:
    case, revision = request.cases.get(), request.revisions.first()
    execute(
        """INSERT INTO exchange_decision (case_id, revision_id, revision_hash, verdict, scope, scope_hash, reason,
               field_reasons, made_at, made_by_id, agency_id)
           VALUES (%s, %s, %s, 'approve', '{}', 'x', '', '{}', now(), %s, %s)""",
        case.pk, revision.pk, revision.content_hash, by.pk, case.provider_id,
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


def test_second_live_vote_is_refused(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    with pytest.raises(IntegrityError, match="one_live_per_person"):
        vote(request, world.approver)


def test_vote_on_an_older_revision_is_refused(world):
    request = world.under_review()
    older = request.revisions.first()
    cases.send_back(request=request, by=world.officer, reason="Sửa", revision_hash=hash_of(request))
    world.under_review(world.submitted(world.proposed(request)))
    decision = Decision(
        case=request.cases.get(), revision=older, revision_hash=older.content_hash, verdict="approve", scope="{}",
        made_at=timezone.now(), made_by=world.approver, agency=world.provider,
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="latest revision"):
        insert_copy(decision)


def test_vote_on_a_request_that_is_not_under_review_is_refused(world):
    request = world.submitted()
    with pytest.raises(IntegrityError, match="not under review"):
        vote(request, world.approver)


def approved_in_sql(request) -> None:
    execute("UPDATE exchange_exchangerequest SET status = 'approved', closed_at = now() WHERE id = %s", request.pk)


def agreement_row(request, world) -> Agreement:
    case, today = request.cases.get(), timezone.localdate()
    return Agreement(
        code="TT-X", case=case, consumer=request.consumer, provider=case.provider, dataset=request.dataset,
        policy=case.policy, mode="package", file_format="csv", purpose="procedure", scope="{}", scope_hash="x",
        plan_hash="x", valid_from=today, valid_to=today, retention_until=today, agreed_at=timezone.now(),
    )  # fmt: skip


def test_agreement_without_approved_request_is_refused(world):
    request = world.under_review()
    with pytest.raises(IntegrityError, match="without an approved request"):
        insert_copy(agreement_row(request, world))


def test_agreement_without_approvals_is_refused(make_world):
    world = make_world(quorum=2)
    request = world.voted(votes=1)
    approved_in_sql(request)
    with pytest.raises(IntegrityError, match="1 of 2 approvals"):
        insert_copy(agreement_row(request, world))


def test_agreement_under_a_standing_permission_that_is_none_is_refused(world):
    request = world.under_review()
    approved_in_sql(request)
    with pytest.raises(IntegrityError, match="without a standing permission"):
        insert_copy(agreement_row(request, world), is_standing=True)


def test_second_agreement_for_one_case_is_refused(world):
    agreement = world.agreed()
    with pytest.raises(IntegrityError, match="one_per_case"):
        insert_copy(agreement, public_id="00000000-0000-0000-0000-000000000001", code="TT-X")


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
        (Agreement, "scope = '{}'"),
        (Agreement, "valid_to = valid_to + 100"),
        (Agreement, "consumer_id = provider_id"),
    ],
)
def test_what_was_written_once_cannot_be_rewritten(world, model, change):
    world.agreed()
    refused(f"UPDATE {model._meta.db_table} SET {change}", match="cannot be rewritten")  # noqa: S608


@pytest.mark.parametrize(
    "table",
    ["revision", "decision", "letter", "agreement", "delivery", "deliveryattempt", "exchangerequest"],
)
def test_what_can_be_evidence_cannot_be_deleted(world, table):
    world.delivered()
    refused(f"DELETE FROM exchange_{table}", match="refused|is kept")  # noqa: S608


def test_draft_that_nobody_proposed_can_be_deleted(world):
    request = world.draft()
    request.named_users.clear()
    assert execute("DELETE FROM exchange_exchangerequest WHERE id = %s", request.pk) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence_entry SET actor = 'somebody else'",
        "UPDATE evidence_entry SET details = details",
        "DELETE FROM evidence_entry",
        "TRUNCATE evidence_entry",
        "TRUNCATE evidence_entry CASCADE",
    ],
)
def test_evidence_takes_new_rows_only(world, statement):
    world.draft()
    count = Entry.objects.count()
    refused(statement, match="append-only")
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


def test_case_without_a_quorum_is_refused(world):
    world.submitted()
    assert ReviewCase.objects.count() == 1
    refused("UPDATE exchange_reviewcase SET quorum = 0", match="quorum")


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
    request.editors.clear()
