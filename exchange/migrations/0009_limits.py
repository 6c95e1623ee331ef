"""How much may be taken in which time: counted by the database where it is written down."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from exchange.migrations.guards.sealed import SEALED

FORWARD = """
-- The first moment of a month, day or minute, by the clock of Vietnam.
CREATE FUNCTION exchange_start_of(span text, moment timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT date_trunc(span, moment AT TIME ZONE 'Asia/Ho_Chi_Minh') AT TIME ZONE 'Asia/Ho_Chi_Minh'
$$;

CREATE FUNCTION exchange_limit_of(agreed bigint, name text) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT (scope::jsonb -> 'limits' ->> name)::numeric FROM exchange_agreement WHERE id = agreed
$$;

-- A question is counted where it is written down, so there is none that was not counted. Askers at once wait for each
-- other here, and each sees what the one before has counted.
CREATE FUNCTION exchange_lookup_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted text;
    most numeric;
    used bigint;
BEGIN
    FOREACH counted IN ARRAY ARRAY['day', 'minute'] LOOP
        most := exchange_limit_of(NEW.agreement_id, 'lookups_per_' || counted);
        CONTINUE WHEN most IS NULL;
        INSERT INTO exchange_lookuprate AS rate (agreement_id, span, starts_at, asked)
            VALUES (NEW.agreement_id, counted, exchange_start_of(counted, clock_timestamp()), 1)
            ON CONFLICT (agreement_id, span) DO UPDATE SET
                asked = CASE WHEN EXCLUDED.starts_at > rate.starts_at THEN 1 ELSE rate.asked + 1 END,
                starts_at = GREATEST(EXCLUDED.starts_at, rate.starts_at)
            RETURNING asked INTO used;
        IF used > most THEN
            RAISE EXCEPTION 'more than % look-ups in one %', most, counted USING
                ERRCODE = 'check_violation', CONSTRAINT = 'exchange_lookup_rate', DETAIL = 'lookups_per_' || counted;
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_lookup_counted BEFORE INSERT ON exchange_lookup
    FOR EACH ROW EXECUTE FUNCTION exchange_lookup_count();

CREATE FUNCTION exchange_lookup_keep_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.agreement_id <> OLD.agreement_id THEN
        RAISE EXCEPTION 'a look-up stays with its agreement' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_lookup_agreement BEFORE UPDATE OF agreement_id ON exchange_lookup
    FOR EACH ROW EXECUTE FUNCTION exchange_lookup_keep_agreement();

-- Packages of a month, and the rows in them. Whoever counts waits for whoever counted; not on the agreement's own row,
-- which a revocation holds while it waits for the delivery.
CREATE FUNCTION exchange_delivery_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most numeric;
    used numeric;
BEGIN
    IF TG_OP = 'INSERT' THEN
        most := exchange_limit_of(NEW.agreement_id, 'deliveries_per_month');
        IF most IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('exchange_delivery_count'), NEW.agreement_id::int);
            SELECT count(*) INTO used FROM exchange_delivery
                WHERE agreement_id = NEW.agreement_id AND status <> 'terminated'
                  AND requested_at >= exchange_start_of('month', NEW.requested_at);
            IF used >= most THEN
                RAISE EXCEPTION 'more than % packages in one month', most USING ERRCODE = 'check_violation';
            END IF;
        END IF;
    ELSIF NEW.status = 'completed' AND OLD.status <> 'completed' THEN
        most := exchange_limit_of(NEW.agreement_id, 'rows_per_month');
        IF most IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('exchange_delivery_count'), NEW.agreement_id::int);
            SELECT COALESCE(sum(rows), 0) INTO used FROM exchange_delivery
                WHERE agreement_id = NEW.agreement_id AND status = 'completed'
                  AND finished_at >= exchange_start_of('month', NEW.finished_at);
            IF used + NEW.rows > most THEN
                RAISE EXCEPTION 'more than % rows in one month', most USING ERRCODE = 'check_violation';
            END IF;
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_delivery_counted BEFORE INSERT OR UPDATE OF status ON exchange_delivery
    FOR EACH ROW EXECUTE FUNCTION exchange_delivery_count();
"""

BACKWARD = """
DROP TRIGGER exchange_delivery_counted ON exchange_delivery;
DROP FUNCTION exchange_delivery_count();
DROP TRIGGER exchange_lookup_agreement ON exchange_lookup;
DROP FUNCTION exchange_lookup_keep_agreement();
DROP TRIGGER exchange_lookup_counted ON exchange_lookup;
DROP FUNCTION exchange_lookup_count();
DROP FUNCTION exchange_limit_of(bigint, text);
DROP FUNCTION exchange_start_of(text, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0008_longer_field_names"),
        ("registry", "0012_policies_keep_recurring"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LookupRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "span",
                    models.CharField(
                        choices=[("day", "Day"), ("minute", "Minute")], max_length=10, verbose_name="in which time"
                    ),
                ),
                ("starts_at", models.DateTimeField(verbose_name="from")),
                ("asked", models.BigIntegerField(verbose_name="look-ups asked for")),
            ],
            options={
                "verbose_name": "look-ups in a day or minute",
                "verbose_name_plural": "look-ups in a day or minute",
                "ordering": ["agreement", "span"],
            },
        ),
        migrations.AddConstraint(
            model_name="exchangerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode", "recurring"), _negated=True),
                name="exchange_exchangerequest_mode",
                violation_error_message="Choose the file package, and how often it is needed.",
            ),
        ),
        migrations.AddField(
            model_name="lookuprate",
            name="agreement",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lookup_rates",
                to="exchange.agreement",
                verbose_name="agreement",
            ),
        ),
        migrations.AddConstraint(
            model_name="lookuprate",
            constraint=models.UniqueConstraint(fields=("agreement", "span"), name="exchange_lookuprate_once"),
        ),
        migrations.AddConstraint(
            model_name="lookuprate",
            constraint=models.CheckConstraint(
                condition=models.Q(("span__in", ["day", "minute"])), name="exchange_lookuprate_span"
            ),
        ),
        migrations.AddConstraint(
            model_name="lookuprate",
            constraint=models.CheckConstraint(condition=models.Q(("asked__gte", 1)), name="exchange_lookuprate_asked"),
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
