"""Rules 1 and 2 of the separation of duties, and the part of rule 3 that a vote can break."""

DECISIONS = """
-- Whether one scope lies within another: fewer fields or rows, an earlier end, otherwise the same.
CREATE FUNCTION exchange_within(narrow jsonb, wide jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT COALESCE(
        narrow - ARRAY['fields', 'row_limit', 'period_to', 'retention_until']
            = wide - ARRAY['fields', 'row_limit', 'period_to', 'retention_until']
        AND NOT EXISTS (SELECT jsonb_array_elements(narrow -> 'fields') EXCEPT SELECT jsonb_array_elements(wide -> 'fields'))
        AND (narrow ->> 'row_limit')::numeric <= (wide ->> 'row_limit')::numeric
        AND (narrow ->> 'period_to') COLLATE "C" <= (wide ->> 'period_to') COLLATE "C"
        AND (narrow ->> 'retention_until') COLLATE "C" <= (wide ->> 'retention_until') COLLATE "C",
        false)
$$;

-- Why the person may not decide on the request, or NULL.
CREATE FUNCTION exchange_conflict(person bigint, request exchange_exchangerequest) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF exchange_took_part(person, request.id) THEN
        RETURN format('whoever filed, edited or signed %s cannot decide on it', request.code);
    END IF;
    IF exchange_asks(person, request.consumer_id) THEN
        RETURN format('nobody of the requesting agency or of one above it can decide on %s', request.code);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION exchange_decision_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    latest exchange_revision%ROWTYPE;
    provider bigint;
    delegator bigint;
    conflict text;
    wider jsonb;
BEGIN
    -- Two votes at once wait for each other here: each must see the other.
    SELECT r.* INTO request FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id FOR NO KEY UPDATE OF r;
    SELECT provider_id INTO provider FROM exchange_reviewcase WHERE id = NEW.case_id;
    SELECT * INTO latest FROM exchange_revision WHERE request_id = request.id ORDER BY number DESC LIMIT 1;
    IF request.status IS DISTINCT FROM 'under-review' OR NEW.voided_at IS NOT NULL THEN
        RAISE EXCEPTION 'request % is not under review', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.revision_id IS DISTINCT FROM latest.id OR NEW.revision_hash IS DISTINCT FROM latest.content_hash THEN
        RAISE EXCEPTION 'the decision is not about the latest revision of %', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF provider IS DISTINCT FROM exchange_owner_of(request.dataset_id) OR NEW.agency_id IS DISTINCT FROM provider THEN
        RAISE EXCEPTION 'only the owner of what is asked for can decide on %', request.code USING ERRCODE = 'check_violation';
    END IF;

    IF NEW.delegation_id IS NOT NULL THEN
        SELECT d.delegator_id INTO delegator FROM registry_delegation d
            WHERE d.id = NEW.delegation_id AND d.delegate_id = NEW.made_by_id AND d.agency_id = provider
              AND d.valid_from <= exchange_today() AND d.valid_to >= exchange_today();
        IF delegator IS NULL OR NOT exchange_works_for(delegator, provider, 'approver') THEN
            RAISE EXCEPTION 'no delegation of an approver of the owner is in force' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    conflict := COALESCE(exchange_conflict(NEW.made_by_id, request), exchange_conflict(delegator, request));
    IF conflict IS NOT NULL THEN
        RAISE EXCEPTION '%', conflict USING ERRCODE = 'check_violation';
    END IF;
    IF NOT exchange_works_for(NEW.made_by_id, provider) THEN
        RAISE EXCEPTION 'only somebody of the owner can decide on %', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF delegator IS NULL AND NOT exchange_works_for(NEW.made_by_id, provider, 'approver')
       AND NOT (NEW.verdict = 'return' AND exchange_works_for(NEW.made_by_id, provider, 'case-officer')) THEN
        RAISE EXCEPTION 'only an approver of the owner can decide on %', request.code USING ERRCODE = 'check_violation';
    END IF;
    -- An approver and whoever decides in the approver's place are one vote. That nobody votes twice is a unique index.
    IF EXISTS (
        SELECT 1 FROM exchange_decision v LEFT JOIN registry_delegation d ON d.id = v.delegation_id
        WHERE v.revision_id = latest.id AND v.voided_at IS NULL
          AND (v.made_by_id = delegator OR d.delegator_id IN (delegator, NEW.made_by_id))
    ) THEN
        RAISE EXCEPTION 'this approver has already decided on %', request.code USING ERRCODE = 'unique_violation';
    END IF;

    IF NEW.verdict = 'approve' THEN
        SELECT scope::jsonb INTO wider FROM exchange_decision
            WHERE case_id = NEW.case_id AND revision_id = latest.id AND verdict = 'approve' AND voided_at IS NULL
            ORDER BY id DESC LIMIT 1;
        IF NOT exchange_within(NEW.scope::jsonb, COALESCE(wider, latest.content::jsonb -> 'scope')) THEN
            RAISE EXCEPTION 'a decision can only narrow what was asked for in %', request.code
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_decision_separation BEFORE INSERT ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_decision_check();

-- A new revision voids a decision, once; nothing else does, and nothing brings it back.
CREATE FUNCTION exchange_decision_check_void() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.voided_at IS DISTINCT FROM OLD.voided_at AND (OLD.voided_at IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM exchange_revision newer JOIN exchange_revision own ON own.request_id = newer.request_id
        WHERE own.id = OLD.revision_id AND newer.number > own.number
    )) THEN
        RAISE EXCEPTION 'only a new revision voids a decision, and for good' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_decision_voided BEFORE UPDATE OF voided_at ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_decision_check_void();
"""
