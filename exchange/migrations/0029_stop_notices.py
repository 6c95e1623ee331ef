"""Stops that are announced beforehand, and one day for each agreement until which it gives: dates decide, not flags."""

import datetime

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
-- What holds for all versions of an agreement: whatever is announced of one of them.
CREATE FUNCTION exchange_standing_notice(agreed text) RETURNS SETOF exchange_stopnotice LANGUAGE sql STABLE AS $$
    SELECT notice.* FROM exchange_stopnotice notice JOIN exchange_agreement a ON a.id = notice.agreement_id
    WHERE a.code = agreed AND notice.cancelled_at IS NULL AND notice.done_at IS NULL
$$;

-- Nobody writes these columns: they are worked out anew each time. The name comes after that of the trigger which makes
-- a new version wait for whoever holds the former one, so that what was announced in between is seen.
CREATE FUNCTION exchange_agreement_work_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT takes_effect_on, kind INTO NEW.stops_on, NEW.stops_as FROM exchange_standing_notice(NEW.code);
    NEW.stops_as := COALESCE(NEW.stops_as, '');
    NEW.gives_until := LEAST(NEW.valid_to, NEW.stops_on - 1);
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_agreement_worked_out BEFORE INSERT OR UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_agreement_work_out();

DROP TRIGGER exchange_agreement_immutable ON exchange_agreement;
CREATE TRIGGER exchange_agreement_immutable BEFORE UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'status', 'status_reason', 'ended_at', 'stops_on', 'stops_as', 'gives_until');

CREATE FUNCTION exchange_gives(agreed bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM exchange_agreement
                   WHERE id = agreed AND status = 'active'
                     AND valid_from <= exchange_today() AND gives_until >= exchange_today())
$$;

CREATE OR REPLACE FUNCTION exchange_delivery_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.finished_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'delivery % is finished', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (TG_OP = 'INSERT' OR (NEW.status = 'completed' AND OLD.status <> 'completed'))
       AND NOT exchange_gives(NEW.agreement_id) THEN
        RAISE EXCEPTION 'delivery without an agreement in force' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION exchange_stopnotice_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    agreed exchange_agreement%ROWTYPE;
BEGIN
    SELECT * INTO agreed FROM exchange_agreement WHERE id = NEW.agreement_id;
    -- Two announcements at once wait for each other here, and for a version that is being concluded.
    PERFORM 1 FROM exchange_agreement WHERE code = agreed.code ORDER BY version FOR UPDATE;
    IF TG_OP = 'INSERT' THEN
        IF NEW.cancelled_at IS NOT NULL OR NEW.done_at IS NOT NULL THEN
            RAISE EXCEPTION 'an announcement begins open' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.takes_effect_on <= exchange_today() OR NOT EXISTS (
            SELECT 1 FROM exchange_agreement
            WHERE code = agreed.code AND ended_at IS NULL AND valid_to >= NEW.takes_effect_on
        ) THEN
            RAISE EXCEPTION 'what is announced begins after today and before the end of %', agreed.code
                USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM exchange_standing_notice(agreed.code)) THEN
            RAISE EXCEPTION 'a stop of % is announced already', agreed.code USING ERRCODE = 'unique_violation';
        END IF;
        IF NOT exchange_works_for(NEW.announced_by_id, agreed.provider_id) THEN
            RAISE EXCEPTION 'only its owner announces a stop of %', agreed.code USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.cancelled_at IS NOT NULL OR OLD.done_at IS NOT NULL THEN
        RAISE EXCEPTION 'this announcement is over' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.cancelled_at IS NOT NULL AND NEW.takes_effect_on <= exchange_today() THEN
        RAISE EXCEPTION 'an announcement is called off before its day' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.cancelled_at IS NOT NULL AND (
        NOT exchange_works_for(NEW.cancelled_by_id, agreed.provider_id) OR exchange_asks(NEW.cancelled_by_id, agreed.consumer_id)
    ) THEN
        RAISE EXCEPTION 'only its owner calls off a stop of %', agreed.code USING ERRCODE = 'check_violation';
    END IF;
    -- By states, not by the day: whoever says too early that it is done must have stopped it too early, too.
    IF NEW.done_at IS NOT NULL AND EXISTS (
        SELECT 1 FROM exchange_agreement
        WHERE code = agreed.code AND (status = 'active' OR (NEW.kind = 'revoke' AND ended_at IS NULL))
    ) THEN
        RAISE EXCEPTION 'the stop of % was not carried out', agreed.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_stopnotice_checked BEFORE INSERT OR UPDATE ON exchange_stopnotice
    FOR EACH ROW EXECUTE FUNCTION exchange_stopnotice_check();
CREATE TRIGGER exchange_stopnotice_immutable BEFORE UPDATE ON exchange_stopnotice
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'cancelled_at', 'cancelled_by_id', 'cancel_reason', 'done_at');
CREATE TRIGGER exchange_stopnotice_kept BEFORE DELETE ON exchange_stopnotice
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_stopnotice_no_truncate BEFORE TRUNCATE ON exchange_stopnotice
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();

CREATE FUNCTION exchange_stopnotice_spread() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The agreement's own trigger works out what holds now.
    UPDATE exchange_agreement SET stops_on = NEW.takes_effect_on
        WHERE ended_at IS NULL AND code = (SELECT code FROM exchange_agreement WHERE id = NEW.agreement_id);
    RETURN NULL;
END $$;

CREATE TRIGGER exchange_stopnotice_spread AFTER INSERT OR UPDATE ON exchange_stopnotice
    FOR EACH ROW EXECUTE FUNCTION exchange_stopnotice_spread();
"""

BACKWARD = """
DROP TRIGGER exchange_stopnotice_spread ON exchange_stopnotice;
DROP FUNCTION exchange_stopnotice_spread();
DROP TRIGGER exchange_stopnotice_no_truncate ON exchange_stopnotice;
DROP TRIGGER exchange_stopnotice_kept ON exchange_stopnotice;
DROP TRIGGER exchange_stopnotice_immutable ON exchange_stopnotice;
DROP TRIGGER exchange_stopnotice_checked ON exchange_stopnotice;
DROP FUNCTION exchange_stopnotice_check();
CREATE OR REPLACE FUNCTION exchange_delivery_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.finished_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'delivery % is finished', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (TG_OP = 'INSERT' OR (NEW.status = 'completed' AND OLD.status <> 'completed')) AND NOT EXISTS (
        SELECT 1 FROM exchange_agreement
        WHERE id = NEW.agreement_id AND status = 'active' AND valid_from <= exchange_today() AND valid_to >= exchange_today()
    ) THEN
        RAISE EXCEPTION 'delivery without an agreement in force' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION exchange_gives(bigint);
DROP TRIGGER exchange_agreement_immutable ON exchange_agreement;
CREATE TRIGGER exchange_agreement_immutable BEFORE UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('status', 'status_reason', 'ended_at');
DROP TRIGGER exchange_agreement_worked_out ON exchange_agreement;
DROP FUNCTION exchange_agreement_work_out();
DROP FUNCTION exchange_standing_notice(text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0028_attachments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="agreement",
            name="gives_until",
            field=models.DateField(
                default=datetime.date(1, 1, 1), editable=False, verbose_name="last day on which it gives data"
            ),
        ),
        migrations.AddField(
            model_name="agreement",
            name="stops_as",
            field=models.CharField(
                blank=True,
                choices=[("suspend", "Suspension"), ("revoke", "Revocation")],
                editable=False,
                max_length=10,
                verbose_name="what is announced",
            ),
        ),
        migrations.AddField(
            model_name="agreement",
            name="stops_on",
            field=models.DateField(blank=True, editable=False, null=True, verbose_name="gives nothing from"),
        ),
        migrations.AlterField(
            model_name="reviewcase",
            name="term",
            field=models.CharField(
                choices=[
                    ("ready-made", "Account for a ready-made service"),
                    ("simple", "Simple request"),
                    ("complex", "Complex request"),
                    ("very-complex", "Very complex request"),
                    ("completion", "Asking for what is missing"),
                    ("draft-life", "Life of a draft or a return that nobody touches"),
                    ("offer-life", "Life of an offer that nobody answers"),
                    ("claim-life", "Life of a claim in which nothing happens"),
                    ("remind-before", "Reminder before a day that is due"),
                    ("escalate-after", "Between two steps to the superior, after the day that was due"),
                    ("stop-notice", "Notice before an agreement is suspended or revoked, unless it is done at once"),
                ],
                default="simple",
                max_length=40,
                verbose_name="term",
            ),
        ),
        migrations.CreateModel(
            name="StopNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("suspend", "Suspension"), ("revoke", "Revocation")],
                        max_length=10,
                        verbose_name="what is announced",
                    ),
                ),
                ("takes_effect_on", models.DateField(verbose_name="from")),
                ("reason", registry.fields.TextBlock(max_length=4000, verbose_name="reason")),
                ("announced_at", models.DateTimeField(auto_now_add=True, verbose_name="announced at")),
                ("cancelled_at", models.DateTimeField(blank=True, null=True, verbose_name="called off at")),
                (
                    "cancel_reason",
                    registry.fields.TextBlock(blank=True, max_length=4000, verbose_name="reason of calling it off"),
                ),
                ("done_at", models.DateTimeField(blank=True, null=True, verbose_name="carried out at")),
                (
                    "agreement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stop_notices",
                        to="exchange.agreement",
                        verbose_name="agreement",
                    ),
                ),
                (
                    "announced_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="announced by",
                    ),
                ),
                (
                    "cancelled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="called off by",
                    ),
                ),
            ],
            options={
                "verbose_name": "announced stop",
                "verbose_name_plural": "announced stops",
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["suspend", "revoke"])), name="exchange_stopnotice_kind"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="exchange_stopnotice_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("cancel_reason", ""), ("cancelled_at__isnull", True), ("cancelled_by__isnull", True)
                            ),
                            models.Q(
                                ("cancelled_at__isnull", False),
                                ("cancelled_by__isnull", False),
                                models.Q(("cancel_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_stopnotice_cancelled_paired",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cancelled_at__isnull", True), ("done_at__isnull", True), _connector="OR"),
                        name="exchange_stopnotice_one_end",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED),
    ]
