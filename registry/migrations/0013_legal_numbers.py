"""Numbers of laws are found however they are typed; amendments have dates."""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import registry.fields

FORWARD = r"""
-- What registry/legal_numbers.py calls the key: 278/2025/NĐ-CP is 278-2025-ndcp.
CREATE FUNCTION registry_legal_number_key(number text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT trim(both '-' from regexp_replace(regexp_replace(regexp_replace(
        lower(regexp_replace(normalize(translate(number, 'ĐđÐðƉɖ', 'dddddd'), NFKD), '[\u0300-\u036f]', '', 'g')),
        '[^a-z0-9]+', '-', 'g'), '([a-z])-(?=[a-z])', '\1', 'g'), '(^|-)0+(?=[0-9])', '\1', 'g'))
$$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0012_policies_keep_recurring"),
    ]

    operations = [
        migrations.RunSQL(FORWARD, "DROP FUNCTION registry_legal_number_key(text)"),
        migrations.CreateModel(
            name="Amendment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("effective_from", models.DateField(verbose_name="with effect from")),
                ("parts", registry.fields.TextLine(blank=True, max_length=500, verbose_name="which parts")),
            ],
            options={
                "verbose_name": "amendment",
                "verbose_name_plural": "amendments",
                "ordering": ["effective_from", "pk"],
            },
        ),
        migrations.AddField(
            model_name="legalinstrument",
            name="issuer",
            field=registry.fields.TextLine(blank=True, max_length=250, verbose_name="issued by"),
        ),
        migrations.AddField(
            model_name="legalinstrument",
            name="kind",
            field=models.CharField(
                choices=[
                    ("law", "Law"),
                    ("ordinance", "Ordinance"),
                    ("resolution", "Resolution"),
                    ("decree", "Decree"),
                    ("decision", "Decision"),
                    ("directive", "Directive"),
                    ("circular", "Circular"),
                    ("other", "Other instrument"),
                ],
                default="other",
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.AddField(
            model_name="legalinstrument",
            name="number_key",
            field=models.GeneratedField(
                db_persist=True,
                expression=models.Func(models.F("number"), function="registry_legal_number_key"),
                output_field=models.CharField(max_length=60),
                verbose_name="number as it is compared",
            ),
        ),
        migrations.AlterField(
            model_name="legalinstrument",
            name="number",
            field=registry.fields.TextLine(max_length=50, unique=True, verbose_name="number"),
        ),
        migrations.AddIndex(
            model_name="legalinstrument",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass("number_key", name="gin_trgm_ops"),
                name="registry_legal_number_trgm",
            ),
        ),
        migrations.AddConstraint(
            model_name="legalinstrument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        ["law", "ordinance", "resolution", "decree", "decision", "directive", "circular", "other"],
                    )
                ),
                name="registry_legalinstrument_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="legalinstrument",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("replaced_by__isnull", True),
                    models.Q(("replaced_by", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="registry_legalinstrument_not_by_itself",
                violation_error_message="An instrument cannot be replaced by itself.",
            ),
        ),
        migrations.AddConstraint(
            model_name="legalinstrument",
            constraint=models.UniqueConstraint(
                fields=("number_key",),
                name="registry_legalinstrument_once",
                violation_error_message="This number is in the register already, perhaps typed in another way.",
            ),
        ),
        migrations.AddField(
            model_name="amendment",
            name="amended",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="amendments",
                to="registry.legalinstrument",
                verbose_name="amended instrument",
            ),
        ),
        migrations.AddField(
            model_name="amendment",
            name="amending",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="amends",
                to="registry.legalinstrument",
                verbose_name="amending instrument",
            ),
        ),
        migrations.AddConstraint(
            model_name="amendment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amended", models.F("amending")), _negated=True),
                name="registry_amendment_by_another",
                violation_error_message="An instrument cannot amend itself.",
            ),
        ),
        migrations.AddConstraint(
            model_name="amendment",
            constraint=models.UniqueConstraint(
                fields=("amended", "amending", "effective_from"),
                name="registry_amendment_once",
                violation_error_message="This amendment is in the register already.",
            ),
        ),
    ]
