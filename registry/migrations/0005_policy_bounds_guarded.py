"""The bounds of sharing policies, and the owner they speak for, hold even for somebody with a database prompt."""

from django.db import migrations, models

FORWARD = """
CREATE FUNCTION registry_policy_keeps_quorum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    least smallint;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.quorum < OLD.quorum THEN
        RAISE EXCEPTION 'the quorum of a sharing policy is never lowered' USING ERRCODE = 'check_violation';
    END IF;
    SELECT database.min_quorum INTO least
    FROM registry_dataset dataset JOIN registry_database database ON database.id = dataset.database_id
    WHERE dataset.id = NEW.dataset_id
    FOR SHARE OF database;  -- two changes at once: the floor is not raised while a policy below it is written
    IF NEW.quorum < least AND NEW.quorum > 0 THEN  -- below one stands a constraint
        RAISE EXCEPTION 'this database needs at least % approvers', least USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_sharingpolicy_quorum_kept BEFORE INSERT OR UPDATE OF quorum, dataset_id ON registry_sharingpolicy
    FOR EACH ROW EXECUTE FUNCTION registry_policy_keeps_quorum();

CREATE FUNCTION registry_database_keeps_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.owner_id <> OLD.owner_id AND EXISTS (
        SELECT FROM registry_sharingpolicy policy JOIN registry_dataset dataset ON dataset.id = policy.dataset_id
        WHERE dataset.database_id = NEW.id AND (policy.valid_to IS NULL OR policy.valid_to >= current_date)
    ) THEN
        RAISE EXCEPTION 'database % has sharing policies of its owner', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_database_owner_kept BEFORE UPDATE OF owner_id ON registry_database
    FOR EACH ROW EXECUTE FUNCTION registry_database_keeps_owner();

-- ALWAYS: a session that calls itself a replica meets them, too. The path: no temporary table can pose as a real one.
ALTER TABLE registry_sharingpolicy ENABLE ALWAYS TRIGGER registry_sharingpolicy_quorum_kept;
ALTER TABLE registry_database ENABLE ALWAYS TRIGGER registry_database_owner_kept;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION registry_policy_keeps_quorum() SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION registry_database_keeps_owner() SET search_path = %I, pg_temp', current_schema());
END $$;
"""

BACKWARD = """
DROP TRIGGER registry_database_owner_kept ON registry_database;
DROP FUNCTION registry_database_keeps_owner();
DROP TRIGGER registry_sharingpolicy_quorum_kept ON registry_sharingpolicy;
DROP FUNCTION registry_policy_keeps_quorum();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_policy_bounds_kept")]

    operations = [
        migrations.AddConstraint(
            model_name="database",
            constraint=models.CheckConstraint(
                condition=models.Q(("min_quorum__gte", 1), ("min_quorum__lte", 9)), name="registry_database_min_quorum"
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_standing", False), ("quorum", 1), _connector="OR"),
                name="registry_sharingpolicy_standing_single",
                violation_error_message="What several approvers have to decide cannot be a standing permission.",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_rows__gte", 1), ("max_rows__lte", 9007199254740991)),
                name="registry_sharingpolicy_max_rows",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_retention_days__gte", 1), ("max_retention_days__lte", 3650)),
                name="registry_sharingpolicy_max_retention_days",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("max_retention_days__gte", models.F("max_days"))),
                name="registry_sharingpolicy_kept_while_used",
                violation_error_message="Data is kept at least as long as it is used.",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
