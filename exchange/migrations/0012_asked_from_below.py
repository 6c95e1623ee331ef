"""Who stood above the asking agency when the request was proposed or signed decides as little as who stands there now."""

from django.db import migrations

from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE FUNCTION exchange_asked(person bigint, request exchange_exchangerequest) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM registry_membership m
        WHERE m.user_id = person
          AND m.valid_from <= exchange_today() AND (m.valid_to IS NULL OR m.valid_to >= exchange_today())
          AND m.agency_id IN (
              SELECT registry_agency_lineage_at(request.consumer_id, moment) FROM (
                  SELECT request.endorsed_at AS moment
                  UNION SELECT proposed_at FROM exchange_revision WHERE request_id = request.id
                  UNION SELECT endorsed_at FROM exchange_revision WHERE request_id = request.id
              ) moments WHERE moment IS NOT NULL
          )
    )
$$;

CREATE OR REPLACE FUNCTION exchange_conflict(person bigint, request exchange_exchangerequest) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF exchange_took_part(person, request.id) THEN
        RETURN format('whoever filed, edited or signed %s cannot decide on it', request.code);
    END IF;
    IF exchange_asks(person, request.consumer_id) OR exchange_asked(person, request) THEN
        RETURN format('nobody of the requesting agency or of one above it can decide on %s', request.code);
    END IF;
    RETURN NULL;
END $$;
"""

BACKWARD = """
CREATE OR REPLACE FUNCTION exchange_conflict(person bigint, request exchange_exchangerequest) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF exchange_took_part(person, request.id) THEN
        RETURN format('whoever filed, edited or signed %s cannot decide on it', request.code);
    END IF;
    IF exchange_asks(person, request.consumer_id) THEN
        RETURN format('nobody of the requesting agency or of one above it can decide on %s', request.code);
    END IF;
    RETURN NULL;
END $$;
DROP FUNCTION exchange_asked(bigint, exchange_exchangerequest);
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0011_advice"), ("registry", "0034_tree_guarded_from_the_start")]

    operations = [migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED)]
