"""The day of the letter beside its number: a letter is cited by both."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0026_requests_taken_over"),
    ]

    operations = [
        migrations.AddField(
            model_name="exchangerequest",
            name="letter_day",
            field=models.DateField(blank=True, null=True, verbose_name="day of your letter"),
        ),
    ]
