"""No data moves, and no agreement goes on, while a breaking change of what it needs waits for the owner of the source."""

from django.db import migrations

from exchange.migrations.guards.sealed import SEALED

FORWARD = """
-- Whether a breaking change of what the agreement needs was not accepted: not reviewed, or the ground on which it ended.
CREATE FUNCTION exchange_source_broken(agreed exchange_agreement) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM registry_schemachange change
        WHERE change.dataset_id = agreed.dataset_id AND change.is_breaking
          AND (change.reviewed_at IS NULL OR (change.decision = 'end' AND change.reviewed_at > agreed.agreed_at))
          AND (change.touches_table OR EXISTS (
              SELECT 1 FROM jsonb_array_elements((agreed.scope::jsonb -> 'fields') || (agreed.scope::jsonb -> 'filters')) part
              WHERE COALESCE(part ->> 'name', part ->> 'field') = ANY (change.columns))))
$$;

CREATE FUNCTION exchange_delivery_check_source() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    agreed exchange_agreement%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.status <> 'completed' OR OLD.status = 'completed') THEN
        RETURN NEW;
    END IF;
    SELECT * INTO agreed FROM exchange_agreement WHERE id = NEW.agreement_id;
    IF exchange_source_broken(agreed) THEN
        RAISE EXCEPTION 'the source of % changed and was not reviewed', agreed.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_delivery_source_sound BEFORE INSERT OR UPDATE ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_delivery_check_source();

CREATE FUNCTION exchange_agreement_check_source() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'suspended' AND NEW.status = 'active' AND exchange_source_broken(NEW) THEN
        RAISE EXCEPTION 'the source of % changed and was not reviewed', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_agreement_source_sound BEFORE UPDATE OF status ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_agreement_check_source();
"""

BACKWARD = """
DROP TRIGGER exchange_agreement_source_sound ON exchange_agreement;
DROP FUNCTION exchange_agreement_check_source();
DROP TRIGGER exchange_delivery_source_sound ON exchange_delivery;
DROP FUNCTION exchange_delivery_check_source();
DROP FUNCTION exchange_source_broken(exchange_agreement);
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0009_limits"), ("registry", "0016_structure_guarded")]

    operations = [migrations.RunSQL(FORWARD + SEALED, BACKWARD)]
