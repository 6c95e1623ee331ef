"""In blind review a vote lies within the request only; what all votes share is taken when the last one is in."""

from django.db import migrations

from exchange.migrations.guards.decisions import DECISIONS
from exchange.migrations.guards.sealed import SEALED

SHARED = """
-- What several scopes of one request share: the fields that are in all of them, the fewest rows, the earliest end.
CREATE FUNCTION exchange_shared(scopes jsonb[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT scopes[1] || jsonb_build_object(
        'fields', COALESCE((
            SELECT jsonb_agg(field ORDER BY place)
            FROM jsonb_array_elements(scopes[1] -> 'fields') WITH ORDINALITY AS given (field, place)
            WHERE NOT EXISTS (SELECT 1 FROM unnest(scopes) one WHERE NOT (one -> 'fields') @> jsonb_build_array(field))
        ), '[]'),
        'row_limit', (SELECT min((one ->> 'row_limit')::numeric) FROM unnest(scopes) one),
        'period_to', (SELECT min((one ->> 'period_to') COLLATE "C") FROM unnest(scopes) one),
        'retention_until', (SELECT min((one ->> 'retention_until') COLLATE "C") FROM unnest(scopes) one)
    )
$$;

-- Whether the vote is one of those that closed a blind review with nothing in common, and `at` is when they were voided.
-- Of votes that are voided together some are void already when the others' turn comes.
CREATE FUNCTION exchange_votes_apart(vote exchange_decision, at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    needed int;
    given int;
    last_made timestamptz;
    shared jsonb;
BEGIN
    SELECT CASE WHEN r.is_emergency THEN 1 ELSE c.quorum END INTO needed
        FROM exchange_reviewcase c JOIN exchange_exchangerequest r ON r.id = c.request_id
        WHERE c.id = vote.case_id AND c.blind_review AND r.status = 'under-review';
    SELECT count(*), max(v.made_at), exchange_shared(array_agg(v.scope::jsonb ORDER BY v.id))
        INTO given, last_made, shared FROM exchange_decision v
        WHERE v.case_id = vote.case_id AND v.revision_id = vote.revision_id AND v.verdict = 'approve'
          AND (v.voided_at IS NULL OR v.voided_at = at);
    RETURN vote.verdict = 'approve' AND COALESCE(given >= needed, false) AND at >= last_made AND (
        shared -> 'fields' = '[]'
        OR (shared ->> 'period_to') COLLATE "C"
            < GREATEST(shared ->> 'period_from', to_char(exchange_today(), 'YYYY-MM-DD')) COLLATE "C"
    );
END $$;
"""

# Where votes are open each lies within the one before.
CHECKED = DECISIONS[
    DECISIONS.index("CREATE FUNCTION exchange_decision_check()") : DECISIONS.index(
        "CREATE TRIGGER exchange_decision_separation"
    )
].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
ON_ITS_OWN = CHECKED.replace(
    "verdict = 'approve' AND voided_at IS NULL\n            ORDER BY id DESC",
    "verdict = 'approve' AND voided_at IS NULL\n"
    "              AND NOT EXISTS (SELECT 1 FROM exchange_reviewcase WHERE id = NEW.case_id AND blind_review)\n"
    "            ORDER BY id DESC",
    1,
)

# The agreement's own check stays as it is for open votes, and compares with what all share for blind ones.
SCOPED = """
CREATE FUNCTION exchange_agreement_check_shared() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shared jsonb;
BEGIN
    SELECT exchange_shared(array_agg(v.scope::jsonb ORDER BY v.id)) INTO shared
        FROM exchange_decision v JOIN exchange_reviewcase c ON c.id = v.case_id
        WHERE v.case_id = NEW.case_id AND v.verdict = 'approve' AND v.voided_at IS NULL AND v.revision_id = (
            SELECT id FROM exchange_revision WHERE request_id = c.request_id ORDER BY number DESC LIMIT 1);
    IF NOT NEW.is_standing AND (NEW.scope::jsonb IS DISTINCT FROM shared
       OR NEW.scope_hash IS DISTINCT FROM encode(sha256(convert_to(NEW.scope, 'UTF8')), 'hex')) THEN
        RAISE EXCEPTION 'agreement about something other than what all approvers share' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_agreement_shared BEFORE INSERT ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_agreement_check_shared();
"""

# Functions that other migrations wrote are changed in place: what those added stays.
CHANGE = """
DO $do$
DECLARE
    known text := pg_get_functiondef('{name}'::regprocedure);
    changed text := replace(known, $old${old}$old$, $new${new}$new$);
BEGIN
    IF changed = known THEN
        RAISE EXCEPTION '{name} does not read as expected';
    END IF;
    EXECUTE changed;
END $do$;
"""
AGREED = {
    "name": "exchange_agreement_check()",
    "old": "IF NEW.scope_hash IS DISTINCT FROM approved THEN",
    "new": "IF NOT desk.blind_review AND NEW.scope_hash IS DISTINCT FROM approved THEN",
}
VOIDED = {
    "name": "exchange_decision_check_void()",
    "old": "OLD.voided_at IS NOT NULL OR NOT (EXISTS",
    "new": "OLD.voided_at IS NOT NULL OR NOT (exchange_votes_apart(OLD, NEW.voided_at) OR EXISTS",
}
COUNTED = """ FROM exchange_decision
        WHERE case_id = desk.id AND revision_id = latest.id AND verdict = 'approve' AND voided_at IS NULL"""
TOLD = {
    "name": "exchange_letter_is_decided(jsonb, exchange_reviewcase, exchange_exchangerequest)",
    "old": f"SELECT scope::jsonb INTO approved{COUNTED}\n        ORDER BY id DESC LIMIT 1;",
    "new": f"SELECT exchange_shared(array_agg(scope::jsonb ORDER BY id)) INTO approved{COUNTED};",
}


def back(change: dict[str, str]) -> dict[str, str]:
    return {**change, "old": change["new"], "new": change["old"]}


FORWARD = SHARED + ON_ITS_OWN + SCOPED + "".join(CHANGE.format(**one) for one in (AGREED, VOIDED, TOLD))
BACKWARD = (
    "".join(CHANGE.format(**back(one)) for one in (TOLD, VOIDED, AGREED))
    + CHECKED
    + """
DROP TRIGGER exchange_agreement_shared ON exchange_agreement;
DROP FUNCTION exchange_agreement_check_shared();
DROP FUNCTION exchange_votes_apart(exchange_decision, timestamptz);
DROP FUNCTION exchange_shared(jsonb[]);
"""
)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0043_letters_and_terms_guarded")]

    operations = [migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED)]
