"""A database is at least as protected as what it publishes, and closing a field empties what was told of its values."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_level_rank(level text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE level WHEN 'public' THEN 0 WHEN 'internal' THEN 1 WHEN 'restricted' THEN 2 END
$$;

CREATE FUNCTION registry_database_keeps_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF registry_level_rank(NEW.classification) < registry_level_rank(OLD.classification) AND EXISTS (
        SELECT FROM registry_field field JOIN registry_dataset dataset ON dataset.id = field.dataset_id
        WHERE dataset.database_id = NEW.id AND dataset.is_published AND field.removed_at IS NULL
          AND registry_level_rank(field.classification) > registry_level_rank(NEW.classification)
    ) THEN
        RAISE EXCEPTION 'database % publishes datasets that are classified higher', NEW.code
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_database_level_kept BEFORE UPDATE OF classification ON registry_database
    FOR EACH ROW EXECUTE FUNCTION registry_database_keeps_level();

CREATE FUNCTION registry_dataset_within_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed text;
BEGIN
    IF NOT NEW.is_published THEN
        RETURN NEW;
    END IF;
    -- A change of the database's level waits until this is over, or this waits for it.
    SELECT database.classification INTO allowed FROM registry_database database
    WHERE database.id = NEW.database_id FOR SHARE;
    IF EXISTS (
        SELECT FROM registry_field field WHERE field.dataset_id = NEW.id AND field.removed_at IS NULL
          AND registry_level_rank(field.classification) > registry_level_rank(allowed)
    ) THEN
        RAISE EXCEPTION 'dataset % is classified higher than its database', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_dataset_level_kept BEFORE INSERT OR UPDATE OF is_published, database_id ON registry_dataset
    FOR EACH ROW EXECUTE FUNCTION registry_dataset_within_level();

CREATE FUNCTION registry_field_within_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed text;
    published boolean;
BEGIN
    IF NEW.classification = '' OR NEW.removed_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    SELECT database.classification, dataset.is_published INTO allowed, published
    FROM registry_dataset dataset JOIN registry_database database ON database.id = dataset.database_id
    WHERE dataset.id = NEW.dataset_id FOR SHARE;
    IF published AND registry_level_rank(NEW.classification) > registry_level_rank(allowed) THEN
        RAISE EXCEPTION 'field % is classified higher than the database that publishes it', NEW.name
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_field_level_kept
    BEFORE INSERT OR UPDATE OF classification, dataset_id, removed_at ON registry_field
    FOR EACH ROW EXECUTE FUNCTION registry_field_within_level();

-- What was told of the values while a field counted as less protected is told no longer.
CREATE FUNCTION registry_field_empties_profiles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE registry_fieldprofile profile
    SET personal_data = NEW.personal_data, lowest = '', highest = '', average = NULL, length = NULL, buckets = '[]',
        top = '[]', others = NULL, patterns = '{}', withheld = CASE NEW.personal_data WHEN 'none' THEN '' WHEN 'basic'
        THEN 'personal' ELSE 'sensitive' END,
        distinct_is_estimated = profile.distinct_is_estimated AND NEW.personal_data <> 'sensitive',
        "distinct" = CASE NEW.personal_data WHEN 'sensitive' THEN NULL ELSE profile."distinct" END
    WHERE profile.field_id = NEW.id AND (profile.personal_data, NEW.personal_data) IN
        (('none', 'basic'), ('none', 'sensitive'), ('basic', 'sensitive'));
    RETURN NULL;
END $$;

CREATE TRIGGER registry_field_profiles_emptied AFTER UPDATE OF personal_data ON registry_field
    FOR EACH ROW WHEN (NEW.personal_data <> OLD.personal_data) EXECUTE FUNCTION registry_field_empties_profiles();

-- ALWAYS: a session that calls itself a replica meets them, too. The path: no temporary table can pose as a real one.
ALTER TABLE registry_database ENABLE ALWAYS TRIGGER registry_database_level_kept;
ALTER TABLE registry_dataset ENABLE ALWAYS TRIGGER registry_dataset_level_kept;
ALTER TABLE registry_field ENABLE ALWAYS TRIGGER registry_field_level_kept;
ALTER TABLE registry_field ENABLE ALWAYS TRIGGER registry_field_profiles_emptied;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['registry_database_keeps_level()', 'registry_dataset_within_level()',
                                'registry_field_within_level()', 'registry_field_empties_profiles()',
                                'registry_level_rank(text)'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
"""

BACKWARD = """
DROP TRIGGER registry_field_profiles_emptied ON registry_field;
DROP FUNCTION registry_field_empties_profiles();
DROP TRIGGER registry_field_level_kept ON registry_field;
DROP FUNCTION registry_field_within_level();
DROP TRIGGER registry_dataset_level_kept ON registry_dataset;
DROP FUNCTION registry_dataset_within_level();
DROP TRIGGER registry_database_level_kept ON registry_database;
DROP FUNCTION registry_database_keeps_level();
DROP FUNCTION registry_level_rank(text);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0018_profiles_and_suggestions")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
