"""Each letter has a code that is printed on it, and a record of the files in which it was handed out. No number is left out."""

import django.db.models.deletion
from django.db import migrations, models

from exchange.migrations.guards.sealed import SEALED

# A letter is never rewritten, not even by a migration: those that there are get their codes with the column. The first
# twelve hexadecimal digits of a random UUID are all random.
CODES = """
ALTER TABLE exchange_letter ADD COLUMN check_code varchar(12) NOT NULL DEFAULT
    translate(substr(replace(gen_random_uuid()::text, '-', ''), 1, 12), '0123456789abcdef', '234679CFGHJKMPQR');
ALTER TABLE exchange_letter ALTER COLUMN check_code DROP DEFAULT;
"""

NUMBERS = """
CREATE FUNCTION exchange_letter_check_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.year IS DISTINCT FROM extract(year FROM NEW.issued_at AT TIME ZONE 'Asia/Ho_Chi_Minh') THEN
        RAISE EXCEPTION 'a letter is numbered in the year in which it is issued' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.number > 1 AND NOT EXISTS (
        SELECT 1 FROM exchange_letter WHERE agency_id = NEW.agency_id AND year = NEW.year AND number = NEW.number - 1
    ) THEN
        RAISE EXCEPTION 'letter % of this agency would leave a gap', NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_letter_number BEFORE INSERT ON exchange_letter
    FOR EACH ROW EXECUTE FUNCTION exchange_letter_check_number();
"""

KEPT = """
CREATE TRIGGER exchange_lettercopy_immutable BEFORE UPDATE ON exchange_lettercopy
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_lettercopy_kept BEFORE DELETE ON exchange_lettercopy
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_lettercopy_no_truncate BEFORE TRUNCATE ON exchange_lettercopy
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""

BACKWARD = """
DROP TRIGGER exchange_letter_number ON exchange_letter;
DROP FUNCTION exchange_letter_check_number();
"""


class Migration(migrations.Migration):
    dependencies = [("exchange", "0019_cases_put_back")]

    operations = [
        migrations.RunSQL(
            CODES,
            "ALTER TABLE exchange_letter DROP COLUMN check_code",
            state_operations=[
                migrations.AddField(
                    model_name="letter",
                    name="check_code",
                    field=models.CharField(editable=False, max_length=12, verbose_name="check code"),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="letter",
            constraint=models.CheckConstraint(
                condition=models.Q(("check_code__regex", "^[234679CFGHJKMPQRTVWX]{12}$")),
                name="exchange_letter_check_code",
            ),
        ),
        migrations.CreateModel(
            name="LetterCopy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("language", models.CharField(max_length=2, verbose_name="language")),
                ("sha256", models.CharField(max_length=64, unique=True, verbose_name="SHA-256")),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="made at")),
                (
                    "letter",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="copies", to="exchange.letter"
                    ),
                ),
            ],
            options={
                "verbose_name": "file of a letter",
                "verbose_name_plural": "files of letters",
                "ordering": ["made_at"],
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="exchange_lettercopy_sha256"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("language__in", ["vi", "en"])), name="exchange_lettercopy_language"
                    ),
                ],
            },
        ),
        migrations.AlterField(
            model_name="letter", name="issued_at", field=models.DateTimeField(verbose_name="issued at")
        ),
        migrations.RunSQL(NUMBERS + KEPT + SEALED, BACKWARD),
    ]
