"""A vote of somebody who joined the asking side since closes no case, and can be set aside."""

from django.db import migrations

from exchange.migrations.guards.sealed import SEALED

MOVED = """
-- Whether the vote could not be given today: its maker, or whoever it was made for, belongs to the asking side.
CREATE FUNCTION exchange_vote_moved(vote exchange_decision) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM exchange_reviewcase c JOIN exchange_exchangerequest r ON r.id = c.request_id,
            LATERAL (SELECT vote.made_by_id AS person
                     UNION SELECT delegator_id FROM registry_delegation WHERE id = vote.delegation_id) voters
        WHERE c.id = vote.case_id
          AND (exchange_asks(voters.person, r.consumer_id) OR exchange_asked(voters.person, r))
    )
$$;

CREATE FUNCTION exchange_request_check_votes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'under-review' AND NEW.status IN ('approved', 'offered') AND EXISTS (
        SELECT 1 FROM exchange_decision v JOIN exchange_revision own ON own.id = v.revision_id
        WHERE own.request_id = NEW.id AND v.verdict = 'approve' AND v.voided_at IS NULL AND exchange_vote_moved(v)
    ) THEN
        RAISE EXCEPTION 'an approver of % has joined the asking side since', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_request_votes_stand BEFORE UPDATE OF status ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_request_check_votes();
"""

VOID = """
CREATE OR REPLACE FUNCTION exchange_decision_check_void() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.voided_at IS DISTINCT FROM OLD.voided_at AND (OLD.voided_at IS NOT NULL OR NOT (EXISTS (
        SELECT 1 FROM exchange_revision newer JOIN exchange_revision own ON own.request_id = newer.request_id
        WHERE own.id = OLD.revision_id AND newer.number > own.number
    ) OR EXISTS (
        SELECT 1 FROM exchange_recusal c JOIN exchange_revision own ON own.request_id = c.request_id
        WHERE own.id = OLD.revision_id AND (c.person_id = OLD.made_by_id OR c.person_id = (
            SELECT delegator_id FROM registry_delegation WHERE id = OLD.delegation_id))
    ){moved})) THEN
        RAISE EXCEPTION 'only a new revision{told} or a declared conflict voids a decision, and for good'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""

FORWARD = MOVED + VOID.format(
    moved=" OR (OLD.verdict = 'approve' AND exchange_vote_moved(OLD))", told=", a move to the asking side"
)
BACKWARD = (
    VOID.format(moved="", told="")
    + """
DROP TRIGGER exchange_request_votes_stand ON exchange_exchangerequest;
DROP FUNCTION exchange_request_check_votes();
DROP FUNCTION exchange_vote_moved(exchange_decision);
"""
)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0021_saved_searches")]

    operations = [migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED)]
