"""Reviewers advise before approvers decide, and nobody reads the others' votes meanwhile: kept by the database."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.cases import CASES
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE OR REPLACE FUNCTION exchange_case_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    policy registry_sharingpolicy%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.policy_id, NEW.quorum, NEW.reviews_needed, NEW.blind_review)
       IS NOT DISTINCT FROM (OLD.policy_id, OLD.quorum, OLD.reviews_needed, OLD.blind_review) THEN
        RETURN NEW;
    END IF;
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = NEW.request_id FOR SHARE;
    SELECT * INTO policy FROM registry_sharingpolicy WHERE id = NEW.policy_id;
    IF request.status <> 'pending-endorsement' THEN
        RAISE EXCEPTION 'policy, quorum and advice of a case are set when its request is signed'
            USING ERRCODE = 'check_violation';
    END IF;
    IF policy.dataset_id IS DISTINCT FROM request.dataset_id
       OR NEW.provider_id IS DISTINCT FROM exchange_owner_of(request.dataset_id) THEN
        RAISE EXCEPTION 'a case belongs to the owner of what is asked for' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.quorum < policy.quorum
       OR (TG_OP = 'UPDATE' AND NEW.policy_id = OLD.policy_id AND NEW.quorum < OLD.quorum) THEN
        RAISE EXCEPTION 'the quorum of a case is never lowered' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.reviews_needed < policy.reviews_needed OR (policy.blind_review AND NOT NEW.blind_review)
       OR (TG_OP = 'UPDATE' AND NEW.policy_id = OLD.policy_id
           AND (NEW.reviews_needed < OLD.reviews_needed OR (OLD.blind_review AND NOT NEW.blind_review))) THEN
        RAISE EXCEPTION 'the advice that a case needs is never lowered, and blind review never lifted'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION exchange_advice_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    latest exchange_revision%ROWTYPE;
    provider bigint;
    conflict text;
BEGIN
    -- Advice and votes wait for each other here: each must see the other.
    SELECT r.* INTO request FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id FOR NO KEY UPDATE OF r;
    SELECT provider_id INTO provider FROM exchange_reviewcase WHERE id = NEW.case_id;
    SELECT * INTO latest FROM exchange_revision WHERE request_id = request.id ORDER BY number DESC LIMIT 1;
    IF request.status IS DISTINCT FROM 'under-review' THEN
        RAISE EXCEPTION 'request % is not under review', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.revision_id IS DISTINCT FROM latest.id OR NEW.revision_hash IS DISTINCT FROM latest.content_hash THEN
        RAISE EXCEPTION 'the advice is not about the latest revision of %', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF provider IS DISTINCT FROM exchange_owner_of(request.dataset_id) OR NEW.agency_id IS DISTINCT FROM provider
       OR NOT exchange_works_for(NEW.made_by_id, provider, 'reviewer') THEN
        RAISE EXCEPTION 'only a reviewer of the owner can advise on %', request.code USING ERRCODE = 'check_violation';
    END IF;
    conflict := exchange_conflict(NEW.made_by_id, request);
    IF conflict IS NOT NULL THEN
        RAISE EXCEPTION '%', conflict USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM exchange_decision v LEFT JOIN registry_delegation d ON d.id = v.delegation_id
        WHERE v.revision_id = latest.id AND v.voided_at IS NULL AND NEW.made_by_id IN (v.made_by_id, d.delegator_id)
    ) THEN
        RAISE EXCEPTION 'whoever decided on % does not advise on it', request.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_advice_given BEFORE INSERT ON exchange_advice
    FOR EACH ROW EXECUTE FUNCTION exchange_advice_check();
CREATE TRIGGER exchange_advice_immutable BEFORE UPDATE ON exchange_advice
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_advice_kept BEFORE DELETE ON exchange_advice
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_advice_no_truncate BEFORE TRUNCATE ON exchange_advice
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();

CREATE FUNCTION exchange_decision_check_advice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    needed int;
    given int;
BEGIN
    PERFORM 1 FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id FOR NO KEY UPDATE OF r;
    SELECT reviews_needed INTO needed FROM exchange_reviewcase WHERE id = NEW.case_id;
    SELECT count(*) INTO given FROM exchange_advice WHERE revision_id = NEW.revision_id;
    IF NEW.verdict = 'approve' AND given < needed THEN
        RAISE EXCEPTION 'approval with % of % pieces of advice', given, needed USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.verdict = 'approve' AND EXISTS (
        SELECT 1 FROM exchange_advice a
        WHERE a.revision_id = NEW.revision_id AND (a.made_by_id = NEW.made_by_id OR a.made_by_id = (
            SELECT delegator_id FROM registry_delegation WHERE id = NEW.delegation_id))
    ) THEN
        RAISE EXCEPTION 'whoever advised on a revision does not decide on it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_decision_advised BEFORE INSERT ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_decision_check_advice();
"""

# The function of 0003 as it was, without its trigger.
FORMER = CASES[: CASES.index("CREATE TRIGGER")].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
BACKWARD = (
    """
DROP TRIGGER exchange_decision_advised ON exchange_decision;
DROP FUNCTION exchange_decision_check_advice();
DROP TRIGGER exchange_advice_no_truncate ON exchange_advice;
DROP TRIGGER exchange_advice_kept ON exchange_advice;
DROP TRIGGER exchange_advice_immutable ON exchange_advice;
DROP TRIGGER exchange_advice_given ON exchange_advice;
DROP FUNCTION exchange_advice_check();
"""
    + FORMER
    + SEALED
)


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0010_source_changes_guarded"),
        ("registry", "0012_policies_keep_recurring"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="reviewcase",
            name="blind_review",
            field=models.BooleanField(default=False, verbose_name="blind review"),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="reviews_needed",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="advice needed from reviewers"),
        ),
        migrations.CreateModel(
            name="Advice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("revision_hash", models.CharField(max_length=64, verbose_name="hash of the revision")),
                (
                    "recommendation",
                    models.CharField(
                        choices=[
                            ("for", "In favour"),
                            ("conditions", "In favour with conditions"),
                            ("against", "Against"),
                        ],
                        max_length=15,
                        verbose_name="recommendation",
                    ),
                ),
                ("text", registry.fields.TextBlock(verbose_name="advice")),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="given at")),
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
                        related_name="advice",
                        to="exchange.reviewcase",
                        verbose_name="case",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="advice",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="given by",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="advice",
                        to="exchange.revision",
                        verbose_name="revision",
                    ),
                ),
            ],
            options={
                "verbose_name": "piece of advice",
                "verbose_name_plural": "advice of reviewers",
                "ordering": ["made_at", "pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("recommendation__in", ["for", "conditions", "against"])),
                        name="exchange_advice_recommendation",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="exchange_advice_says_something"
                    ),
                    models.UniqueConstraint(
                        fields=("revision", "made_by"),
                        name="exchange_advice_once",
                        violation_error_message="This person has already advised on this revision.",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
