"""Numbers, the state that a row begins in, and the legal moves as of this migration; a test compares those with the table."""

NUMBERS = """
CREATE SEQUENCE exchange_request_code;
CREATE SEQUENCE exchange_agreement_code;
CREATE SEQUENCE exchange_delivery_code;
"""

MOVES = """
-- Arguments: the state in which a row is born, then the columns that are still empty at that moment.
CREATE FUNCTION exchange_check_birth() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    born jsonb := to_jsonb(NEW);
BEGIN
    IF born ->> 'status' IS DISTINCT FROM TG_ARGV[0] THEN
        RAISE EXCEPTION 'a row of % begins as %', TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'check_violation';
    END IF;
    FOR i IN 1 .. TG_NARGS - 1 LOOP
        IF born ->> TG_ARGV[i] IS NOT NULL THEN
            RAISE EXCEPTION 'a row of % begins without %', TG_TABLE_NAME, TG_ARGV[i] USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_request_birth BEFORE INSERT ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_check_birth('draft', 'endorsed_at', 'endorsed_by_id', 'closed_at');
CREATE TRIGGER exchange_agreement_birth BEFORE INSERT ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_check_birth('agreed', 'ended_at');
CREATE TRIGGER exchange_delivery_birth BEFORE INSERT ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_check_birth('requested', 'started_at', 'finished_at', 'available_until');

CREATE FUNCTION exchange_check_move() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    legal text[] := TG_ARGV::text[];
BEGIN
    IF NEW.status IS DISTINCT FROM OLD.status AND NOT (OLD.status || '>' || NEW.status) = ANY (legal) THEN
        RAISE EXCEPTION '% cannot go from % to %', TG_TABLE_NAME, OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

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
