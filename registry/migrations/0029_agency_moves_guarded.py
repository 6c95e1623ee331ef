"""An agency changes its superior only by a move to which both sides have agreed, even for somebody with a database prompt."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_agency_moves_by_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NOT DISTINCT FROM OLD.parent_id THEN
        RETURN NEW;
    END IF;
    -- One move, one change: it is used up here.
    UPDATE registry_agencymove SET applied_at = clock_timestamp()
    WHERE agency_id = NEW.id
      AND from_parent_id IS NOT DISTINCT FROM OLD.parent_id AND new_parent_id IS NOT DISTINCT FROM NEW.parent_id
      AND giving_at IS NOT NULL AND taking_at IS NOT NULL AND applied_at IS NULL AND withdrawn_at IS NULL
      AND effective_on <= (clock_timestamp() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'agency % moves only by consent of both sides', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- By name before registry_agency_no_circle, which then looks at what was agreed to.
CREATE TRIGGER registry_agency_moves_by_consent BEFORE UPDATE OF parent_id ON registry_agency
    FOR EACH ROW EXECUTE FUNCTION registry_agency_moves_by_consent();

CREATE FUNCTION registry_speaks_for(person bigint, side bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM registry_membership m JOIN registry_user u ON u.id = m.user_id
        WHERE m.user_id = person AND u.is_active
          AND (m.role = 'operator' OR (m.role = 'approver' AND m.agency_id IN (SELECT registry_agency_lineage(side))))
          AND m.valid_from <= (clock_timestamp() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
          AND (m.valid_to IS NULL OR m.valid_to >= (clock_timestamp() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date)
    )
$$;

CREATE FUNCTION registry_agencymove_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    later text[] := ARRAY['giving_by_id', 'giving_at', 'taking_by_id', 'taking_at', 'withdrawn_by_id', 'withdrawn_at', 'applied_at'];
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION '% of moves of agencies refused: they are kept', TG_OP USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF num_nonnulls(NEW.giving_at, NEW.taking_at, NEW.withdrawn_at, NEW.applied_at) > 0 THEN
            RAISE EXCEPTION 'a move begins without consent' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - later) IS DISTINCT FROM (to_jsonb(OLD) - later) OR num_nonnulls(OLD.applied_at, OLD.withdrawn_at) > 0
       OR (OLD.giving_at IS NOT NULL AND (OLD.giving_at, OLD.giving_by_id) IS DISTINCT FROM (NEW.giving_at, NEW.giving_by_id))
       OR (OLD.taking_at IS NOT NULL AND (OLD.taking_at, OLD.taking_by_id) IS DISTINCT FROM (NEW.taking_at, NEW.taking_by_id)) THEN
        RAISE EXCEPTION 'what a move says, and who agreed, never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.applied_at IS NOT NULL AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'a move is carried out by the change of the agency' USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.giving_at IS NULL AND NEW.giving_at IS NOT NULL
        AND NOT registry_speaks_for(NEW.giving_by_id, coalesce(NEW.from_parent_id, NEW.agency_id)))
       OR (OLD.taking_at IS NULL AND NEW.taking_at IS NOT NULL
           AND NOT registry_speaks_for(NEW.taking_by_id, NEW.new_parent_id)) THEN
        RAISE EXCEPTION 'this person does not speak for that side' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_agencymove_kept BEFORE INSERT OR UPDATE OR DELETE ON registry_agencymove
    FOR EACH ROW EXECUTE FUNCTION registry_agencymove_check();
CREATE TRIGGER registry_agencymove_no_truncate BEFORE TRUNCATE ON registry_agencymove
    FOR EACH STATEMENT EXECUTE FUNCTION registry_agencymove_check();

-- ALWAYS: a session that calls itself a replica meets them, too. The path: no temporary table can pose as a real one.
ALTER TABLE registry_agency ENABLE ALWAYS TRIGGER registry_agency_moves_by_consent;
ALTER TABLE registry_agencymove ENABLE ALWAYS TRIGGER registry_agencymove_kept;
ALTER TABLE registry_agencymove ENABLE ALWAYS TRIGGER registry_agencymove_no_truncate;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['registry_agency_moves_by_consent()', 'registry_agencymove_check()',
                                'registry_speaks_for(bigint, bigint)'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;

SELECT registry_keep_history('registry_agencymove', '', '');
"""

BACKWARD = """
DROP TRIGGER registry_history_insert ON registry_agencymove;
DROP TRIGGER registry_history_update ON registry_agencymove;
DROP TRIGGER registry_history_delete ON registry_agencymove;
DROP FUNCTION registry_agency_moves_by_consent() CASCADE;
DROP FUNCTION registry_agencymove_check() CASCADE;
DROP FUNCTION registry_speaks_for(bigint, bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0028_agency_moves")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
