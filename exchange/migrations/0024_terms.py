"""Terms as rows, why a case has the one it has, shortened days, claims that lapse, digests and escalations."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
-- A term is lengthened once.
CREATE FUNCTION exchange_reviewcase_check_extension() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.extended_at IS NOT NULL AND (NEW.extended_at, NEW.extended_by_id, NEW.extended_days, NEW.extension_reason)
       IS DISTINCT FROM (OLD.extended_at, OLD.extended_by_id, OLD.extended_days, OLD.extension_reason) THEN
        RAISE EXCEPTION 'a term is lengthened once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_reviewcase_extended BEFORE UPDATE ON exchange_reviewcase
    FOR EACH ROW EXECUTE FUNCTION exchange_reviewcase_check_extension();

CREATE TRIGGER exchange_escalation_immutable BEFORE UPDATE ON exchange_escalation
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_escalation_kept BEFORE DELETE ON exchange_escalation
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_escalation_no_truncate BEFORE TRUNCATE ON exchange_escalation
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""
BACKWARD = """
DROP TRIGGER exchange_escalation_no_truncate ON exchange_escalation;
DROP TRIGGER exchange_escalation_kept ON exchange_escalation;
DROP TRIGGER exchange_escalation_immutable ON exchange_escalation;
DROP TRIGGER exchange_reviewcase_extended ON exchange_reviewcase;
DROP FUNCTION exchange_reviewcase_check_extension();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0023_request_templates"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyDigest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("was_told", models.BooleanField(verbose_name="something was told")),
            ],
            options={
                "verbose_name": "daily digest",
                "verbose_name_plural": "daily digests",
                "ordering": ["-day", "pk"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Escalation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("step", models.PositiveSmallIntegerField(verbose_name="step")),
                ("taken_at", models.DateTimeField(auto_now_add=True, verbose_name="taken at")),
            ],
            options={
                "verbose_name": "escalation",
                "verbose_name_plural": "escalations",
                "ordering": ["case", "step"],
                "default_permissions": (),
            },
        ),
        migrations.RemoveConstraint(
            model_name="calendarday",
            name="exchange_calendarday_kind",
        ),
        migrations.AddField(
            model_name="calendarday",
            name="closes_at",
            field=models.TimeField(
                blank=True,
                help_text="Of a shortened day: what is due on it is due until then.",
                null=True,
                verbose_name="closes at",
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="extended_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="lengthened at"),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="extended_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="lengthened by",
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="extended_days",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="working days added"),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="extension_reason",
            field=registry.fields.TextBlock(blank=True, max_length=1000, verbose_name="reason of the lengthening"),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="paused_days",
            field=models.PositiveIntegerField(default=0, verbose_name="working days with the clock stopped"),
        ),
        migrations.AddField(
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
                ],
                default="simple",
                max_length=40,
                verbose_name="term",
            ),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="term_grounds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("ready-made", "only an account for a look-up that exists already is asked for"),
                        ("sensitive", "sensitive personal data is asked for, or rows are chosen by it"),
                        ("large", "very many rows are asked for"),
                        ("recurring", "packages are asked for again and again"),
                        ("onward", "the data would be passed on to other agencies"),
                        ("many-conditions", "rows are chosen by many conditions"),
                    ],
                    max_length=30,
                ),
                blank=True,
                default=list,
                size=None,
                verbose_name="grounds of the term",
            ),
        ),
        migrations.AlterField(
            model_name="calendarday",
            name="kind",
            field=models.CharField(
                choices=[("off", "Day off"), ("working", "Extra working day"), ("shortened", "Shortened day")],
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="calendarday",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["off", "working", "shortened"])), name="exchange_calendarday_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="calendarday",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closes_at__isnull", False), ("kind", "shortened")),
                    models.Q(models.Q(("kind", "shortened"), _negated=True), ("closes_at__isnull", True)),
                    _connector="OR",
                ),
                name="exchange_calendarday_closes_paired",
                violation_error_message="A shortened day has an hour at which it closes; other days have none.",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(("term__in", ("ready-made", "simple", "complex", "very-complex"))),
                name="exchange_reviewcase_term",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("extended_at__isnull", True),
                        ("extended_by__isnull", True),
                        ("extended_days", 0),
                        ("extension_reason", ""),
                    ),
                    models.Q(
                        ("extended_at__isnull", False),
                        ("extended_by__isnull", False),
                        ("extended_days__gte", 1),
                        models.Q(("extension_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="exchange_reviewcase_extended_paired",
            ),
        ),
        migrations.AddField(
            model_name="dailydigest",
            name="person",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="person",
            ),
        ),
        migrations.AddField(
            model_name="escalation",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="escalations",
                to="exchange.reviewcase",
                verbose_name="case",
            ),
        ),
        migrations.AddConstraint(
            model_name="dailydigest",
            constraint=models.UniqueConstraint(fields=("person", "day"), name="exchange_dailydigest_once"),
        ),
        migrations.AddConstraint(
            model_name="escalation",
            constraint=models.UniqueConstraint(fields=("case", "step"), name="exchange_escalation_once"),
        ),
        migrations.AddConstraint(
            model_name="escalation",
            constraint=models.CheckConstraint(
                condition=models.Q(("step__gte", 1), ("step__lte", 3)), name="exchange_escalation_step"
            ),
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
