"""The guards themselves: not silenced by a session's settings, not misled by tables of the same name."""

# With its own search_path a function sees the portal's tables, never temporary ones that shadow them.
SEALED = """
DO $$
DECLARE
    guard record;
BEGIN
    FOR guard IN
        SELECT t.tgname, t.tgrelid::regclass AS guarded FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND starts_with(t.tgname::text, 'exchange_') AND c.relnamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', guard.guarded, guard.tgname);
    END LOOP;
    FOR guard IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc p
        WHERE starts_with(p.proname::text, 'exchange_') AND p.pronamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', guard.signature, current_schema());
    END LOOP;
END $$;
"""

BACKWARD = """
DO $$
DECLARE
    guard record;
BEGIN
    FOR guard IN
        SELECT p.oid::regprocedure AS signature FROM pg_proc p
        WHERE starts_with(p.proname::text, 'exchange_') AND p.pronamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', guard.signature);
    END LOOP;
END $$;
DROP SEQUENCE exchange_request_code, exchange_agreement_code, exchange_delivery_code;
"""
