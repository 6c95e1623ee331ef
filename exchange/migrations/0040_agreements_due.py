"""What the sweep and the desks look for every minute: agreements to be confirmed, and announced stops."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0039_columnar_files"),
        ("registry", "0044_agency_seat"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="agreement",
            index=models.Index(
                condition=models.Q(("status__in", ["active", "suspended"])),
                fields=["confirm_by"],
                name="exchange_agreement_confirm_by",
            ),
        ),
        migrations.AddIndex(
            model_name="agreement",
            index=models.Index(
                condition=models.Q(("stops_on__isnull", False)), fields=["stops_on"], name="exchange_agreement_stops_on"
            ),
        ),
    ]
