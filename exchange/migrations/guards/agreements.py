"""No agreement beyond its approvals, no delivery without a live agreement."""

AGREEMENTS = """
CREATE FUNCTION exchange_agreement_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    desk exchange_reviewcase%ROWTYPE;
    latest exchange_revision%ROWTYPE;
    granted jsonb := NEW.scope::jsonb;
    approvals int;
    approved text;
BEGIN
    SELECT * INTO desk FROM exchange_reviewcase WHERE id = NEW.case_id;
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = desk.request_id FOR SHARE;
    SELECT * INTO latest FROM exchange_revision WHERE request_id = request.id ORDER BY number DESC LIMIT 1;
    IF request.status IS DISTINCT FROM 'approved' OR NEW.consumer_id IS DISTINCT FROM request.consumer_id
       OR NEW.dataset_id IS DISTINCT FROM request.dataset_id THEN
        RAISE EXCEPTION 'agreement without an approved request' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.provider_id IS DISTINCT FROM desk.provider_id OR NEW.policy_id IS DISTINCT FROM desk.policy_id
       OR desk.provider_id IS DISTINCT FROM exchange_owner_of(request.dataset_id) THEN
        RAISE EXCEPTION 'agreement of somebody other than the owner, or under another policy' USING ERRCODE = 'check_violation';
    END IF;

    IF NEW.is_standing THEN
        -- The owner's approver decided beforehand; that person's conflicts with this request count all the same.
        IF NOT EXISTS (SELECT 1 FROM registry_sharingpolicy p
                       WHERE p.id = NEW.policy_id AND p.is_standing AND p.decided_by_id IS NOT NULL
                         AND exchange_conflict(p.decided_by_id, request) IS NULL) THEN
            RAISE EXCEPTION 'agreement without a standing permission' USING ERRCODE = 'check_violation';
        END IF;
        IF granted IS DISTINCT FROM latest.content::jsonb -> 'scope' THEN
            RAISE EXCEPTION 'agreement about something other than what was asked for' USING ERRCODE = 'check_violation';
        END IF;
    ELSE
        SELECT count(*) INTO approvals FROM exchange_decision
            WHERE case_id = NEW.case_id AND revision_id = latest.id AND verdict = 'approve' AND voided_at IS NULL;
        IF approvals < desk.quorum THEN
            RAISE EXCEPTION 'agreement with % of % approvals', approvals, desk.quorum USING ERRCODE = 'check_violation';
        END IF;
        -- Each vote lies within the ones before, so the last one is what all approvers share.
        SELECT scope_hash INTO approved FROM exchange_decision
            WHERE case_id = NEW.case_id AND revision_id = latest.id AND verdict = 'approve' AND voided_at IS NULL
            ORDER BY id DESC LIMIT 1;
        IF NEW.scope_hash IS DISTINCT FROM approved THEN
            RAISE EXCEPTION 'agreement about something other than what was approved' USING ERRCODE = 'check_violation';
        END IF;
    END IF;

    IF (NEW.mode, NEW.file_format, NEW.purpose) IS DISTINCT FROM
           (granted ->> 'mode', granted ->> 'file_format', granted ->> 'purpose')
       OR to_char(NEW.valid_from, 'YYYY-MM-DD') IS DISTINCT FROM granted ->> 'period_from'
       OR to_char(NEW.valid_to, 'YYYY-MM-DD') IS DISTINCT FROM granted ->> 'period_to'
       OR to_char(NEW.retention_until, 'YYYY-MM-DD') IS DISTINCT FROM granted ->> 'retention_until' THEN
        RAISE EXCEPTION 'agreement at odds with its own scope' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_agreement_approved BEFORE INSERT ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_agreement_check();

CREATE FUNCTION exchange_delivery_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.finished_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'delivery % is finished', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (TG_OP = 'INSERT' OR (NEW.status = 'completed' AND OLD.status <> 'completed')) AND NOT EXISTS (
        SELECT 1 FROM exchange_agreement
        WHERE id = NEW.agreement_id AND status = 'active' AND valid_from <= exchange_today() AND valid_to >= exchange_today()
    ) THEN
        RAISE EXCEPTION 'delivery without an agreement in force' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_delivery_agreed BEFORE INSERT OR UPDATE ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_delivery_check();
"""
