"""Since when nobody can decide on requests for a database; those who are to do something about it are told once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0034_tree_guarded_from_the_start"),
    ]

    operations = [
        migrations.AddField(
            model_name="database",
            name="undecided_since",
            field=models.DateTimeField(
                blank=True, editable=False, null=True, verbose_name="without anybody who decides since"
            ),
        ),
    ]
