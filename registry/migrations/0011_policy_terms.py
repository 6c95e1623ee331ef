"""Who may ask, how much in which time, and who advises; what protects a policy is never taken back from it."""

import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION registry_policy_keeps_reviews() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reviews_needed < OLD.reviews_needed THEN
        RAISE EXCEPTION 'the advice that a sharing policy needs is never lowered' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.blind_review AND NOT NEW.blind_review THEN
        RAISE EXCEPTION 'blind review of a sharing policy is never switched off' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER registry_sharingpolicy_reviews_kept BEFORE UPDATE OF reviews_needed, blind_review ON registry_sharingpolicy
    FOR EACH ROW EXECUTE FUNCTION registry_policy_keeps_reviews();

-- ALWAYS: a session that calls itself a replica meets it, too. The path: no temporary table can pose as a real one.
ALTER TABLE registry_sharingpolicy ENABLE ALWAYS TRIGGER registry_sharingpolicy_reviews_kept;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION registry_policy_keeps_reviews() SET search_path = %I, pg_temp', current_schema());
END $$;
"""

BACKWARD = """
DROP TRIGGER registry_sharingpolicy_reviews_kept ON registry_sharingpolicy;
DROP FUNCTION registry_policy_keeps_reviews();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0010_more_engines_and_maskings"),
    ]

    operations = [
        migrations.AddField(
            model_name="sharingpolicy",
            name="blind_review",
            field=models.BooleanField(
                default=False,
                help_text="Nobody sees the votes and the advice of others before all of them are in.",
                verbose_name="blind review",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="deliveries_per_month",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Under one agreement, in a calendar month; failed ones do not count. Empty: no such limit.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(10000),
                ],
                verbose_name="packages a month at most",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="includes_units",
            field=models.BooleanField(
                default=False,
                help_text="Units below a named agency may ask, too. Otherwise exactly the agencies named.",
                verbose_name="with the units below them",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="lookups_per_day",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Under one agreement, also those that find nothing. Empty: no such limit.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(100000000),
                ],
                verbose_name="look-ups a day at most",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="lookups_per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Under one agreement, also those that find nothing. Empty: no such limit.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(100000000),
                ],
                verbose_name="look-ups a minute at most",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="recipient_kinds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("government", "Government"),
                        ("ministry", "Ministry"),
                        ("ministerial", "Ministerial-level agency"),
                        ("government-agency", "Agency under the Government or a ministry"),
                        ("province", "Provincial People's Committee"),
                        ("unit", "Unit of an agency"),
                        ("socio-political", "Socio-political organisation"),
                    ],
                    max_length=20,
                ),
                blank=True,
                default=list,
                size=None,
                verbose_name="kinds of agency that may ask",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="reviews_needed",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="How many reviewers who are assigned to the database give advice before anybody approves.",
                validators=[django.core.validators.MaxValueValidator(9)],
                verbose_name="advice needed from reviewers",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="rows_per_month",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="In all packages of one agreement that are delivered in a calendar month. Empty: no such limit.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(9007199254740991),
                ],
                verbose_name="rows a month at most",
            ),
        ),
        migrations.AlterField(
            model_name="sharingpolicy",
            name="modes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("package", "File package"),
                        ("recurring", "File packages again and again"),
                        ("lookup", "Live look-up of single records"),
                    ],
                    max_length=20,
                ),
                size=None,
                verbose_name="modes",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "recipient_kinds__contained_by",
                        [
                            "government",
                            "ministry",
                            "ministerial",
                            "government-agency",
                            "province",
                            "unit",
                            "socio-political",
                        ],
                    )
                ),
                name="registry_sharingpolicy_kinds",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("rows_per_month__isnull", True),
                        models.Q(("rows_per_month__gte", 1), ("rows_per_month__lte", 9007199254740991)),
                        _connector="OR",
                    ),
                    models.Q(
                        ("deliveries_per_month__isnull", True),
                        models.Q(("deliveries_per_month__gte", 1), ("deliveries_per_month__lte", 10000)),
                        _connector="OR",
                    ),
                    models.Q(
                        ("lookups_per_day__isnull", True),
                        models.Q(("lookups_per_day__gte", 1), ("lookups_per_day__lte", 100000000)),
                        _connector="OR",
                    ),
                    models.Q(
                        ("lookups_per_minute__isnull", True),
                        models.Q(("lookups_per_minute__gte", 1), ("lookups_per_minute__lte", 100000000)),
                        _connector="OR",
                    ),
                ),
                name="registry_sharingpolicy_limits",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("reviews_needed__lte", 9)), name="registry_sharingpolicy_reviews_needed"
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_standing", False), ("reviews_needed", 0), _connector="OR"),
                name="registry_sharingpolicy_standing_unadvised",
                violation_error_message="Where reviewers have to advise, nothing is granted by standing permission.",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("blind_review", False), ("quorum__gte", 2), ("reviews_needed__gte", 2), _connector="OR"
                ),
                name="registry_sharingpolicy_blind_of_several",
                violation_error_message="Blind review takes two approvers or two reviewers at least.",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
