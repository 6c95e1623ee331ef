"""More engines that sources run on, and two more ways to mask a value."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0009_dataset_frequency_from_words"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="connection",
            name="registry_connection_engine",
        ),
        migrations.RemoveConstraint(
            model_name="field",
            name="registry_field_masking",
        ),
        migrations.RemoveConstraint(
            model_name="policyfield",
            name="registry_policyfield_masking",
        ),
        migrations.AlterField(
            model_name="connection",
            name="engine",
            field=models.CharField(
                choices=[
                    ("postgresql", "PostgreSQL"),
                    ("mysql", "MariaDB or MySQL"),
                    ("sqlserver", "SQL Server"),
                    ("oracle", "Oracle Database"),
                    ("sqlite", "SQLite"),
                    ("files", "Files"),
                ],
                max_length=20,
                verbose_name="engine",
            ),
        ),
        migrations.AlterField(
            model_name="field",
            name="default_masking",
            field=models.CharField(
                choices=[
                    ("keep", "As it is"),
                    ("rounded", "Rounded"),
                    ("year", "Year only"),
                    ("province", "Province only"),
                    ("partial", "Last characters only"),
                    ("pseudonym", "Pseudonym"),
                    ("null", "Left empty"),
                ],
                default="null",
                max_length=20,
                verbose_name="masking unless a policy says otherwise",
            ),
        ),
        migrations.AlterField(
            model_name="policyfield",
            name="masking",
            field=models.CharField(
                choices=[
                    ("keep", "As it is"),
                    ("rounded", "Rounded"),
                    ("year", "Year only"),
                    ("province", "Province only"),
                    ("partial", "Last characters only"),
                    ("pseudonym", "Pseudonym"),
                    ("null", "Left empty"),
                ],
                default="null",
                max_length=20,
                verbose_name="masking",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(("engine__in", ["postgresql", "mysql", "sqlserver", "oracle", "sqlite", "files"])),
                name="registry_connection_engine",
            ),
        ),
        migrations.AddConstraint(
            model_name="field",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("default_masking__in", ["keep", "rounded", "year", "province", "partial", "pseudonym", "null"])
                ),
                name="registry_field_masking",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyfield",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("masking__in", ["keep", "rounded", "year", "province", "partial", "pseudonym", "null"])
                ),
                name="registry_policyfield_masking",
            ),
        ),
    ]
