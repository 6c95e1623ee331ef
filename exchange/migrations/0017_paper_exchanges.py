"""What went by letter: written by people of the agency, corrected by new versions, and kept."""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE FUNCTION exchange_paper_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    former exchange_paperexchange%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.corrected_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
            RAISE EXCEPTION 'a corrected version never changes' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF NEW.corrected_at IS NOT NULL AND OLD.corrected_at IS NULL
           AND NOT exchange_works_for(NEW.corrected_by_id, NEW.agency_id, 'requester', 'case-officer') THEN
            RAISE EXCEPTION 'only somebody of the agency corrects what it recorded' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.corrected_at IS NOT NULL OR NOT exchange_works_for(NEW.recorded_by_id, NEW.agency_id, 'requester', 'case-officer') THEN
        RAISE EXCEPTION 'only somebody of the agency records its letters' USING ERRCODE = 'check_violation';
    END IF;
    -- Two corrections of one version wait for each other here.
    SELECT * INTO former FROM exchange_paperexchange WHERE public_id = NEW.public_id ORDER BY version DESC LIMIT 1 FOR UPDATE;
    IF NEW.version IS DISTINCT FROM COALESCE(former.version, 0) + 1
       OR (former.id IS NOT NULL AND (former.agency_id IS DISTINCT FROM NEW.agency_id OR former.corrected_at IS NULL)) THEN
        RAISE EXCEPTION 'a version follows the one that it corrects' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_paperexchange_written BEFORE INSERT OR UPDATE ON exchange_paperexchange
    FOR EACH ROW EXECUTE FUNCTION exchange_paper_check();
CREATE TRIGGER exchange_paperexchange_immutable BEFORE UPDATE ON exchange_paperexchange
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('corrected_at', 'corrected_by_id', 'correction', 'letter_key');
CREATE TRIGGER exchange_paperexchange_kept BEFORE DELETE ON exchange_paperexchange
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_paperexchange_no_truncate BEFORE TRUNCATE ON exchange_paperexchange
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""
BACKWARD = """
DROP FUNCTION exchange_paper_check() CASCADE;
DROP TRIGGER exchange_paperexchange_immutable ON exchange_paperexchange;
DROP TRIGGER exchange_paperexchange_kept ON exchange_paperexchange;
DROP TRIGGER exchange_paperexchange_no_truncate ON exchange_paperexchange;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0016_agreement_versions"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PaperExchange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "direction",
                    models.CharField(
                        choices=[("sent", "We asked another agency"), ("received", "Another agency asked us")],
                        max_length=10,
                        verbose_name="who asked",
                    ),
                ),
                (
                    "other_name",
                    registry.fields.TextLine(blank=True, max_length=250, verbose_name="name of the other side"),
                ),
                (
                    "letter_number",
                    registry.fields.TextLine(max_length=60, verbose_name="number and notation of the letter"),
                ),
                (
                    "letter_key",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Upper(
                            django.db.models.functions.text.Replace("letter_number", models.Value(" "))
                        ),
                        output_field=models.CharField(max_length=120),
                    ),
                ),
                ("letter_day", models.DateField(verbose_name="day of the letter")),
                ("information", registry.fields.TextLine(max_length=300, verbose_name="what was asked for")),
                (
                    "records",
                    models.PositiveIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="records it was about",
                    ),
                ),
                (
                    "days_taken",
                    models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="days until the answer"),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("not-found", "The data is not in the catalogue"),
                            ("not-shared", "The owner does not share it with us here"),
                            ("law", "A law asks for a letter"),
                            ("original", "A signed and sealed original is needed"),
                            ("outside", "The other side does not use the portal"),
                            ("urgent", "It was faster that way"),
                            ("unknown", "The portal was not thought of"),
                            ("other", "Another reason"),
                        ],
                        max_length=15,
                        verbose_name="why by letter",
                    ),
                ),
                ("recorded_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded at")),
                (
                    "corrected_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="corrected at"),
                ),
                (
                    "correction",
                    registry.fields.TextLine(
                        blank=True, editable=False, max_length=300, verbose_name="why it was corrected"
                    ),
                ),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paper_exchanges",
                        to="registry.agency",
                        verbose_name="agency",
                    ),
                ),
                (
                    "corrected_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="corrected by",
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paper_exchanges",
                        to="registry.dataset",
                        verbose_name="dataset that could replace it",
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.agency",
                        verbose_name="other agency",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="recorded by",
                    ),
                ),
            ],
            options={
                "verbose_name": "exchange by letter",
                "verbose_name_plural": "exchanges by letter",
                "ordering": ["-letter_day", "-pk"],
                "indexes": [models.Index(fields=["agency", "-letter_day", "-id"], name="exchange_paper_agency")],
                "constraints": [
                    models.UniqueConstraint(fields=("public_id", "version"), name="exchange_paperexchange_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("corrected_at__isnull", True)),
                        fields=("public_id",),
                        name="exchange_paperexchange_one_current",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("corrected_at__isnull", True)),
                        fields=("agency", "direction", "letter_key", "letter_day", "other", "other_name"),
                        name="exchange_paperexchange_letter_once",
                        nulls_distinct=False,
                        violation_error_message="This letter is recorded already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("direction__in", ["sent", "received"])),
                        name="exchange_paperexchange_direction",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "reason__in",
                                ["not-found", "not-shared", "law", "original", "outside", "urgent", "unknown", "other"],
                            )
                        ),
                        name="exchange_paperexchange_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("other__isnull", True), models.Q(("other_name", ""), _negated=True)),
                            models.Q(("other__isnull", False), ("other_name", "")),
                            _connector="OR",
                        ),
                        name="exchange_paperexchange_one_other_side",
                        violation_error_message="Name the other agency.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("other__isnull", True),
                            models.Q(("other", models.F("agency")), _negated=True),
                            _connector="OR",
                        ),
                        name="exchange_paperexchange_two_sides",
                        violation_error_message="A letter goes to another agency.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("letter_number", ""), _negated=True), models.Q(("information", ""), _negated=True)
                        ),
                        name="exchange_paperexchange_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("records__isnull", True), ("records__gte", 1), _connector="OR"),
                        name="exchange_paperexchange_records",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("corrected_at__isnull", True), ("corrected_by__isnull", True), ("correction", "")
                            ),
                            models.Q(("corrected_at__isnull", False), ("corrected_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="exchange_paperexchange_corrected_paired",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
