"""Names of fields as long as any engine allows."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0007_recurring_packages"),
    ]

    operations = [
        migrations.AlterField(
            model_name="exchangerequest",
            name="field_names",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=128), blank=True, default=list, size=None, verbose_name="fields"
            ),
        ),
    ]
