"""Somebody else can come to look after an open request: a requester of the agency who did not sign it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from exchange.migrations.guards.sealed import SEALED

CONTENT = """
CREATE OR REPLACE FUNCTION exchange_request_keep_content() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    progress text[] := ARRAY['status', 'status_reason', 'endorsed_at', 'endorsed_by_id', 'closed_at'{care}];
BEGIN
    IF OLD.closed_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'request % is closed', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status NOT IN ('draft', 'returned')
       AND (to_jsonb(NEW) - progress) IS DISTINCT FROM (to_jsonb(OLD) - progress) THEN
        RAISE EXCEPTION 'request % is proposed: its content is frozen', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    -- Whoever signed cannot decide, so the name under a signed request is not exchanged for another one.
    IF OLD.status NOT IN ('draft', 'returned', 'pending-endorsement')
       AND (NEW.endorsed_by_id, NEW.endorsed_at) IS DISTINCT FROM (OLD.endorsed_by_id, OLD.endorsed_at) THEN
        RAISE EXCEPTION 'request % is signed: its signature is frozen', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.consumer_id <> OLD.consumer_id THEN
        RAISE EXCEPTION 'request % stays that of its agency', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

CARE = """
CREATE FUNCTION exchange_request_check_care() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.taken_over_by_id IS NOT NULL THEN
            RAISE EXCEPTION 'request % begins with who files it', NEW.code USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.taken_over_by_id IS NOT DISTINCT FROM OLD.taken_over_by_id THEN
        RETURN NEW;
    END IF;
    IF NEW.taken_over_by_id IS NULL OR NOT exchange_works_for(NEW.taken_over_by_id, NEW.consumer_id, 'requester') THEN
        RAISE EXCEPTION 'only a requester of its agency looks after request %', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.taken_over_by_id = NEW.endorsed_by_id OR EXISTS (
        SELECT 1 FROM exchange_revision WHERE request_id = NEW.id AND endorsed_by_id = NEW.taken_over_by_id
    ) THEN
        RAISE EXCEPTION 'whoever signed request % does not look after it', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_request_care BEFORE INSERT OR UPDATE ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_request_check_care();
"""

FORWARD = CONTENT.replace("{care}", ", 'taken_over_by_id', 'taken_over_at'") + CARE + SEALED
BACKWARD = (
    """
DROP TRIGGER exchange_request_care ON exchange_exchangerequest;
DROP FUNCTION exchange_request_check_care();
"""
    + CONTENT.replace("{care}", "")
    + SEALED
)


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0025_usual_terms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="exchangerequest",
            name="taken_over_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="taken over at"),
        ),
        migrations.AddField(
            model_name="exchangerequest",
            name="taken_over_by",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests_taken_over",
                to=settings.AUTH_USER_MODEL,
                verbose_name="taken over by",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("taken_over_at__isnull", True), ("taken_over_by__isnull", True)),
                    models.Q(("taken_over_at__isnull", False), ("taken_over_by__isnull", False)),
                    _connector="OR",
                ),
                name="exchange_exchangerequest_taken_over_paired",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
