"""Conflicts that people declare themselves: kept for good, and met by every vote, piece of advice and grant."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

CONFLICT = """
CREATE OR REPLACE FUNCTION exchange_conflict(person bigint, request exchange_exchangerequest) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF exchange_took_part(person, request.id) THEN
        RETURN format('whoever filed, edited or signed %s cannot decide on it', request.code);
    END IF;
    IF exchange_asks(person, request.consumer_id) OR exchange_asked(person, request) THEN
        RETURN format('nobody of the requesting agency or of one above it can decide on %s', request.code);
    END IF;{declared}
    RETURN NULL;
END $$;
"""
DECLARED = """
    IF EXISTS (SELECT 1 FROM exchange_recusal WHERE request_id = request.id AND person_id = person) THEN
        RETURN format('whoever declared a conflict with %s stays out of it', request.code);
    END IF;"""

VOID = """
CREATE OR REPLACE FUNCTION exchange_decision_check_void() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.voided_at IS DISTINCT FROM OLD.voided_at AND (OLD.voided_at IS NOT NULL OR NOT (EXISTS (
        SELECT 1 FROM exchange_revision newer JOIN exchange_revision own ON own.request_id = newer.request_id
        WHERE own.id = OLD.revision_id AND newer.number > own.number
    ){declared})) THEN
        RAISE EXCEPTION 'only a new revision or a declared conflict voids a decision, and for good'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
BY_DECLARATION = """ OR EXISTS (
        SELECT 1 FROM exchange_recusal c JOIN exchange_revision own ON own.request_id = c.request_id
        WHERE own.id = OLD.revision_id AND (c.person_id = OLD.made_by_id OR c.person_id = (
            SELECT delegator_id FROM registry_delegation WHERE id = OLD.delegation_id))
    )"""

KEPT = """
CREATE FUNCTION exchange_recusal_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    desk exchange_reviewcase%ROWTYPE;
BEGIN
    -- A declaration and a vote wait for each other here: each must see the other.
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = NEW.request_id FOR NO KEY UPDATE;
    SELECT * INTO desk FROM exchange_reviewcase WHERE id = NEW.case_id;
    IF desk.request_id IS DISTINCT FROM NEW.request_id OR desk.provider_id IS DISTINCT FROM NEW.agency_id
       OR NOT exchange_works_for(NEW.person_id, NEW.agency_id) THEN
        RAISE EXCEPTION 'only somebody of the owner declares a conflict with %', request.code
            USING ERRCODE = 'check_violation';
    END IF;
    IF request.closed_at IS NOT NULL THEN
        RAISE EXCEPTION '% is closed', request.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_recusal_declared BEFORE INSERT ON exchange_recusal
    FOR EACH ROW EXECUTE FUNCTION exchange_recusal_check();
CREATE TRIGGER exchange_recusal_immutable BEFORE UPDATE ON exchange_recusal
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_recusal_kept BEFORE DELETE ON exchange_recusal
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_recusal_no_truncate BEFORE TRUNCATE ON exchange_recusal
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""

FORWARD = KEPT + CONFLICT.format(declared=DECLARED) + VOID.format(declared=BY_DECLARATION)
BACKWARD = (
    CONFLICT.format(declared="")
    + VOID.format(declared="")
    + """
DROP TRIGGER exchange_recusal_no_truncate ON exchange_recusal;
DROP TRIGGER exchange_recusal_kept ON exchange_recusal;
DROP TRIGGER exchange_recusal_immutable ON exchange_recusal;
DROP TRIGGER exchange_recusal_declared ON exchange_recusal;
DROP FUNCTION exchange_recusal_check();
"""
)


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0013_rates_guarded"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Recusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("family", "A relative or friend is concerned"),
                            ("interest", "I have an interest in the outcome"),
                            ("earlier-part", "I had a part in the matter before"),
                            ("other", "Another reason"),
                        ],
                        max_length=15,
                        verbose_name="kind of conflict",
                    ),
                ),
                ("note", registry.fields.TextBlock(blank=True, max_length=1000, verbose_name="note")),
                ("declared_at", models.DateTimeField(auto_now_add=True, verbose_name="declared at")),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.agency",
                        verbose_name="agency at that time",
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recusals",
                        to="exchange.reviewcase",
                        verbose_name="case",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recusals",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="person",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recusals",
                        to="exchange.exchangerequest",
                        verbose_name="request",
                    ),
                ),
            ],
            options={
                "verbose_name": "declared conflict",
                "verbose_name_plural": "declared conflicts",
                "ordering": ["declared_at", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["family", "interest", "earlier-part", "other"])),
                        name="exchange_recusal_kind",
                    ),
                    models.UniqueConstraint(
                        fields=("request", "person"),
                        name="exchange_recusal_once",
                        violation_error_message="This person has already declared a conflict with this request.",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD + SEALED),
    ]
