"""The history is written by its own triggers only, and no table that has one is emptied past them."""

from django.db import migrations

# Tables that came without a history, with the columns that are no decision of anybody.
TABLES = (
    ("registry_fieldsuggestion", "", "reasons,fingerprint"),
    ("registry_structurewatch", "", "next_at,compared_at,failures,message"),
)

# At depth 1 somebody else writes; the history's triggers insert one deeper.
FORWARD = r"""
-- As before, with names for the rows that no table has as a column.
CREATE OR REPLACE FUNCTION registry_write_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden text[] := string_to_array(TG_ARGV[0], ',');
    ignored text[] := string_to_array(TG_ARGV[1], ',');
    actor_ text := coalesce(current_setting('ndc.actor', true), '');
    reason_ text := coalesce(current_setting('ndc.reason', true), '');
BEGIN
    -- What the database computes, and indexes for search, is no decision of anybody.
    SELECT ignored || coalesce(array_agg(attname::text), '{}') INTO ignored FROM pg_attribute
    WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND (attgenerated <> '' OR atttypid = 'tsvector'::regtype);

    IF TG_OP = 'UPDATE' THEN
        -- MATERIALIZED: else each row is turned into JSON once for every column.
        WITH pairs AS MATERIALIZED (
            SELECT coalesce(later_row.id, earlier_row.id) AS id,
                   to_jsonb(earlier_row) - ignored AS was, to_jsonb(later_row) - ignored AS is_
            FROM old_rows earlier_row FULL JOIN new_rows later_row ON later_row.id = earlier_row.id
        ), differing AS (
            SELECT id, (
                SELECT jsonb_object_agg(key, CASE WHEN key = ANY (hidden) THEN to_jsonb('changed'::text)
                                                  ELSE jsonb_build_array(was -> key, value) END)
                FROM jsonb_each(is_) WHERE value IS DISTINCT FROM was -> key
            ) AS values_
            FROM pairs WHERE was IS DISTINCT FROM is_
        )
        INSERT INTO registry_registrychange
            (changed_at, transaction, table_name, row_id, operation, actor, reason, database_role, values)
        SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, TG_TABLE_NAME, id, 'update', actor_, reason_,
               session_user, values_
        FROM differing WHERE values_ IS NOT NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO registry_registrychange
            (changed_at, transaction, table_name, row_id, operation, actor, reason, database_role, values)
        SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, TG_TABLE_NAME, row_.id, 'insert', actor_, reason_,
               session_user, registry_history_values(to_jsonb(row_), hidden, ignored)
        FROM new_rows row_;
    ELSE
        INSERT INTO registry_registrychange
            (changed_at, transaction, table_name, row_id, operation, actor, reason, database_role, values)
        SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, TG_TABLE_NAME, row_.id, 'delete', actor_, reason_,
               session_user, registry_history_values(to_jsonb(row_), hidden, ignored)
        FROM old_rows row_;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION registry_history_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'the history of the registry is written by the database itself: INSERT refused'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_registrychange_own_triggers BEFORE INSERT ON registry_registrychange
    FOR EACH ROW EXECUTE FUNCTION registry_history_guard();
ALTER TABLE registry_registrychange ENABLE ALWAYS TRIGGER registry_registrychange_own_triggers;

CREATE FUNCTION registry_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'TRUNCATE of % refused: its history could not tell the rows', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION registry_keep_from_truncate(kept regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER registry_history_truncate BEFORE TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse_truncate()', kept);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER registry_history_truncate', kept);
END $$;

DO $$
DECLARE
    kept regclass;
BEGIN
    FOR kept IN SELECT tgrelid::regclass FROM pg_trigger WHERE tgname = 'registry_history_delete' LOOP
        PERFORM registry_keep_from_truncate(kept);
    END LOOP;
END $$;

ALTER FUNCTION registry_keep_history(regclass, text, text) RENAME TO registry_write_changes;
CREATE FUNCTION registry_keep_history(kept regclass, hidden text, ignored text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM registry_write_changes(kept, hidden, ignored);
    PERFORM registry_keep_from_truncate(kept);
END $$;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['registry_write_history()', 'registry_history_guard()', 'registry_refuse_truncate()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
"""

BACKWARD = r"""
CREATE OR REPLACE FUNCTION registry_write_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hidden text[] := string_to_array(TG_ARGV[0], ',');
    ignored text[] := string_to_array(TG_ARGV[1], ',');
    actor_ text := coalesce(current_setting('ndc.actor', true), '');
    reason_ text := coalesce(current_setting('ndc.reason', true), '');
BEGIN
    -- What the database computes, and indexes for search, is no decision of anybody.
    SELECT ignored || coalesce(array_agg(attname::text), '{}') INTO ignored FROM pg_attribute
    WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped AND (attgenerated <> '' OR atttypid = 'tsvector'::regtype);

    IF TG_OP = 'UPDATE' THEN
        -- MATERIALIZED: else each row is turned into JSON once for every column.
        WITH pairs AS MATERIALIZED (
            SELECT coalesce(now_.id, before.id) AS id, to_jsonb(before) - ignored AS was, to_jsonb(now_) - ignored AS is_
            FROM old_rows before FULL JOIN new_rows now_ ON now_.id = before.id
        ), differing AS (
            SELECT id, (
                SELECT jsonb_object_agg(key, CASE WHEN key = ANY (hidden) THEN to_jsonb('changed'::text)
                                                  ELSE jsonb_build_array(was -> key, value) END)
                FROM jsonb_each(is_) WHERE value IS DISTINCT FROM was -> key
            ) AS values_
            FROM pairs WHERE was IS DISTINCT FROM is_
        )
        INSERT INTO registry_registrychange
            (changed_at, transaction, table_name, row_id, operation, actor, reason, database_role, values)
        SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, TG_TABLE_NAME, id, 'update', actor_, reason_,
               session_user, values_
        FROM differing WHERE values_ IS NOT NULL;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO registry_registrychange
            (changed_at, transaction, table_name, row_id, operation, actor, reason, database_role, values)
        SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, TG_TABLE_NAME, row_.id, 'insert', actor_, reason_,
               session_user, registry_history_values(to_jsonb(row_), hidden, ignored)
        FROM new_rows row_;
    ELSE
        INSERT INTO registry_registrychange
            (changed_at, transaction, table_name, row_id, operation, actor, reason, database_role, values)
        SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, TG_TABLE_NAME, row_.id, 'delete', actor_, reason_,
               session_user, registry_history_values(to_jsonb(row_), hidden, ignored)
        FROM old_rows row_;
    END IF;
    RETURN NULL;
END $$;
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION registry_write_history() SET search_path = %I, pg_temp', current_schema());
END $$;
DROP TRIGGER registry_registrychange_own_triggers ON registry_registrychange;
DROP FUNCTION registry_history_guard();
DROP FUNCTION registry_refuse_truncate() CASCADE;
DROP FUNCTION registry_keep_history(regclass, text, text);
DROP FUNCTION registry_keep_from_truncate(regclass);
ALTER FUNCTION registry_write_changes(regclass, text, text) RENAME TO registry_keep_history;
"""


def keep_history(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute("SELECT registry_keep_history(%s, %s, %s)", table)


def leave_history(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table, _hidden, _ignored in TABLES:
            for event in ("insert", "update", "delete", "truncate"):
                cursor.execute(f"DROP TRIGGER registry_history_{event} ON {table}")


class Migration(migrations.Migration):
    dependencies = [("registry", "0035_database_undecided_since")]

    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(keep_history, leave_history),
    ]
