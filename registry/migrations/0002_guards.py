"""Search without accents, and an agency tree that stays a tree."""

from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations

FORWARD = """
-- The agency itself and all above it. UNION ends the recursion even where the rows form a circle.
CREATE FUNCTION registry_agency_lineage(start bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE lineage(id) AS (
        SELECT start
        UNION
        SELECT agency.parent_id FROM registry_agency agency JOIN lineage ON agency.id = lineage.id
        WHERE agency.parent_id IS NOT NULL
    )
    SELECT id FROM lineage
$$;

CREATE FUNCTION registry_agency_refuse_circle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Two changes at once could close a circle that neither of them sees.
    PERFORM pg_advisory_xact_lock(hashtext('registry_agency_tree'));
    IF NEW.parent_id IS NOT NULL AND NEW.id IN (SELECT registry_agency_lineage(NEW.parent_id)) THEN
        RAISE EXCEPTION 'agency % cannot lie below itself', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_agency_no_circle BEFORE INSERT OR UPDATE OF parent_id ON registry_agency
    FOR EACH ROW EXECUTE FUNCTION registry_agency_refuse_circle();

-- ALWAYS: a session that calls itself a replica meets it, too. The path: no temporary table can pose as the agencies.
ALTER TABLE registry_agency ENABLE ALWAYS TRIGGER registry_agency_no_circle;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION registry_agency_refuse_circle() SET search_path = %I, pg_temp', current_schema());
END $$;
"""

BACKWARD = """
DROP TRIGGER registry_agency_no_circle ON registry_agency;
DROP FUNCTION registry_agency_refuse_circle();
DROP FUNCTION registry_agency_lineage(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [UnaccentExtension(), TrigramExtension(), migrations.RunSQL(FORWARD, BACKWARD)]
