"""A database is not classified lower while fields take their level from it: each has to be given its own first."""

from django.db import migrations

BODY = """
CREATE OR REPLACE FUNCTION registry_database_keeps_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF registry_level_rank(NEW.classification) < registry_level_rank(OLD.classification) AND EXISTS (
        SELECT FROM registry_field field JOIN registry_dataset dataset ON dataset.id = field.dataset_id
        WHERE dataset.database_id = NEW.id AND field.removed_at IS NULL AND ({condition})
    ) THEN
        RAISE EXCEPTION 'database % holds what is classified higher', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION registry_database_keeps_level() SET search_path = %I, pg_temp', current_schema());
END $$;
"""
PUBLISHED = (
    "dataset.is_published AND registry_level_rank(field.classification) > registry_level_rank(NEW.classification)"
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0036_history_from_triggers_only")]

    operations = [
        migrations.RunSQL(
            BODY.format(condition=f"field.classification = '' OR {PUBLISHED}"),
            BODY.format(condition=PUBLISHED),
        )
    ]
