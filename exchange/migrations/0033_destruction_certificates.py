"""Certificates that received data is gone: prepared by one, signed by another, answered by the owner, and kept."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE SEQUENCE exchange_certificate_code;

-- Whether the agreement is over, by its state or by a date, and no later version runs.
CREATE FUNCTION exchange_is_over(agreed exchange_agreement) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT 1 FROM exchange_agreement v
        WHERE v.code = agreed.code AND v.version >= agreed.version AND v.ended_at IS NULL AND v.valid_to >= exchange_today()
          AND NOT (v.stops_as = 'revoke' AND v.stops_on <= exchange_today())
    )
$$;

CREATE FUNCTION exchange_certificate_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    agreed exchange_agreement%ROWTYPE;
    answering bigint;
BEGIN
    SELECT * INTO agreed FROM exchange_agreement WHERE id = NEW.agreement_id FOR SHARE;
    IF TG_OP = 'INSERT' THEN
        IF COALESCE(NEW.signed_at, NEW.dropped_at, NEW.acknowledged_at, NEW.refused_at) IS NOT NULL THEN
            RAISE EXCEPTION 'a certificate begins unsigned' USING ERRCODE = 'check_violation';
        END IF;
        IF NOT exchange_is_over(agreed) OR NOT (
            EXISTS (SELECT 1 FROM exchange_delivery d JOIN exchange_agreement v ON v.id = d.agreement_id
                    WHERE v.code = agreed.code AND d.status = 'completed')
            OR EXISTS (SELECT 1 FROM exchange_lookupusage u JOIN exchange_agreement v ON v.id = u.agreement_id
                       WHERE v.code = agreed.code AND u.answered > 0)) THEN
            RAISE EXCEPTION 'nothing to certify under %', agreed.code USING ERRCODE = 'check_violation';
        END IF;
        IF NOT exchange_works_for(NEW.prepared_by_id, agreed.consumer_id, 'requester', 'endorser') THEN
            RAISE EXCEPTION 'only the agency that received the data certifies' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    -- Each step is made once.
    IF (OLD.signed_at IS NOT NULL AND (NEW.signed_at, NEW.signed_by_id) IS DISTINCT FROM (OLD.signed_at, OLD.signed_by_id))
       OR (OLD.dropped_at IS NOT NULL AND NEW IS DISTINCT FROM OLD)
       OR (COALESCE(OLD.acknowledged_at, OLD.refused_at) IS NOT NULL AND NEW IS DISTINCT FROM OLD) THEN
        RAISE EXCEPTION 'certificate % is signed, answered or given up', OLD.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.signed_at IS NULL AND NEW.signed_at IS NOT NULL AND (
        NOT exchange_works_for(NEW.signed_by_id, agreed.consumer_id, 'endorser') OR NOT exchange_is_over(agreed)) THEN
        RAISE EXCEPTION 'only a signatory of the agency that received the data signs, once the agreement is over'
            USING ERRCODE = 'check_violation';
    END IF;
    answering := COALESCE(NEW.acknowledged_by_id, NEW.refused_by_id);
    IF answering IS NOT NULL AND COALESCE(OLD.acknowledged_by_id, OLD.refused_by_id) IS NULL AND (
        OLD.signed_at IS NULL OR NOT exchange_works_for(answering, agreed.provider_id)
        OR exchange_asks(answering, agreed.consumer_id)) THEN
        RAISE EXCEPTION 'only the owner of the data answers a signed certificate' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_certificate_steps BEFORE INSERT OR UPDATE ON exchange_destructioncertificate
    FOR EACH ROW EXECUTE FUNCTION exchange_certificate_check();
CREATE TRIGGER exchange_certificate_hashed BEFORE INSERT ON exchange_destructioncertificate
    FOR EACH ROW EXECUTE FUNCTION exchange_check_hash('content', 'content_hash');
CREATE TRIGGER exchange_certificate_immutable BEFORE UPDATE ON exchange_destructioncertificate
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'signed_at', 'signed_by_id', 'dropped_at', 'dropped_by_id', 'drop_reason',
        'acknowledged_at', 'acknowledged_by_id', 'refused_at', 'refused_by_id', 'refusal_reason');
CREATE TRIGGER exchange_certificate_kept BEFORE DELETE ON exchange_destructioncertificate
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_certificate_no_truncate BEFORE TRUNCATE ON exchange_destructioncertificate
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""
BACKWARD = """
DROP TRIGGER exchange_certificate_no_truncate ON exchange_destructioncertificate;
DROP TRIGGER exchange_certificate_kept ON exchange_destructioncertificate;
DROP TRIGGER exchange_certificate_immutable ON exchange_destructioncertificate;
DROP TRIGGER exchange_certificate_hashed ON exchange_destructioncertificate;
DROP TRIGGER exchange_certificate_steps ON exchange_destructioncertificate;
DROP FUNCTION exchange_certificate_check();
DROP FUNCTION exchange_is_over(exchange_agreement);
DROP SEQUENCE exchange_certificate_code;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0032_digests_by_mail"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="reviewcase",
            name="term",
            field=models.CharField(
                choices=[
                    ("ready-made", "Account for a ready-made service"),
                    ("simple", "Simple request"),
                    ("complex", "Complex request"),
                    ("very-complex", "Very complex request"),
                    ("completion", "Asking for what is missing"),
                    ("draft-life", "Life of a draft or a return that nobody touches"),
                    ("offer-life", "Life of an offer that nobody answers"),
                    ("claim-life", "Life of a claim in which nothing happens"),
                    ("remind-before", "Reminder before a day that is due"),
                    ("escalate-after", "Between two steps to the superior, after the day that was due"),
                    ("stop-notice", "Notice before an agreement is suspended or revoked, unless it is done at once"),
                    ("destruction", "Certificate of destruction, after the last day on which data may be kept"),
                ],
                default="simple",
                max_length=40,
                verbose_name="term",
            ),
        ),
        migrations.CreateModel(
            name="DestructionCertificate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "code",
                    models.CharField(editable=False, max_length=20, unique=True, verbose_name="certificate number"),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("destroyed", "Destroyed"), ("kept", "Kept longer, because a law asks for it")],
                        max_length=10,
                        verbose_name="what became of the data",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        choices=[
                            (
                                "clear",
                                "Cleared: overwritten, or deleted with the storage's own means, so that no usual tool brings it back",
                            ),
                            (
                                "purge",
                                "Purged: cryptographic erase, or the device's own sanitising, so that no laboratory brings it back",
                            ),
                            ("destroy", "Destroyed: the medium itself was shredded, melted or burnt"),
                        ],
                        max_length=10,
                        verbose_name="method of destruction",
                    ),
                ),
                ("places", registry.fields.TextBlock(max_length=2000, verbose_name="where copies were")),
                ("destroyed_on", models.DateField(blank=True, null=True, verbose_name="destroyed on")),
                ("kept_until", models.DateField(blank=True, null=True, verbose_name="kept until")),
                ("reason", registry.fields.TextBlock(blank=True, max_length=2000, verbose_name="why it is kept")),
                ("statement", registry.fields.TextBlock(max_length=2000, verbose_name="statement")),
                ("content", models.TextField(editable=False, verbose_name="content")),
                ("content_hash", models.CharField(editable=False, max_length=64, verbose_name="SHA-256")),
                ("prepared_at", models.DateTimeField(auto_now_add=True, verbose_name="prepared at")),
                ("dropped_at", models.DateTimeField(blank=True, null=True, verbose_name="given up at")),
                (
                    "drop_reason",
                    registry.fields.TextBlock(blank=True, max_length=2000, verbose_name="why it was given up"),
                ),
                ("signed_at", models.DateTimeField(blank=True, null=True, verbose_name="signed at")),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True, verbose_name="acknowledged at")),
                ("refused_at", models.DateTimeField(blank=True, null=True, verbose_name="refused at")),
                (
                    "refusal_reason",
                    registry.fields.TextBlock(blank=True, max_length=2000, verbose_name="why it was refused"),
                ),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="acknowledged by",
                    ),
                ),
                (
                    "agreement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="certificates",
                        to="exchange.agreement",
                        verbose_name="agreement",
                    ),
                ),
                (
                    "dropped_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="given up by",
                    ),
                ),
                (
                    "kept_under",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.legalinstrument",
                        verbose_name="law under which it is kept",
                    ),
                ),
                (
                    "prepared_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="prepared by",
                    ),
                ),
                (
                    "refused_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="refused by",
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="signed by",
                    ),
                ),
            ],
            options={
                "verbose_name": "certificate of destruction",
                "verbose_name_plural": "certificates of destruction",
                "ordering": ["-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("destroyed_on__isnull", False),
                                ("kept_under__isnull", True),
                                ("kept_until__isnull", True),
                                ("kind", "destroyed"),
                                ("method__in", ["clear", "purge", "destroy"]),
                                ("reason", ""),
                            ),
                            models.Q(
                                ("destroyed_on__isnull", True),
                                ("kept_under__isnull", False),
                                ("kept_until__isnull", False),
                                ("kind", "kept"),
                                ("method", ""),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_destructioncertificate_kind",
                        violation_error_message="Data is destroyed by a method on a day, or kept under a law until a day.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("places", ""), _negated=True), models.Q(("statement", ""), _negated=True)
                        ),
                        name="exchange_destructioncertificate_complete",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("signed_at__isnull", True), ("signed_by__isnull", True)),
                            models.Q(
                                ("signed_at__isnull", False),
                                ("signed_by__isnull", False),
                                models.Q(("signed_by", models.F("prepared_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_destructioncertificate_signed_paired",
                        violation_error_message="Whoever prepared a certificate does not sign it.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("drop_reason", ""), ("dropped_at__isnull", True), ("dropped_by__isnull", True)),
                            models.Q(
                                ("dropped_at__isnull", False),
                                ("dropped_by__isnull", False),
                                ("signed_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_destructioncertificate_dropped_paired",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("acknowledged_at__isnull", True), ("acknowledged_by__isnull", True)),
                            models.Q(
                                ("acknowledged_at__isnull", False),
                                ("acknowledged_by__isnull", False),
                                ("signed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_destructioncertificate_acknowledged_paired",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("refusal_reason", ""), ("refused_at__isnull", True), ("refused_by__isnull", True)
                            ),
                            models.Q(
                                ("acknowledged_at__isnull", True),
                                ("refused_at__isnull", False),
                                ("refused_by__isnull", False),
                                ("signed_at__isnull", False),
                                models.Q(("refusal_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_destructioncertificate_refused_paired",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("dropped_at__isnull", True), ("signed_at__isnull", True)),
                        fields=("agreement",),
                        name="exchange_destructioncertificate_one_open",
                        violation_error_message="A certificate about this agreement waits for a signature already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("kind", "destroyed"), ("refused_at__isnull", True), ("signed_at__isnull", False)
                        ),
                        fields=("agreement",),
                        name="exchange_destructioncertificate_one_signed",
                        violation_error_message="It is certified already that this data is gone.",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
