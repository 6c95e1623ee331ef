"""The desk of the owner: its terms are set when the request is signed, and the owner stays while there is something open."""

CASES = """
CREATE FUNCTION exchange_case_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    policy registry_sharingpolicy%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.policy_id, NEW.quorum) IS NOT DISTINCT FROM (OLD.policy_id, OLD.quorum) THEN
        RETURN NEW;
    END IF;
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = NEW.request_id FOR SHARE;
    SELECT * INTO policy FROM registry_sharingpolicy WHERE id = NEW.policy_id;
    IF request.status <> 'pending-endorsement' THEN
        RAISE EXCEPTION 'policy and quorum of a case are set when its request is signed' USING ERRCODE = 'check_violation';
    END IF;
    IF policy.dataset_id IS DISTINCT FROM request.dataset_id
       OR NEW.provider_id IS DISTINCT FROM exchange_owner_of(request.dataset_id) THEN
        RAISE EXCEPTION 'a case belongs to the owner of what is asked for' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.quorum < policy.quorum
       OR (TG_OP = 'UPDATE' AND NEW.policy_id = OLD.policy_id AND NEW.quorum < OLD.quorum) THEN
        RAISE EXCEPTION 'the quorum of a case is never lowered' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_reviewcase_terms BEFORE INSERT OR UPDATE ON exchange_reviewcase
    FOR EACH ROW EXECUTE FUNCTION exchange_case_check();

-- A database, or a dataset with it, changes hands only when nobody waits for its owner and nothing is granted in its name.
CREATE FUNCTION exchange_keep_owner() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    concerned bigint[];
BEGIN
    IF TG_TABLE_NAME = 'registry_database' THEN
        IF NEW.owner_id = OLD.owner_id THEN
            RETURN NEW;
        END IF;
        SELECT array_agg(id) INTO concerned FROM registry_dataset WHERE database_id = OLD.id;
    ELSE
        IF NEW.database_id = OLD.database_id THEN
            RETURN NEW;
        END IF;
        concerned := ARRAY[OLD.id];
    END IF;
    IF EXISTS (SELECT 1 FROM exchange_reviewcase c JOIN exchange_exchangerequest r ON r.id = c.request_id
               WHERE r.dataset_id = ANY (concerned) AND r.closed_at IS NULL)
       OR EXISTS (SELECT 1 FROM exchange_agreement WHERE dataset_id = ANY (concerned) AND ended_at IS NULL) THEN
        RAISE EXCEPTION 'the owner stays while there are open cases or agreements' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_database_owner BEFORE UPDATE OF owner_id ON registry_database
    FOR EACH ROW EXECUTE FUNCTION exchange_keep_owner();
CREATE TRIGGER exchange_dataset_owner BEFORE UPDATE OF database_id ON registry_dataset
    FOR EACH ROW EXECUTE FUNCTION exchange_keep_owner();
"""
