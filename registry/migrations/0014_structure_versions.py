"""Versions of structures, changes between them, and what a source says about tables and columns."""

import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0013_legal_numbers"),
    ]

    operations = [
        migrations.CreateModel(
            name="SchemaChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("changes", models.JSONField(verbose_name="changes")),
                ("is_breaking", models.BooleanField(verbose_name="breaking")),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=128),
                        default=list,
                        size=None,
                        verbose_name="columns that broke",
                    ),
                ),
                ("touches_table", models.BooleanField(default=False, verbose_name="breaks the whole table")),
                ("found_at", models.DateTimeField(auto_now_add=True, verbose_name="found at")),
                (
                    "occasion",
                    models.CharField(
                        choices=[
                            ("person", "Read by a person"),
                            ("schedule", "Regular comparison"),
                            ("delivery", "Before a delivery"),
                            ("lookup", "In a look-up"),
                        ],
                        max_length=10,
                        verbose_name="found during",
                    ),
                ),
                ("reviewed_at", models.DateTimeField(blank=True, null=True, verbose_name="reviewed at")),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[("accept", "Still sound: resume"), ("end", "End what depends on it")],
                        max_length=10,
                        verbose_name="decision",
                    ),
                ),
                ("note", registry.fields.TextBlock(blank=True, verbose_name="note")),
            ],
            options={
                "verbose_name": "change of a structure",
                "verbose_name_plural": "structure changes",
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="StructureWatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "every_minutes",
                    models.PositiveIntegerField(
                        default=60,
                        validators=[
                            django.core.validators.MinValueValidator(5),
                            django.core.validators.MaxValueValidator(10080),
                        ],
                        verbose_name="compare every (minutes)",
                    ),
                ),
                ("is_on", models.BooleanField(default=True, verbose_name="compare regularly")),
                ("next_at", models.DateTimeField(blank=True, null=True, verbose_name="next comparison")),
                ("compared_at", models.DateTimeField(blank=True, null=True, verbose_name="last comparison")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failures in a row")),
                ("message", models.CharField(blank=True, max_length=500, verbose_name="result of the last comparison")),
            ],
            options={
                "verbose_name": "watch over a structure",
                "verbose_name_plural": "watches over structures",
                "ordering": ["connection"],
            },
        ),
        migrations.AlterModelOptions(
            name="schemasnapshot",
            options={
                "get_latest_by": ["version_major", "version_minor"],
                "ordering": ["-taken_at", "-pk"],
                "verbose_name": "schema snapshot",
                "verbose_name_plural": "schema snapshots",
            },
        ),
        migrations.AddField(
            model_name="dataset",
            name="partition_by",
            field=models.TextField(blank=True, editable=False, verbose_name="partitioned by"),
        ),
        migrations.AddField(
            model_name="dataset",
            name="partitions",
            field=models.PositiveIntegerField(blank=True, editable=False, null=True, verbose_name="partitions"),
        ),
        migrations.AddField(
            model_name="dataset",
            name="relation_kind",
            field=models.CharField(
                choices=[
                    ("table", "Table"),
                    ("view", "View"),
                    ("materialized-view", "Materialised view"),
                    ("foreign-table", "Foreign table"),
                ],
                default="table",
                editable=False,
                max_length=20,
                verbose_name="kind in the source",
            ),
        ),
        migrations.AddField(
            model_name="dataset",
            name="structure_changed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="structure changed on"),
        ),
        migrations.AddField(
            model_name="dataset",
            name="structure_version",
            field=models.CharField(blank=True, editable=False, max_length=20, verbose_name="version of the structure"),
        ),
        migrations.AddField(
            model_name="field",
            name="allowed_values",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                blank=True,
                default=list,
                editable=False,
                size=None,
                verbose_name="allowed values",
            ),
        ),
        migrations.AddField(
            model_name="field",
            name="domain",
            field=models.CharField(blank=True, editable=False, max_length=200, verbose_name="domain in the source"),
        ),
        migrations.AddField(
            model_name="field",
            name="has_default",
            field=models.BooleanField(default=False, editable=False, verbose_name="has a default"),
        ),
        migrations.AddField(
            model_name="field",
            name="is_generated",
            field=models.BooleanField(default=False, editable=False, verbose_name="computed by the source"),
        ),
        migrations.AddField(
            model_name="field",
            name="refers_to",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                blank=True,
                default=list,
                editable=False,
                size=None,
                verbose_name="refers to",
            ),
        ),
        migrations.AddField(
            model_name="schemasnapshot",
            name="version_major",
            field=models.PositiveIntegerField(default=1, verbose_name="major version"),
        ),
        migrations.AddField(
            model_name="schemasnapshot",
            name="version_minor",
            field=models.PositiveIntegerField(default=0, verbose_name="minor version"),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="suspended_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="suspended at"),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="schema_name",
            field=models.CharField(blank=True, max_length=128, verbose_name="schema in the source"),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="table_name",
            field=models.CharField(max_length=128, verbose_name="table in the source"),
        ),
        migrations.AlterField(
            model_name="field",
            name="name",
            field=models.CharField(max_length=128, verbose_name="column in the source"),
        ),
        migrations.AlterField(
            model_name="field",
            name="native_type",
            field=models.CharField(max_length=200, verbose_name="type in the source"),
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.CheckConstraint(
                condition=models.Q(("relation_kind__in", ["table", "view", "materialized-view", "foreign-table"])),
                name="registry_dataset_relation_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="schemasnapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(("version_major__gte", 1)), name="registry_schemasnapshot_major"
            ),
        ),
        migrations.AddField(
            model_name="schemachange",
            name="dataset",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="changes",
                to="registry.dataset",
                verbose_name="dataset",
            ),
        ),
        migrations.AddField(
            model_name="schemachange",
            name="found_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="found by",
            ),
        ),
        migrations.AddField(
            model_name="schemachange",
            name="from_snapshot",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.schemasnapshot",
                verbose_name="before",
            ),
        ),
        migrations.AddField(
            model_name="schemachange",
            name="reviewed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="reviewed by",
            ),
        ),
        migrations.AddField(
            model_name="schemachange",
            name="to_snapshot",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="change",
                to="registry.schemasnapshot",
                verbose_name="after",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="suspended_by_change",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="suspended_policies",
                to="registry.schemachange",
                verbose_name="suspended by the change",
            ),
        ),
        migrations.AddConstraint(
            model_name="sharingpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("suspended_at__isnull", True), ("suspended_by_change__isnull", True)),
                    models.Q(("suspended_at__isnull", False), ("suspended_by_change__isnull", False)),
                    _connector="OR",
                ),
                name="registry_sharingpolicy_suspended_paired",
            ),
        ),
        migrations.AddField(
            model_name="structurewatch",
            name="connection",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="watch",
                to="registry.connection",
                verbose_name="connection",
            ),
        ),
        migrations.AddIndex(
            model_name="schemachange",
            index=models.Index(
                condition=models.Q(("is_breaking", True), ("reviewed_at__isnull", True)),
                fields=["dataset"],
                name="registry_schemachange_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="schemachange",
            constraint=models.CheckConstraint(
                condition=models.Q(("occasion__in", ["person", "schedule", "delivery", "lookup"])),
                name="registry_schemachange_occasion",
            ),
        ),
        migrations.AddConstraint(
            model_name="schemachange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decision", ""), ("note", ""), ("reviewed_at__isnull", True), ("reviewed_by__isnull", True)
                    ),
                    models.Q(
                        ("is_breaking", True),
                        ("reviewed_at__isnull", False),
                        ("reviewed_by__isnull", False),
                        ("decision__in", ["accept", "end"]),
                        models.Q(("note", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="registry_schemachange_reviewed_paired",
                violation_error_message="A review has a person, a moment, a decision and a reason.",
            ),
        ),
        migrations.AddConstraint(
            model_name="schemachange",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_breaking", True), models.Q(("columns", []), ("touches_table", False)), _connector="OR"
                ),
                name="registry_schemachange_breaks_something",
            ),
        ),
        migrations.AddConstraint(
            model_name="structurewatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("every_minutes__gte", 5), ("every_minutes__lte", 10080)),
                name="registry_structurewatch_every",
            ),
        ),
    ]
