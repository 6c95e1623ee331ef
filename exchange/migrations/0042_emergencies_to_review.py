"""Emergencies that are still to be reviewed are found by an index."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0041_certificate_letters"),
        ("registry", "0044_agency_seat"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="reviewcase",
            index=models.Index(
                condition=models.Q(("review_due_on__isnull", False), ("reviewed_at__isnull", True)),
                fields=["review_due_on"],
                name="exchange_reviewcase_to_review",
            ),
        ),
    ]
