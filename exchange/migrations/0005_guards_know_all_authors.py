"""Everybody who ever wrote in a request, or signed a revision of it, took part in it; and the newest guards are sealed."""

from django.db import migrations

from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE OR REPLACE FUNCTION exchange_took_part(person bigint, asked bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM exchange_exchangerequest
                   WHERE id = asked AND person IN (created_by_id, last_edited_by_id, endorsed_by_id))
        OR EXISTS (SELECT 1 FROM exchange_exchangerequest_editors WHERE exchangerequest_id = asked AND user_id = person)
        OR EXISTS (SELECT 1 FROM exchange_revision WHERE request_id = asked AND person IN (proposed_by_id, endorsed_by_id))
$$;

CREATE TRIGGER exchange_exchangerequest_editors_no_truncate BEFORE TRUNCATE ON exchange_exchangerequest_editors
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""

BACKWARD = """
DROP TRIGGER exchange_exchangerequest_editors_no_truncate ON exchange_exchangerequest_editors;

CREATE OR REPLACE FUNCTION exchange_took_part(person bigint, asked bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM exchange_exchangerequest
                   WHERE id = asked AND person IN (created_by_id, last_edited_by_id, endorsed_by_id))
        OR EXISTS (SELECT 1 FROM exchange_revision WHERE request_id = asked AND proposed_by_id = person)
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0004_signatories_and_editors")]

    operations = [migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED)]
