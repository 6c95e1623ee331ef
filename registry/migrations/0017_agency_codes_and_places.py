"""Codes and contacts of agencies, and administrative units whose codes change their meaning."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.core.validators
import django.db.models.deletion
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models

import registry.fields


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0016_structure_guarded"),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name="AdministrativeUnit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name_vi", registry.fields.TextLine(max_length=150, verbose_name="name (Vietnamese)")),
                ("name_en", registry.fields.TextLine(blank=True, max_length=150, verbose_name="name (English)")),
                (
                    "kind",
                    models.CharField(
                        choices=[("municipality", "City under central rule"), ("province", "Province")],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                (
                    "valid_from",
                    models.DateField(
                        blank=True, help_text="Empty where it is not recorded.", null=True, verbose_name="from"
                    ),
                ),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="to")),
                (
                    "became",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="came_from",
                        to="registry.administrativeunit",
                        verbose_name="became",
                    ),
                ),
            ],
            options={
                "verbose_name": "administrative unit",
                "verbose_name_plural": "administrative units",
                "ordering": ["name_vi", "valid_from"],
            },
        ),
        migrations.CreateModel(
            name="AgencyCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "scheme",
                    models.CharField(
                        choices=[
                            ("electronic-id", "Electronic identifier (Decision 20/2020/QĐ-TTg)"),
                            ("legacy", "Former code"),
                            ("short", "Abbreviation"),
                        ],
                        max_length=20,
                        verbose_name="scheme",
                    ),
                ),
                ("value", models.CharField(max_length=60, verbose_name="value")),
                (
                    "valid_from",
                    models.DateField(
                        blank=True, help_text="Empty where it is not recorded.", null=True, verbose_name="from"
                    ),
                ),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="to")),
                ("source", registry.fields.TextLine(blank=True, max_length=250, verbose_name="source")),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="codes",
                        to="registry.agency",
                        verbose_name="agency",
                    ),
                ),
            ],
            options={
                "verbose_name": "agency code",
                "verbose_name_plural": "agency codes",
                "ordering": [
                    "agency",
                    "scheme",
                    models.OrderBy(models.F("valid_from"), descending=True, nulls_last=True),
                ],
            },
        ),
        migrations.CreateModel(
            name="AgencyContact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("sharing", "Sharing of data"),
                            ("technical", "Connections and systems"),
                            ("personal-data", "Protection of personal data"),
                            ("legal", "Legal questions"),
                        ],
                        default="sharing",
                        max_length=20,
                        verbose_name="about",
                    ),
                ),
                ("name", registry.fields.TextLine(max_length=150, verbose_name="person or office")),
                ("position", registry.fields.TextLine(blank=True, max_length=150, verbose_name="position")),
                (
                    "phone",
                    models.CharField(
                        blank=True,
                        max_length=30,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[0-9 +().-]{6,30}\\Z", "Digits, spaces, dots, hyphens, brackets, plus sign."
                            )
                        ],
                        verbose_name="phone",
                    ),
                ),
                ("email", models.EmailField(blank=True, max_length=254, verbose_name="e-mail")),
                ("valid_from", models.DateField(verbose_name="from")),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="to")),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contacts",
                        to="registry.agency",
                        verbose_name="agency",
                    ),
                ),
            ],
            options={
                "verbose_name": "published contact",
                "verbose_name_plural": "published contacts",
                "ordering": ["agency", "purpose", "-valid_from", "pk"],
            },
        ),
        migrations.CreateModel(
            name="UnitCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "code",
                    models.CharField(
                        max_length=10,
                        validators=[django.core.validators.RegexValidator("\\A[0-9]{2,5}\\Z", "Two to five digits.")],
                        verbose_name="code",
                    ),
                ),
                (
                    "valid_from",
                    models.DateField(
                        blank=True, help_text="Empty where it is not recorded.", null=True, verbose_name="from"
                    ),
                ),
                ("valid_to", models.DateField(blank=True, null=True, verbose_name="to")),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="codes",
                        to="registry.administrativeunit",
                        verbose_name="administrative unit",
                    ),
                ),
            ],
            options={
                "verbose_name": "unit code",
                "verbose_name_plural": "unit codes",
                "ordering": ["code", models.OrderBy(models.F("valid_from"), nulls_first=True)],
            },
        ),
        migrations.AddConstraint(
            model_name="administrativeunit",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["municipality", "province"])), name="registry_administrativeunit_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="administrativeunit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to__isnull", True),
                    ("valid_from__isnull", True),
                    ("valid_to__gte", models.F("valid_from")),
                    _connector="OR",
                ),
                name="registry_administrativeunit_dates",
                violation_error_message="The end lies before the start.",
            ),
        ),
        migrations.AddConstraint(
            model_name="administrativeunit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("became__isnull", True),
                    models.Q(("valid_to__isnull", False), models.Q(("became", models.F("id")), _negated=True)),
                    _connector="OR",
                ),
                name="registry_administrativeunit_ended_before_another",
                violation_error_message="What became another unit has a last day.",
            ),
        ),
        migrations.AddConstraint(
            model_name="agencycode",
            constraint=models.CheckConstraint(
                condition=models.Q(("scheme__in", ["electronic-id", "legacy", "short"])),
                name="registry_agencycode_scheme",
            ),
        ),
        migrations.AddConstraint(
            model_name="agencycode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to__isnull", True),
                    ("valid_from__isnull", True),
                    ("valid_to__gte", models.F("valid_from")),
                    _connector="OR",
                ),
                name="registry_agencycode_dates",
                violation_error_message="The end lies before the start.",
            ),
        ),
        migrations.AddConstraint(
            model_name="agencycode",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("scheme", "="),
                    ("value", "="),
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
                name="registry_agencycode_one_agency_a_day",
                violation_error_message="This code names an agency on some of these days already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="agencycontact",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["sharing", "technical", "personal-data", "legal"])),
                name="registry_agencycontact_purpose",
            ),
        ),
        migrations.AddConstraint(
            model_name="agencycontact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to__isnull", True), ("valid_to__gte", models.F("valid_from")), _connector="OR"
                ),
                name="registry_agencycontact_dates",
                violation_error_message="The end lies before the start.",
            ),
        ),
        migrations.AddConstraint(
            model_name="agencycontact",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("phone", ""), _negated=True), models.Q(("email", ""), _negated=True), _connector="OR"
                ),
                name="registry_agencycontact_reachable",
                violation_error_message="A contact needs a phone number or an e-mail address.",
            ),
        ),
        migrations.AddConstraint(
            model_name="unitcode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_to__isnull", True),
                    ("valid_from__isnull", True),
                    ("valid_to__gte", models.F("valid_from")),
                    _connector="OR",
                ),
                name="registry_unitcode_dates",
                violation_error_message="The end lies before the start.",
            ),
        ),
        migrations.AddConstraint(
            model_name="unitcode",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                expressions=[
                    ("code", "="),
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
                name="registry_unitcode_one_unit_a_day",
                violation_error_message="This code names a unit on some of these days already.",
            ),
        ),
    ]
