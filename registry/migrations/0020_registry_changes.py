"""A table for what was changed in the registry."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0019_levels_guarded"),
    ]

    operations = [
        migrations.CreateModel(
            name="RegistryChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("changed_at", models.DateTimeField(verbose_name="when")),
                ("transaction", models.BigIntegerField(verbose_name="transaction")),
                ("table_name", models.CharField(max_length=63, verbose_name="table")),
                ("row_id", models.BigIntegerField(verbose_name="row")),
                (
                    "operation",
                    models.CharField(
                        choices=[("insert", "added"), ("update", "changed"), ("delete", "deleted")],
                        max_length=10,
                        verbose_name="operation",
                    ),
                ),
                ("actor", models.CharField(blank=True, max_length=60, verbose_name="who")),
                ("reason", models.CharField(blank=True, max_length=500, verbose_name="why")),
                ("database_role", models.CharField(max_length=63, verbose_name="database account")),
                ("values", models.JSONField(verbose_name="what")),
            ],
            options={
                "verbose_name": "registry change",
                "verbose_name_plural": "registry changes",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["table_name", "row_id", "-id"], name="registry_change_of_row")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("operation__in", ["insert", "update", "delete"])),
                        name="registry_registrychange_operation",
                    )
                ],
            },
        ),
    ]
