import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_guards")]

    operations = [
        migrations.AddField(
            model_name="database",
            name="min_quorum",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="No sharing policy of this database may ask for fewer. From two on, nothing is granted by standing permission.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(9),
                ],
                verbose_name="approvers needed at least",
            ),
        ),
        migrations.AddField(
            model_name="sharingpolicy",
            name="max_retention_days",
            field=models.PositiveIntegerField(
                default=730,
                help_text="Counted from the first day of use, until the recipient has to delete the data.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(3650),
                ],
                verbose_name="days kept at most",
            ),
        ),
        migrations.AlterField(
            model_name="sharingpolicy",
            name="max_rows",
            field=models.PositiveBigIntegerField(
                default=5000000,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(9007199254740991),
                ],
                verbose_name="rows at most",
            ),
        ),
    ]
