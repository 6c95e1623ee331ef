"""Who looks after a database or a dataset, with a history."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import django.db.models.functions.comparison
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0025_search_documents_kept"),
    ]

    operations = [
        migrations.CreateModel(
            name="Stewardship",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("manager", "Manager"), ("editor", "Editor"), ("contact", "Contact for questions")],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("valid_from", models.DateField(verbose_name="from")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="to")),
                (
                    "agency",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stewardships",
                        to="registry.agency",
                        verbose_name="agency",
                    ),
                ),
                (
                    "appointed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="appointed by",
                    ),
                ),
                (
                    "database",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stewardships",
                        to="registry.database",
                        verbose_name="database",
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty: the whole database.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stewardships",
                        to="registry.dataset",
                        verbose_name="dataset",
                    ),
                ),
                (
                    "taken_over_from",
                    models.OneToOneField(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="taken_over_by",
                        to="registry.stewardship",
                        verbose_name="taken over from",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stewardships",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
            ],
            options={
                "verbose_name": "stewardship",
                "verbose_name_plural": "stewardships",
                "ordering": ["database", "dataset", "kind", "-valid_from", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["manager", "editor", "contact"])),
                        name="registry_stewardship_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True), ("valid_to__gte", models.F("valid_from")), _connector="OR"
                        ),
                        name="registry_stewardship_dates",
                        violation_error_message="The end lies before the start.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("agency__isnull", True), ("user__isnull", False)),
                            models.Q(("agency__isnull", False), ("kind", "contact"), ("user__isnull", True)),
                            _connector="OR",
                        ),
                        name="registry_stewardship_of_one",
                        violation_error_message="Name a person; only for questions an agency in place of one.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("appointed_by__isnull", True),
                            ("user__isnull", True),
                            models.Q(("appointed_by", models.F("user")), _negated=True),
                            _connector="OR",
                        ),
                        name="registry_stewardship_by_another",
                        violation_error_message="Nobody can give a role or a duty to oneself.",
                    ),
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            ("database", "="),
                            (django.db.models.functions.comparison.Coalesce("dataset_id", 0), "="),
                            ("kind", "="),
                            (django.db.models.functions.comparison.Coalesce("user_id", 0), "="),
                            (django.db.models.functions.comparison.Coalesce("agency_id", 0), "="),
                            (
                                models.Func(
                                    models.F("valid_from"),
                                    models.F("valid_to"),
                                    models.Value("[]"),
                                    function="daterange",
                                    output_field=django.contrib.postgres.fields.ranges.DateRangeField(),
                                ),
                                "&&",
                            ),
                        ],
                        name="registry_stewardship_once_a_day",
                        violation_error_message="The same stewardship is given on some of these days already.",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            "SELECT registry_keep_history('registry_stewardship', '', '')",
            """DROP TRIGGER registry_history_insert ON registry_stewardship;
            DROP TRIGGER registry_history_update ON registry_stewardship;
            DROP TRIGGER registry_history_delete ON registry_stewardship""",
        ),
    ]
