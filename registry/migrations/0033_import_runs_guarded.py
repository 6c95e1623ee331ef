from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0032_imports_before_runs"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="metadataimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("confirmed_at__isnull", True), ("reason", ""), ("state", "staged")),
                    models.Q(
                        ("confirmed_at__isnull", False),
                        models.Q(("reason", ""), _negated=True),
                        ("state__in", ("queued", "running", "done", "failed")),
                    ),
                    _connector="OR",
                ),
                name="registry_metadataimport_confirmed_with_reason",
                violation_error_message="Say why these rows are to change.",
            ),
        ),
        migrations.AddConstraint(
            model_name="metadataimport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("applied_at__isnull", False), ("state", "done")),
                    models.Q(models.Q(("state", "done"), _negated=True), ("applied_at__isnull", True)),
                    _connector="OR",
                ),
                name="registry_metadataimport_done_at",
            ),
        ),
    ]
