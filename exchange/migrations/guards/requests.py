"""What was proposed stays as it was signed: only a draft or a returned request is edited, and a closed one never changes."""

REQUESTS = """
CREATE TRIGGER exchange_request_identity BEFORE UPDATE ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_new_identity(
        'id', 'public_id', 'code', 'created_at', 'created_by_id', 'copied_from_id');

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
    -- Whoever signed cannot decide, so the name under a signed request is not exchanged for another one.
    IF OLD.status NOT IN ('draft', 'returned', 'pending-endorsement')
       AND (NEW.endorsed_by_id, NEW.endorsed_at) IS DISTINCT FROM (OLD.endorsed_by_id, OLD.endorsed_at) THEN
        RAISE EXCEPTION 'request % is signed: its signature is frozen', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.consumer_id <> OLD.consumer_id THEN
        RAISE EXCEPTION 'request % stays that of its agency', OLD.code USING ERRCODE = 'integrity_constraint_violation';
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

-- The people who will use the data are part of what is signed.
CREATE FUNCTION exchange_request_keep_named_users() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    state text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'a row of % cannot be rewritten', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT status INTO state FROM exchange_exchangerequest
        WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.exchangerequest_id ELSE NEW.exchangerequest_id END FOR SHARE;
    IF state NOT IN ('draft', 'returned') THEN
        RAISE EXCEPTION 'the request is proposed: its named users are frozen'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER exchange_named_users_frozen BEFORE INSERT OR UPDATE OR DELETE ON exchange_exchangerequest_named_users
    FOR EACH ROW EXECUTE FUNCTION exchange_request_keep_named_users();

-- A revision is frozen out of a draft, and follows the one before: nothing is slipped in while others decide.
CREATE FUNCTION exchange_revision_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    latest int;
BEGIN
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = NEW.request_id FOR NO KEY UPDATE;
    SELECT COALESCE(max(number), 0) INTO latest FROM exchange_revision WHERE request_id = NEW.request_id;
    IF request.status NOT IN ('draft', 'returned') OR NEW.number <> latest + 1 THEN
        RAISE EXCEPTION 'revision % of % does not follow from a draft', NEW.number, request.code
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_revision_follows BEFORE INSERT ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_revision_check();
"""
