"""The history of the registry is written by the database, for every path to its tables, and cannot be changed."""

from django.db import migrations

# Table, columns whose values are never kept, columns that are not part of what people decide.
TABLES = (
    ("registry_administrativeunit", "", ""),
    ("registry_agency", "", ""),
    ("registry_agencycode", "", ""),
    ("registry_agencycontact", "name,position,phone,email", ""),
    ("registry_amendment", "", ""),
    ("registry_connection", "credential", "checked_at,check_message"),
    ("registry_database", "", ""),
    ("registry_dataset", "", "modified_at"),
    ("registry_delegation", "", ""),
    ("registry_field", "", ""),
    ("registry_legalinstrument", "", ""),
    ("registry_membership", "", ""),
    ("registry_policyfield", "", ""),
    ("registry_schemachange", "", "changes"),
    ("registry_sharingpolicy", "", ""),
    ("registry_sharingpolicy_recipients", "", ""),
    ("registry_unitcode", "", ""),
    ("registry_user", "password,username,full_name,email,phone,position", "last_login"),
    ("registry_user_groups", "", ""),
    ("registry_user_user_permissions", "", ""),
    # The duties on databases lie in a table of another app.
    ("guardian_userobjectpermission", "", ""),
)

FORWARD = r"""
-- One statement, one look at all its rows: a bulk change costs little more than itself.
CREATE FUNCTION registry_write_history() RETURNS trigger LANGUAGE plpgsql AS $$
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

CREATE FUNCTION registry_history_values(row_ jsonb, hidden text[], ignored text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN hidden = '{}' THEN jsonb_strip_nulls(row_ - ignored)
    ELSE jsonb_strip_nulls(row_ - ignored - hidden) || coalesce(
        (SELECT jsonb_object_agg(name, 'changed') FROM unnest(hidden) name WHERE row_ ->> name <> ''), '{}')
    END
$$;

-- For the migrations of later tables, too.
CREATE FUNCTION registry_keep_history(kept regclass, hidden text, ignored text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER registry_history_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION registry_write_history(%L, %L)', kept, hidden, ignored);
    EXECUTE format('CREATE TRIGGER registry_history_update AFTER UPDATE ON %s
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION registry_write_history(%L, %L)', kept, hidden, ignored);
    EXECUTE format('CREATE TRIGGER registry_history_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION registry_write_history(%L, %L)', kept, hidden, ignored);
    -- ALWAYS: a session that calls itself a replica meets them, too.
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER registry_history_insert', kept);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER registry_history_update', kept);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER registry_history_delete', kept);
END $$;

CREATE FUNCTION registry_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of the registry is append-only: % refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER registry_registrychange_append_only BEFORE UPDATE OR DELETE ON registry_registrychange
    FOR EACH ROW EXECUTE FUNCTION registry_refuse_rewriting();
CREATE TRIGGER registry_registrychange_no_truncate BEFORE TRUNCATE ON registry_registrychange
    FOR EACH STATEMENT EXECUTE FUNCTION registry_refuse_rewriting();
ALTER TABLE registry_registrychange ENABLE ALWAYS TRIGGER registry_registrychange_append_only;
ALTER TABLE registry_registrychange ENABLE ALWAYS TRIGGER registry_registrychange_no_truncate;

-- The path: no temporary table can pose as the history.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['registry_write_history()', 'registry_refuse_rewriting()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', name, current_schema());
    END LOOP;
END $$;
"""

BACKWARD = """
DROP FUNCTION registry_write_history() CASCADE;
DROP FUNCTION registry_keep_history(regclass, text, text);
DROP FUNCTION registry_history_values(jsonb, text[], text[]);
DROP FUNCTION registry_refuse_rewriting() CASCADE;
"""


def keep_history(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute("SELECT registry_keep_history(%s, %s, %s)", table)


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0020_registry_changes"),
        ("guardian", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunPython(keep_history, migrations.RunPython.noop),
    ]
