"""A new agency is put below another only where nobody there could be asked; and who stood above an agency at a moment."""

from django.db import migrations

FORWARD = """
-- The agency and all above it as the tree was at that moment: by when it was changed, not by the day that was agreed.
CREATE FUNCTION registry_agency_lineage_at(start bigint, moment timestamptz) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE lineage(id) AS (
        SELECT start
        UNION
        SELECT CASE WHEN later.agency_id IS NULL THEN agency.parent_id ELSE later.from_parent_id END
        FROM lineage JOIN registry_agency agency ON agency.id = lineage.id
        LEFT JOIN LATERAL (
            SELECT move.agency_id, move.from_parent_id FROM registry_agencymove move
            WHERE move.agency_id = agency.id AND move.applied_at > moment
            ORDER BY move.applied_at, move.id LIMIT 1
        ) later ON true
    )
    SELECT id FROM lineage WHERE id IS NOT NULL
$$;

CREATE FUNCTION registry_agency_begins_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.parent_id IS NOT NULL AND EXISTS (
        SELECT FROM registry_membership m JOIN registry_user u ON u.id = m.user_id
        WHERE m.role = 'approver' AND u.is_active AND m.agency_id IN (SELECT registry_agency_lineage(NEW.parent_id))
          AND m.valid_from <= (clock_timestamp() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
          AND (m.valid_to IS NULL OR m.valid_to >= (clock_timestamp() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date)
    ) THEN
        RAISE EXCEPTION 'agency % begins without a superior: a move with the consent of both sides gives it one', NEW.code
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_agency_begins_apart BEFORE INSERT ON registry_agency
    FOR EACH ROW EXECUTE FUNCTION registry_agency_begins_apart();

-- ALWAYS: a session that calls itself a replica meets it, too. The path: no temporary table can pose as a real one.
ALTER TABLE registry_agency ENABLE ALWAYS TRIGGER registry_agency_begins_apart;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['registry_agency_begins_apart()', 'registry_agency_lineage_at(bigint, timestamptz)'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
"""

BACKWARD = """
DROP TRIGGER registry_agency_begins_apart ON registry_agency;
DROP FUNCTION registry_agency_begins_apart();
DROP FUNCTION registry_agency_lineage_at(bigint, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0033_import_runs_guarded")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
