"""What is written once stays: no row is rewritten, deleted or truncated, and every hash is the hash of its text."""

TABLES = [
    "exchangerequest",
    "exchangerequest_named_users",
    "revision",
    "reviewcase",
    "decision",
    "letter",
    "agreement",
    "delivery",
    "deliveryattempt",
]

KEPT = """
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

-- Arguments: the columns that never change; they say which thing the row is.
CREATE FUNCTION exchange_refuse_new_identity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
BEGIN
    FOR i IN 0 .. TG_NARGS - 1 LOOP
        IF after -> TG_ARGV[i] IS DISTINCT FROM before -> TG_ARGV[i] THEN
            RAISE EXCEPTION '% of % never changes', TG_ARGV[i], TG_TABLE_NAME
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE FUNCTION exchange_hash(content text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE content WHEN '' THEN '' ELSE encode(sha256(convert_to(content, 'UTF8')), 'hex') END
$$;

-- Arguments: the column of the text and that of its hash.
CREATE FUNCTION exchange_check_hash() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    written jsonb := to_jsonb(NEW);
BEGIN
    IF written ->> TG_ARGV[1] IS DISTINCT FROM exchange_hash(written ->> TG_ARGV[0]) THEN
        RAISE EXCEPTION '% of % is not the hash of its %', TG_ARGV[1], TG_TABLE_NAME, TG_ARGV[0]
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_revision_immutable BEFORE UPDATE ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_revision_hashed BEFORE INSERT ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_check_hash('content', 'content_hash');
CREATE TRIGGER exchange_revision_kept BEFORE DELETE ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();

CREATE TRIGGER exchange_reviewcase_identity BEFORE UPDATE ON exchange_reviewcase
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_new_identity(
        'id', 'public_id', 'request_id', 'provider_id', 'opened_at');
CREATE TRIGGER exchange_reviewcase_kept BEFORE DELETE ON exchange_reviewcase
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();

CREATE TRIGGER exchange_decision_immutable BEFORE UPDATE ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('voided_at');
CREATE TRIGGER exchange_decision_hashed BEFORE INSERT ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_check_hash('scope', 'scope_hash');
CREATE TRIGGER exchange_decision_kept BEFORE DELETE ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();

CREATE TRIGGER exchange_letter_immutable BEFORE UPDATE ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_letter_hashed BEFORE INSERT ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_check_hash('content', 'content_hash');
CREATE TRIGGER exchange_letter_kept BEFORE DELETE ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();

CREATE TRIGGER exchange_agreement_immutable BEFORE UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('status', 'status_reason', 'ended_at');
CREATE TRIGGER exchange_agreement_hashed BEFORE INSERT ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_check_hash('scope', 'scope_hash');
CREATE TRIGGER exchange_agreement_kept BEFORE DELETE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();

CREATE TRIGGER exchange_delivery_identity BEFORE UPDATE ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_new_identity(
        'id', 'public_id', 'code', 'agreement_id', 'slot', 'requested_at', 'requested_by_id');
CREATE TRIGGER exchange_delivery_kept BEFORE DELETE ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_deliveryattempt_kept BEFORE DELETE ON exchange_deliveryattempt
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
"""

NOT_TRUNCATED = "".join(
    f"""
CREATE TRIGGER exchange_{table}_no_truncate BEFORE TRUNCATE ON exchange_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();"""
    for table in TABLES
)
