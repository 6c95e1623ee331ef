"""Datasets are described in English, too: noted as a change, and found by search."""

from django.db import migrations

import registry.fields

# function, what stands in it, what is to stand there; each as often as it stands there
CHANGED = (
    ("registry_dataset_note_change()", "NEW.description,", "NEW.description, NEW.description_en,"),
    ("registry_dataset_note_change()", "OLD.description,", "OLD.description, OLD.description_en,"),
    (
        "registry_search_source(bigint[])",
        "left(d.description, 20000),",
        "left(d.description, 20000), left(d.description_en, 20000),",
    ),
)


def _rewrite(schema_editor, steps):
    """The functions as they are, with their settings, but for these words."""
    with schema_editor.connection.cursor() as cursor:
        for function, old, new in steps:
            cursor.execute("SELECT pg_get_functiondef(%s::regprocedure)", [function])
            (text,) = cursor.fetchone()
            if old not in text:
                raise ValueError(f"{function} does not say: {old}")
            cursor.execute(text.replace(old, new).replace("%", "%%"), [])


def forward(apps, schema_editor):
    _rewrite(schema_editor, CHANGED)


def backward(apps, schema_editor):
    _rewrite(schema_editor, [(function, new, old) for function, old, new in CHANGED])


class Migration(migrations.Migration):
    dependencies = [("registry", "0038_search_synonyms")]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="description_en",
            field=registry.fields.TextBlock(
                blank=True, db_default="", default="", verbose_name="description (English)"
            ),
        ),
        migrations.RunPython(forward, backward),
    ]
