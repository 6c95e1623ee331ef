"""The ledger takes new rows and nothing else, whoever asks; a salt can be erased, never exchanged."""

from django.db import migrations

FORWARD = """
CREATE SEQUENCE evidence_entry_sequence OWNED BY evidence_entry.sequence;

CREATE FUNCTION evidence_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'evidence is append-only: % refused', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER evidence_entry_append_only BEFORE UPDATE OR DELETE ON evidence_entry
    FOR EACH ROW EXECUTE FUNCTION evidence_refuse_change();
CREATE TRIGGER evidence_entry_no_truncate BEFORE TRUNCATE ON evidence_entry
    FOR EACH STATEMENT EXECUTE FUNCTION evidence_refuse_change();
CREATE TRIGGER evidence_salt_no_update BEFORE UPDATE ON evidence_salt
    FOR EACH ROW EXECUTE FUNCTION evidence_refuse_change();

-- ALWAYS: a session that calls itself a replica meets them, too.
ALTER TABLE evidence_entry ENABLE ALWAYS TRIGGER evidence_entry_append_only;
ALTER TABLE evidence_entry ENABLE ALWAYS TRIGGER evidence_entry_no_truncate;
ALTER TABLE evidence_salt ENABLE ALWAYS TRIGGER evidence_salt_no_update;
"""

BACKWARD = """
DROP TRIGGER evidence_salt_no_update ON evidence_salt;
DROP TRIGGER evidence_entry_no_truncate ON evidence_entry;
DROP TRIGGER evidence_entry_append_only ON evidence_entry;
DROP FUNCTION evidence_refuse_change();
DROP SEQUENCE evidence_entry_sequence;
"""


class Migration(migrations.Migration):
    dependencies = [("evidence", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
