"""Events for the systems of agencies, and where they are sent: each reaches only whom it may, and is told once."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
-- What happened stays as it was told, for longer than anybody needs to send it again.
CREATE FUNCTION exchange_outboxevent_check_age() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.occurred_at > now() - interval '30 days' THEN
        RAISE EXCEPTION 'event % is not old enough to be forgotten', OLD.event_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION exchange_webhookendpoint_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NOT exchange_works_for(NEW.created_by_id, NEW.agency_id, 'endorser', 'approver') THEN
        RAISE EXCEPTION 'only who signs or decides for an agency makes a webhook for it' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.disabled_at IS NULL THEN
        -- Two that are switched on at once wait for each other here.
        PERFORM 1 FROM registry_agency WHERE id = NEW.agency_id FOR NO KEY UPDATE;
        IF (SELECT count(*) FROM exchange_webhookendpoint
            WHERE agency_id = NEW.agency_id AND disabled_at IS NULL AND id <> NEW.id) >= 10 THEN
            RAISE EXCEPTION 'an agency has 10 webhooks at most' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- An event reaches only the agencies that may know of it, whoever writes the row.
CREATE FUNCTION exchange_webhookmessage_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM exchange_webhookendpoint p JOIN exchange_outboxevent e ON p.agency_id IN (e.consumer_id, e.provider_id)
        WHERE p.id = NEW.endpoint_id AND e.id = NEW.event_id
    ) THEN
        RAISE EXCEPTION 'this event is not for that agency' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_outboxevent_immutable BEFORE UPDATE ON exchange_outboxevent
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_outboxevent_old BEFORE DELETE ON exchange_outboxevent
    FOR EACH ROW EXECUTE FUNCTION exchange_outboxevent_check_age();
CREATE TRIGGER exchange_outboxevent_no_truncate BEFORE TRUNCATE ON exchange_outboxevent
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_webhookendpoint_made BEFORE INSERT OR UPDATE OF disabled_at ON exchange_webhookendpoint
    FOR EACH ROW EXECUTE FUNCTION exchange_webhookendpoint_check();
CREATE TRIGGER exchange_webhookendpoint_identity BEFORE UPDATE ON exchange_webhookendpoint
    FOR EACH ROW EXECUTE FUNCTION
        exchange_refuse_new_identity('public_id', 'agency_id', 'url', 'created_at', 'created_by_id');
CREATE TRIGGER exchange_webhookendpoint_kept BEFORE DELETE ON exchange_webhookendpoint
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_webhookendpoint_no_truncate BEFORE TRUNCATE ON exchange_webhookendpoint
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_webhookmessage_addressed BEFORE INSERT ON exchange_webhookmessage
    FOR EACH ROW EXECUTE FUNCTION exchange_webhookmessage_check();
CREATE TRIGGER exchange_webhookmessage_identity BEFORE UPDATE ON exchange_webhookmessage
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_new_identity('public_id', 'endpoint_id', 'event_id', 'created_at');
CREATE TRIGGER exchange_webhookattempt_immutable BEFORE UPDATE ON exchange_webhookattempt
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
"""
BACKWARD = """
DROP TRIGGER exchange_webhookattempt_immutable ON exchange_webhookattempt;
DROP TRIGGER exchange_webhookmessage_identity ON exchange_webhookmessage;
DROP TRIGGER exchange_webhookendpoint_no_truncate ON exchange_webhookendpoint;
DROP TRIGGER exchange_webhookendpoint_kept ON exchange_webhookendpoint;
DROP TRIGGER exchange_webhookendpoint_identity ON exchange_webhookendpoint;
DROP TRIGGER exchange_outboxevent_no_truncate ON exchange_outboxevent;
DROP TRIGGER exchange_outboxevent_immutable ON exchange_outboxevent;
DROP FUNCTION exchange_webhookmessage_check() CASCADE;
DROP FUNCTION exchange_webhookendpoint_check() CASCADE;
DROP FUNCTION exchange_outboxevent_check_age() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0030_notice_of_stops"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "event_id",
                    models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="identifier"),
                ),
                ("type", models.CharField(max_length=60, verbose_name="type")),
                ("subject", models.CharField(max_length=40, verbose_name="about")),
                ("sequence", models.BigIntegerField(verbose_name="sequence")),
                ("occurred_at", models.DateTimeField(verbose_name="happened at")),
                ("data", models.JSONField(default=dict, verbose_name="data")),
                (
                    "consumer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.agency",
                        verbose_name="consumer",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.agency",
                        verbose_name="provider",
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("url", models.CharField(max_length=500, verbose_name="address")),
                ("description", registry.fields.TextLine(blank=True, max_length=150, verbose_name="what it is for")),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="events",
                    ),
                ),
                ("secret", models.TextField(editable=False, verbose_name="signing secret (encrypted)")),
                (
                    "former_secret",
                    models.TextField(blank=True, editable=False, verbose_name="former signing secret (encrypted)"),
                ),
                (
                    "former_secret_until",
                    models.DateTimeField(blank=True, null=True, verbose_name="former secret signs until"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("paused_until", models.DateTimeField(blank=True, null=True, verbose_name="not tried before")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failures one after the other")),
                ("failing_since", models.DateTimeField(blank=True, null=True, verbose_name="unreachable since")),
                ("disabled_at", models.DateTimeField(blank=True, null=True, verbose_name="switched off at")),
                (
                    "disabled_because",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("by-hand", "Switched off by the agency"),
                            ("gone", "The system wants no more (410)"),
                            ("failing", "Not reached for days"),
                        ],
                        max_length=10,
                        verbose_name="why it was switched off",
                    ),
                ),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhook_endpoints",
                        to="registry.agency",
                        verbose_name="agency",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "ordering": ["agency", "pk"],
            },
        ),
        migrations.CreateModel(
            name="WebhookMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("taken", "Taken"), ("given-up", "Not tried any more")],
                        default="waiting",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("attempts_made", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                (
                    "next_attempt_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="next attempt at"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="written at")),
                ("taken_at", models.DateTimeField(blank=True, null=True, verbose_name="taken at")),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="exchange.webhookendpoint",
                        verbose_name="webhook",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="exchange.outboxevent",
                        verbose_name="event",
                    ),
                ),
            ],
            options={
                "verbose_name": "message to a webhook",
                "verbose_name_plural": "messages to webhooks",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("tried_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="tried at")),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("taken", "Taken"),
                            ("refused", "The system answered with an error"),
                            ("gone", "The system wants no more (410)"),
                            ("busy", "The system asked to wait"),
                            ("unreachable", "The system could not be reached"),
                            ("slow", "No answer in time"),
                            ("certificate", "The certificate is not valid"),
                            ("forbidden", "The name leads to an address that is not allowed"),
                        ],
                        max_length=15,
                        verbose_name="outcome",
                    ),
                ),
                ("http_status", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="HTTP status")),
                ("duration_ms", models.PositiveIntegerField(verbose_name="milliseconds")),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="exchange.webhookmessage",
                        verbose_name="message",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt to send",
                "verbose_name_plural": "attempts to send",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(fields=["consumer", "id"], name="exchange_outboxevent_consumer"),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(fields=["provider", "id"], name="exchange_outboxevent_provider"),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(fields=["occurred_at"], name="exchange_outboxevent_age"),
        ),
        migrations.AddConstraint(
            model_name="outboxevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("consumer__isnull", False), ("provider__isnull", False), _connector="OR"),
                name="exchange_outboxevent_for_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.UniqueConstraint(
                condition=models.Q(("disabled_at__isnull", True)),
                fields=("agency", "url"),
                name="exchange_webhookendpoint_address_once",
                violation_error_message="Events are sent to this address already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("url__regex", "^https?://[^[:space:]]+$")), name="exchange_webhookendpoint_url"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("secret", ""), _negated=True), name="exchange_webhookendpoint_secret"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("disabled_at__isnull", True), ("disabled_because", "")),
                    models.Q(("disabled_at__isnull", False), ("disabled_because__in", ["by-hand", "gone", "failing"])),
                    _connector="OR",
                ),
                name="exchange_webhookendpoint_disabled_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("former_secret", ""), ("former_secret_until__isnull", True)),
                    models.Q(models.Q(("former_secret", ""), _negated=True), ("former_secret_until__isnull", False)),
                    _connector="OR",
                ),
                name="exchange_webhookendpoint_former_paired",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookmessage",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["endpoint", "event"],
                name="exchange_webhookmessage_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookmessage",
            constraint=models.UniqueConstraint(fields=("endpoint", "event"), name="exchange_webhookmessage_once"),
        ),
        migrations.AddConstraint(
            model_name="webhookmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "taken", "given-up"])),
                name="exchange_webhookmessage_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookmessage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "taken"), _negated=True), ("taken_at__isnull", False), _connector="OR"
                ),
                name="exchange_webhookmessage_taken",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "outcome__in",
                        ["taken", "refused", "gone", "busy", "unreachable", "slow", "certificate", "forbidden"],
                    )
                ),
                name="exchange_webhookattempt_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookattempt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("http_status__isnull", True),
                    models.Q(("http_status__gte", 100), ("http_status__lte", 599)),
                    _connector="OR",
                ),
                name="exchange_webhookattempt_status",
            ),
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
