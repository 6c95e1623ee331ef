"""What look-ups were counted is written by the counting itself only, and never taken back."""

from django.db import migrations

from exchange.migrations.guards.sealed import SEALED

# At depth 1 somebody else writes; the count of a look-up is one trigger deeper.
FORWARD = """
CREATE FUNCTION exchange_rate_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') OR pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '% of % refused: look-ups are counted where they are written down', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_lookuprate_counted BEFORE INSERT OR UPDATE OR DELETE ON exchange_lookuprate
    FOR EACH ROW EXECUTE FUNCTION exchange_rate_guard();
CREATE TRIGGER exchange_lookuprate_no_truncate BEFORE TRUNCATE ON exchange_lookuprate
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_rate_guard();
"""

BACKWARD = "DROP FUNCTION exchange_rate_guard() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("exchange", "0012_asked_from_below")]

    operations = [migrations.RunSQL(FORWARD + SEALED, BACKWARD)]
