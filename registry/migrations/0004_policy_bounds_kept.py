"""Policies from before the bounds: brought inside them, always to the closed side."""

from django.db import migrations
from django.db.models import F

MOST_ROWS = 2**53 - 1


def bring_inside(apps, schema_editor):
    policies = apps.get_model("registry", "SharingPolicy").objects
    # One person decided what several have to: from now on they are asked for each request.
    policies.filter(is_standing=True, quorum__gt=1).update(is_standing=False)
    policies.filter(max_rows__gt=MOST_ROWS).update(max_rows=MOST_ROWS)
    policies.filter(max_rows__lt=1).update(max_rows=1)
    policies.filter(max_days__gt=1_830).update(max_days=1_830)
    policies.filter(max_retention_days__lt=F("max_days")).update(max_retention_days=F("max_days"))


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_policy_bounds")]

    operations = [migrations.RunPython(bring_inside, migrations.RunPython.noop)]
