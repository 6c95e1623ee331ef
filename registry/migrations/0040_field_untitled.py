"""Whether all fields of a dataset have a title is asked for a list at once: without an index that reads every field."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0039_dataset_description_en")]

    operations = [
        migrations.AddIndex(
            model_name="field",
            index=models.Index(
                condition=models.Q(("removed_at__isnull", True), ("title_vi", "")),
                fields=["dataset"],
                name="registry_field_untitled",
            ),
        ),
    ]
