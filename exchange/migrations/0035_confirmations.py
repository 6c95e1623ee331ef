"""Agreements are confirmed by their consumers from time to time; past the day nothing is given, whatever the flag says."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

WORK_OUT = """
CREATE OR REPLACE FUNCTION exchange_agreement_work_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT takes_effect_on, kind INTO NEW.stops_on, NEW.stops_as FROM exchange_standing_notice(NEW.code);
    NEW.stops_as := COALESCE(NEW.stops_as, '');
    {confirmed}
    RETURN NEW;
END $$;
"""
# 250 working days is the longest term that a row can have. What is given once is never asked for.
CONFIRMED = """
    IF TG_OP = 'INSERT' AND (NEW.confirm_by IS NULL OR (
        NEW.scope::jsonb ->> 'mode' <> 'package' AND NEW.confirm_by > GREATEST(NEW.valid_from, exchange_today()) + 500
    )) THEN
        RAISE EXCEPTION 'an agreement begins with a day by which it is confirmed' USING ERRCODE = 'check_violation';
    END IF;
    -- Only a confirmation moves the day, and only forward; GREATEST and LEAST pass over what is not there.
    NEW.confirm_by := GREATEST(
        CASE WHEN TG_OP = 'UPDATE' THEN COALESCE(OLD.confirm_by, NEW.confirm_by) ELSE NEW.confirm_by END,
        (SELECT max(covers_until) FROM exchange_attestation t JOIN exchange_agreement a ON a.id = t.agreement_id
         WHERE a.code = NEW.code));
    NEW.gives_until := LEAST(NEW.valid_to, NEW.stops_on - 1, NEW.confirm_by);
"""
ATTESTATIONS = """
DROP TRIGGER exchange_agreement_immutable ON exchange_agreement;
CREATE TRIGGER exchange_agreement_immutable BEFORE UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'status', 'status_reason', 'ended_at', 'stops_on', 'stops_as', 'gives_until', 'confirm_by');

CREATE FUNCTION exchange_attestation_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    agreed exchange_agreement%ROWTYPE;
BEGIN
    SELECT * INTO agreed FROM exchange_agreement WHERE id = NEW.agreement_id FOR UPDATE;
    IF agreed.status NOT IN ('active', 'suspended') THEN
        RAISE EXCEPTION '% does not run', agreed.code USING ERRCODE = 'check_violation';
    END IF;
    IF NOT exchange_works_for(NEW.confirmed_by_id, agreed.consumer_id, 'endorser') THEN
        RAISE EXCEPTION 'only a signatory of the agency that uses it confirms %', agreed.code
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM exchange_decision v LEFT JOIN registry_delegation d ON d.id = v.delegation_id
        WHERE v.case_id = agreed.case_id AND NEW.confirmed_by_id IN (v.made_by_id, d.delegator_id)
    ) THEN
        RAISE EXCEPTION 'whoever decided on % for its owner does not confirm it', agreed.code
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.covers_until > exchange_today() + 500 THEN
        RAISE EXCEPTION 'no confirmation reaches that far' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_attestation_checked BEFORE INSERT ON exchange_attestation
    FOR EACH ROW EXECUTE FUNCTION exchange_attestation_check();
CREATE TRIGGER exchange_attestation_immutable BEFORE UPDATE ON exchange_attestation
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_attestation_kept BEFORE DELETE ON exchange_attestation
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_attestation_no_truncate BEFORE TRUNCATE ON exchange_attestation
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();

CREATE FUNCTION exchange_attestation_spread() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The agreement's own trigger works out what holds now.
    UPDATE exchange_agreement SET confirm_by = NEW.covers_until
        WHERE ended_at IS NULL AND code = (SELECT code FROM exchange_agreement WHERE id = NEW.agreement_id);
    RETURN NULL;
END $$;

CREATE TRIGGER exchange_attestation_spread AFTER INSERT ON exchange_attestation
    FOR EACH ROW EXECUTE FUNCTION exchange_attestation_spread();
"""

DROPPED = """
DROP TRIGGER exchange_attestation_spread ON exchange_attestation;
DROP FUNCTION exchange_attestation_spread();
DROP TRIGGER exchange_attestation_no_truncate ON exchange_attestation;
DROP TRIGGER exchange_attestation_kept ON exchange_attestation;
DROP TRIGGER exchange_attestation_immutable ON exchange_attestation;
DROP TRIGGER exchange_attestation_checked ON exchange_attestation;
DROP FUNCTION exchange_attestation_check();
DROP TRIGGER exchange_agreement_immutable ON exchange_agreement;
CREATE TRIGGER exchange_agreement_immutable BEFORE UPDATE ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'status', 'status_reason', 'ended_at', 'stops_on', 'stops_as', 'gives_until');
"""


def working_out(last_day: str) -> str:
    return WORK_OUT.replace("{confirmed}", last_day.strip())


FORWARD = working_out(CONFIRMED) + ATTESTATIONS + SEALED
BACKWARD = DROPPED + working_out("NEW.gives_until := LEAST(NEW.valid_to, NEW.stops_on - 1);") + SEALED


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0034_term_of_destruction"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="agreement",
            name="confirm_by",
            field=models.DateField(blank=True, editable=False, null=True, verbose_name="to be confirmed by"),
        ),
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
                    ("confirm-every", "Between two confirmations that an agreement is still needed"),
                    ("confirm-sensitive", "The same for an agreement about sensitive personal data"),
                    ("confirm-remind", "Reminder before an agreement has to be confirmed"),
                    ("stop-notice", "Notice before an agreement is suspended or revoked, unless it is done at once"),
                    ("destruction", "Certificate of destruction, after the last day on which data may be kept"),
                ],
                default="simple",
                max_length=40,
                verbose_name="term",
            ),
        ),
        migrations.CreateModel(
            name="Attestation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("confirmed_at", models.DateTimeField(verbose_name="confirmed at")),
                ("confirmed_on", models.DateField(verbose_name="confirmed on")),
                ("covers_until", models.DateField(verbose_name="covers until")),
                ("statement", registry.fields.TextBlock(verbose_name="what was confirmed")),
                (
                    "agreement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attestations",
                        to="exchange.agreement",
                        verbose_name="agreement",
                    ),
                ),
                (
                    "confirmed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="confirmed by",
                    ),
                ),
            ],
            options={
                "verbose_name": "confirmation of an agreement",
                "verbose_name_plural": "confirmations of agreements",
                "ordering": ["-pk"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("agreement", "confirmed_on"), name="exchange_attestation_once_a_day"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("covers_until__gt", models.F("confirmed_on"))),
                        name="exchange_attestation_covers_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("statement", ""), _negated=True), name="exchange_attestation_statement"
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
