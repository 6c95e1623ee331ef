"""The rules of the exchange that hold even for somebody with a database prompt."""

from django.db import migrations

NUMBERS = """
CREATE SEQUENCE exchange_request_code;
CREATE SEQUENCE exchange_agreement_code;
CREATE SEQUENCE exchange_delivery_code;
"""

# Legal moves as of this migration; a test compares them with the transition table.
STATUS = """
CREATE FUNCTION exchange_check_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    legal text[] := TG_ARGV::text[];
BEGIN
    IF NEW.status IS DISTINCT FROM OLD.status AND NOT (OLD.status || '>' || NEW.status) = ANY (legal) THEN
        RAISE EXCEPTION '% cannot go from % to %', TG_TABLE_NAME, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION exchange_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: nothing decided or delivered is ever deleted', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- Arguments: the columns that may change; everything else stays as it was written.
CREATE FUNCTION exchange_refuse_other_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- Without arguments TG_ARGV is NULL, and NULL would make every comparison come out as "no change".
    changeable text[] := COALESCE(TG_ARGV::text[], '{}');
BEGIN
    IF (to_jsonb(NEW) - changeable) IS DISTINCT FROM (to_jsonb(OLD) - changeable) THEN
        RAISE EXCEPTION 'a row of % cannot be rewritten', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_revision_immutable BEFORE UPDATE ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_revision_kept BEFORE DELETE ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_decision_immutable BEFORE UPDATE ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('voided_at');
CREATE TRIGGER exchange_decision_kept BEFORE DELETE ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_letter_immutable BEFORE UPDATE ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_letter_kept BEFORE DELETE ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_agreement_immutable BEFORE UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('status', 'status_reason', 'ended_at');
CREATE TRIGGER exchange_agreement_kept BEFORE DELETE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_delivery_kept BEFORE DELETE ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_deliveryattempt_kept BEFORE DELETE ON exchange_deliveryattempt
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();

CREATE TRIGGER exchange_request_move BEFORE UPDATE OF status ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_check_move(
        'draft>pending-endorsement', 'returned>pending-endorsement', 'pending-endorsement>draft',
        'pending-endorsement>submitted', 'submitted>under-review', 'submitted>approved', 'under-review>returned',
        'under-review>rejected', 'under-review>approved', 'under-review>offered', 'offered>approved',
        'draft>withdrawn', 'pending-endorsement>withdrawn', 'submitted>withdrawn', 'under-review>withdrawn',
        'returned>withdrawn', 'offered>withdrawn', 'draft>expired', 'returned>expired', 'offered>expired');
CREATE TRIGGER exchange_agreement_move BEFORE UPDATE OF status ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_check_move(
        'agreed>active', 'active>suspended', 'suspended>active', 'agreed>revoked', 'active>revoked',
        'suspended>revoked', 'agreed>relinquished', 'active>relinquished', 'suspended>relinquished',
        'agreed>expired', 'active>expired', 'suspended>expired', 'agreed>superseded', 'active>superseded',
        'suspended>superseded');
CREATE TRIGGER exchange_delivery_move BEFORE UPDATE OF status ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_check_move(
        'requested>started', 'started>completed', 'requested>terminated', 'started>terminated');
"""

# What was proposed stays as it was signed: only a draft or a returned request can be edited, and a closed one never changes.
REQUEST = """
CREATE FUNCTION exchange_request_keep_content() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    progress text[] := ARRAY['status', 'status_reason', 'endorsed_at', 'endorsed_by_id', 'closed_at'];
BEGIN
    IF OLD.closed_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'request % is closed', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status NOT IN ('draft', 'returned')
       AND (to_jsonb(NEW) - progress) IS DISTINCT FROM (to_jsonb(OLD) - progress) THEN
        RAISE EXCEPTION 'request % is proposed: its content is frozen', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_request_frozen BEFORE UPDATE ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_request_keep_content();

CREATE FUNCTION exchange_request_keep_proposed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'draft' OR EXISTS (SELECT 1 FROM exchange_revision WHERE request_id = OLD.id) THEN
        RAISE EXCEPTION 'request % was proposed and is kept', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER exchange_request_kept BEFORE DELETE ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_request_keep_proposed();
"""

# Rules 1 and 2 of the separation of duties.
DECISION = """
CREATE FUNCTION exchange_decision_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    latest exchange_revision%ROWTYPE;
    today date := (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
BEGIN
    SELECT r.* INTO request FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id FOR SHARE OF r;
    SELECT * INTO latest FROM exchange_revision WHERE request_id = request.id ORDER BY number DESC LIMIT 1;
    IF request.status <> 'under-review' THEN
        RAISE EXCEPTION 'request % is not under review', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.revision_id IS DISTINCT FROM latest.id OR NEW.revision_hash IS DISTINCT FROM latest.content_hash THEN
        RAISE EXCEPTION 'the decision is not about the latest revision of %', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.made_by_id IN (request.created_by_id, request.last_edited_by_id, request.endorsed_by_id, latest.proposed_by_id) THEN
        RAISE EXCEPTION 'whoever filed, edited or signed % cannot decide on it', request.code
            USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM registry_membership m JOIN exchange_reviewcase c ON c.provider_id = m.agency_id
        WHERE c.id = NEW.case_id AND m.agency_id = NEW.agency_id AND m.user_id = NEW.made_by_id
          AND m.valid_from <= today AND (m.valid_to IS NULL OR m.valid_to >= today)
    ) THEN
        RAISE EXCEPTION 'only somebody of the owner can decide on %', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM registry_membership m
        WHERE m.user_id = NEW.made_by_id AND m.valid_from <= today AND (m.valid_to IS NULL OR m.valid_to >= today)
          AND m.agency_id IN (SELECT registry_agency_lineage(request.consumer_id))
    ) THEN
        RAISE EXCEPTION 'nobody of the requesting agency or of one above it can decide on %', request.code
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_decision_separation BEFORE INSERT ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_decision_check();
"""

# No agreement without its approvals, no delivery without a live agreement.
GRANT = """
CREATE FUNCTION exchange_agreement_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    needed int;
    approvals int;
    latest bigint;
BEGIN
    SELECT r.* INTO request FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id FOR SHARE OF r;
    SELECT quorum INTO needed FROM exchange_reviewcase WHERE id = NEW.case_id;
    IF request.status <> 'approved' OR NEW.consumer_id <> request.consumer_id OR NEW.dataset_id <> request.dataset_id THEN
        RAISE EXCEPTION 'agreement without an approved request' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.is_standing THEN
        IF NOT EXISTS (SELECT 1 FROM registry_sharingpolicy p JOIN exchange_reviewcase c ON c.policy_id = p.id
                       WHERE p.id = NEW.policy_id AND c.id = NEW.case_id AND p.is_standing AND p.decided_by_id IS NOT NULL) THEN
            RAISE EXCEPTION 'agreement without a standing permission' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    SELECT id INTO latest FROM exchange_revision WHERE request_id = request.id ORDER BY number DESC LIMIT 1;
    SELECT count(*) INTO approvals FROM exchange_decision
        WHERE case_id = NEW.case_id AND revision_id = latest AND verdict = 'approve' AND voided_at IS NULL;
    IF approvals < needed THEN
        RAISE EXCEPTION 'agreement with % of % approvals', approvals, needed USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_agreement_approved BEFORE INSERT ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_agreement_check();

CREATE FUNCTION exchange_delivery_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    today date := (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.finished_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'delivery % is finished', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (TG_OP = 'INSERT' OR (NEW.status = 'completed' AND OLD.status <> 'completed')) AND NOT EXISTS (
        SELECT 1 FROM exchange_agreement
        WHERE id = NEW.agreement_id AND status = 'active' AND valid_from <= today AND valid_to >= today
    ) THEN
        RAISE EXCEPTION 'delivery without an agreement in force' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_delivery_agreed BEFORE INSERT OR UPDATE ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_delivery_check();
"""

FUNCTIONS = [
    "check_move",
    "refuse_delete",
    "refuse_other_changes",
    "request_keep_content",
    "request_keep_proposed",
    "decision_check",
    "agreement_check",
    "delivery_check",
]
BACKWARD = "\n".join(
    [f"DROP FUNCTION exchange_{name}() CASCADE;" for name in FUNCTIONS]
    + [f"DROP SEQUENCE exchange_{name}_code;" for name in ("request", "agreement", "delivery")]
)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0002_initial"), ("registry", "0002_guards")]

    operations = [migrations.RunSQL(NUMBERS + STATUS + REQUEST + DECISION + GRANT, BACKWARD)]
