"""Imports that were carried out before runs had a state."""

from django.db import migrations
from django.db.models import F

UNKNOWN = "Không ghi lại."


def name_states(apps, schema_editor):
    imports = apps.get_model("registry", "MetadataImport")
    imports.objects.filter(state="staged", applied_at__isnull=False).update(
        state="done", confirmed_at=F("applied_at"), reason=UNKNOWN
    )


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0031_import_runs"),
    ]

    operations = [
        migrations.RunPython(name_states, migrations.RunPython.noop),
    ]
