"""A signed certificate of destruction is a numbered letter of its agency as well."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from exchange.migrations.guards.sealed import SEALED

FORWARD = """
DROP TRIGGER exchange_certificate_immutable ON exchange_destructioncertificate;
CREATE TRIGGER exchange_certificate_immutable BEFORE UPDATE ON exchange_destructioncertificate
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'signed_at', 'signed_by_id', 'dropped_at', 'dropped_by_id', 'drop_reason', 'letter_id',
        'acknowledged_at', 'acknowledged_by_id', 'refused_at', 'refused_by_id', 'refusal_reason');

-- The letter is written with the signature, by the agency that signs, in the case of the agreement.
CREATE FUNCTION exchange_certificate_check_letter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.signed_at IS NOT NULL AND NEW.letter_id IS DISTINCT FROM OLD.letter_id THEN
        RAISE EXCEPTION 'certificate % has its letter', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.letter_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM exchange_letter l JOIN exchange_agreement a ON a.id = NEW.agreement_id
        WHERE l.id = NEW.letter_id AND l.case_id = a.case_id AND l.agency_id = a.consumer_id
          AND l.content::jsonb ->> 'certificate_sha256' = NEW.content_hash) THEN
        RAISE EXCEPTION 'the letter of certificate % tells something else', OLD.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_certificate_letter BEFORE UPDATE ON exchange_destructioncertificate
    FOR EACH ROW EXECUTE FUNCTION exchange_certificate_check_letter();
"""
BACKWARD = """
DROP TRIGGER exchange_certificate_letter ON exchange_destructioncertificate;
DROP FUNCTION exchange_certificate_check_letter();
DROP TRIGGER exchange_certificate_immutable ON exchange_destructioncertificate;
CREATE TRIGGER exchange_certificate_immutable BEFORE UPDATE ON exchange_destructioncertificate
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'signed_at', 'signed_by_id', 'dropped_at', 'dropped_by_id', 'drop_reason',
        'acknowledged_at', 'acknowledged_by_id', 'refused_at', 'refused_by_id', 'refusal_reason');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0040_agreements_due"),
        ("registry", "0044_agency_seat"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="destructioncertificate",
            name="letter",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="certificate",
                to="exchange.letter",
                verbose_name="letter",
            ),
        ),
        migrations.AddConstraint(
            model_name="destructioncertificate",
            constraint=models.CheckConstraint(
                condition=models.Q(("letter__isnull", True), ("signed_at__isnull", False), _connector="OR"),
                name="exchange_destructioncertificate_letter_signed",
            ),
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED),
    ]
