"""Moves of agencies, with the consent of both sides."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0027_subscriptions"),
    ]

    operations = [
        migrations.CreateModel(
            name="AgencyMove",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("effective_on", models.DateField(verbose_name="from")),
                ("reason", registry.fields.TextLine(max_length=500, verbose_name="reason")),
                ("proposed_at", models.DateTimeField(auto_now_add=True, verbose_name="proposed at")),
                (
                    "giving_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="agreed for the present side at"),
                ),
                ("taking_at", models.DateTimeField(blank=True, null=True, verbose_name="agreed for the new side at")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True, verbose_name="withdrawn at")),
                ("applied_at", models.DateTimeField(blank=True, null=True, verbose_name="carried out at")),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="moves",
                        to="registry.agency",
                        verbose_name="agency",
                    ),
                ),
                (
                    "from_parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.agency",
                        verbose_name="present superior",
                    ),
                ),
                (
                    "giving_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="agreed for the present side by",
                    ),
                ),
                (
                    "new_parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.agency",
                        verbose_name="new superior",
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="proposed by",
                    ),
                ),
                (
                    "taking_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="agreed for the new side by",
                    ),
                ),
                (
                    "withdrawn_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="withdrawn by",
                    ),
                ),
            ],
            options={
                "verbose_name": "move of an agency",
                "verbose_name_plural": "moves of agencies",
                "ordering": ["-proposed_at", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("giving_at__isnull", True), ("giving_by__isnull", True)),
                            models.Q(("giving_at__isnull", False), ("giving_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="registry_agencymove_giving_paired",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("taking_at__isnull", True), ("taking_by__isnull", True)),
                            models.Q(("taking_at__isnull", False), ("taking_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="registry_agencymove_taking_paired",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("withdrawn_at__isnull", True), ("withdrawn_by__isnull", True)),
                            models.Q(("withdrawn_at__isnull", False), ("withdrawn_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="registry_agencymove_withdrawn_paired",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("giving_by__isnull", True),
                            ("taking_by__isnull", True),
                            models.Q(("giving_by", models.F("taking_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="registry_agencymove_two_people",
                        violation_error_message="One person cannot agree for both sides.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("applied_at__isnull", True),
                            models.Q(
                                ("giving_at__isnull", False),
                                ("taking_at__isnull", False),
                                ("withdrawn_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="registry_agencymove_applied_with_consent",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("applied_at__isnull", True), ("withdrawn_at__isnull", True)),
                        fields=("agency",),
                        name="registry_agencymove_one_open",
                        violation_error_message="Another move of this agency is open: withdraw it first.",
                    ),
                ],
            },
        ),
    ]
