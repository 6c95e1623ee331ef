"""Ways of writing that search takes for the same, with their history."""

import django.db.models.functions.text
from django.db import migrations, models

import registry.fields


class Migration(migrations.Migration):
    dependencies = [("registry", "0037_levels_not_lowered_silently")]

    operations = [
        migrations.CreateModel(
            name="SearchSynonym",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("term", registry.fields.TextLine(max_length=60, verbose_name="typed")),
                ("meaning", registry.fields.TextLine(max_length=100, verbose_name="means")),
            ],
            options={
                "verbose_name": "search synonym",
                "verbose_name_plural": "search synonyms",
                "ordering": ["term", "meaning"],
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("term"),
                        django.db.models.functions.text.Lower("meaning"),
                        name="registry_searchsynonym_once",
                        violation_error_message="These two are known as the same already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("term", ""), _negated=True),
                            models.Q(("meaning", ""), _negated=True),
                            models.Q(("term", models.F("meaning")), _negated=True),
                        ),
                        name="registry_searchsynonym_two",
                        violation_error_message="A synonym needs two different ways of writing.",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            "SELECT registry_keep_history('registry_searchsynonym', '', '')",
            migrations.RunSQL.noop,
        ),
    ]
