"""Snapshots and changes stay as they were written, and a suspended policy waits for the owner's review, for everybody."""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION registry_structure_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % refused: what was read of a source is kept', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER registry_schemasnapshot_kept BEFORE UPDATE OR DELETE ON registry_schemasnapshot
    FOR EACH ROW EXECUTE FUNCTION registry_structure_kept();
CREATE TRIGGER registry_schemasnapshot_no_truncate BEFORE TRUNCATE ON registry_schemasnapshot
    FOR EACH STATEMENT EXECUTE FUNCTION registry_structure_kept();
CREATE TRIGGER registry_schemachange_kept BEFORE DELETE ON registry_schemachange
    FOR EACH ROW EXECUTE FUNCTION registry_structure_kept();
CREATE TRIGGER registry_schemachange_no_truncate BEFORE TRUNCATE ON registry_schemachange
    FOR EACH STATEMENT EXECUTE FUNCTION registry_structure_kept();

CREATE FUNCTION registry_schemachange_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    review text[] := ARRAY['reviewed_at', 'reviewed_by_id', 'decision', 'note'];
    keeper bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.reviewed_at IS NOT NULL THEN
            RAISE EXCEPTION 'a change begins without its review' USING ERRCODE = 'check_violation';
        END IF;
        IF NOT EXISTS (SELECT FROM registry_schemasnapshot one JOIN registry_schemasnapshot two ON two.dataset_id = one.dataset_id
                       WHERE one.id = NEW.from_snapshot_id AND two.id = NEW.to_snapshot_id AND one.dataset_id = NEW.dataset_id) THEN
            RAISE EXCEPTION 'a change lies between two snapshots of its dataset' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - review) IS DISTINCT FROM (to_jsonb(OLD) - review) OR OLD.reviewed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a change of a source is only ever reviewed, once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT database.owner_id INTO keeper
    FROM registry_dataset dataset JOIN registry_database database ON database.id = dataset.database_id
    WHERE dataset.id = NEW.dataset_id FOR SHARE OF database;
    IF NEW.reviewed_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM registry_membership m JOIN registry_user u ON u.id = m.user_id
        WHERE m.user_id = NEW.reviewed_by_id AND m.agency_id = keeper AND m.role = 'approver' AND u.is_active
          AND m.valid_from <= (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
          AND (m.valid_to IS NULL OR m.valid_to >= (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date)
    ) THEN
        RAISE EXCEPTION 'only an approver of the owner reviews a change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_schemachange_reviewed_once BEFORE INSERT OR UPDATE ON registry_schemachange
    FOR EACH ROW EXECUTE FUNCTION registry_schemachange_check();

CREATE FUNCTION registry_policy_stays_suspended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.suspended_by_change_id IS NOT NULL AND NEW.suspended_by_change_id IS DISTINCT FROM OLD.suspended_by_change_id
       AND NOT EXISTS (SELECT FROM registry_schemachange WHERE id = OLD.suspended_by_change_id AND decision = 'accept') THEN
        RAISE EXCEPTION 'a suspended policy waits until its owner accepts the change' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_sharingpolicy_suspension_kept BEFORE UPDATE OF suspended_at, suspended_by_change_id
    ON registry_sharingpolicy FOR EACH ROW EXECUTE FUNCTION registry_policy_stays_suspended();

-- ALWAYS: a session that calls itself a replica meets them, too. The path: no temporary table can pose as a real one.
ALTER TABLE registry_schemasnapshot ENABLE ALWAYS TRIGGER registry_schemasnapshot_kept;
ALTER TABLE registry_schemasnapshot ENABLE ALWAYS TRIGGER registry_schemasnapshot_no_truncate;
ALTER TABLE registry_schemachange ENABLE ALWAYS TRIGGER registry_schemachange_kept;
ALTER TABLE registry_schemachange ENABLE ALWAYS TRIGGER registry_schemachange_no_truncate;
ALTER TABLE registry_schemachange ENABLE ALWAYS TRIGGER registry_schemachange_reviewed_once;
ALTER TABLE registry_sharingpolicy ENABLE ALWAYS TRIGGER registry_sharingpolicy_suspension_kept;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION registry_structure_kept() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION registry_schemachange_check() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION registry_policy_stays_suspended() SET search_path = %I, pg_temp', current_schema());
END $$;
"""

BACKWARD = """
DROP FUNCTION registry_policy_stays_suspended() CASCADE;
DROP FUNCTION registry_schemachange_check() CASCADE;
DROP FUNCTION registry_structure_kept() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0015_structure_numbered")]

    operations = [
        migrations.AddConstraint(
            model_name="schemasnapshot",
            constraint=models.UniqueConstraint(
                fields=("dataset", "version_major", "version_minor"), name="registry_schemasnapshot_version"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
