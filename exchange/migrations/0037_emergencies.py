"""Access in an emergency: signed as one, short, given once by one approver, and reviewed by others afterwards."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.agreements import AGREEMENTS
from exchange.migrations.guards.sealed import SEALED

AGREED = AGREEMENTS[: AGREEMENTS.index("CREATE TRIGGER exchange_agreement_approved")].replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
# An emergency was signed as one, takes one approval, and is the first and last of its agreement.
WITH_EMERGENCIES = AGREED.replace(
    "    IF NEW.is_standing THEN\n",
    """    IF NEW.is_emergency IS DISTINCT FROM (latest.content::jsonb ? 'emergency')
       OR NEW.is_emergency IS DISTINCT FROM request.is_emergency THEN
        RAISE EXCEPTION 'an emergency is what was signed as one' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM exchange_agreement WHERE code = NEW.code AND is_emergency) THEN
        RAISE EXCEPTION 'access in an emergency is given once' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.is_standing THEN
""",
    1,
).replace(
    "IF approvals < desk.quorum THEN", "IF approvals < (CASE WHEN NEW.is_emergency THEN 1 ELSE desk.quorum END) THEN"
)

ADVISED = """
CREATE OR REPLACE FUNCTION exchange_decision_check_advice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    needed int;
    given int;
BEGIN
    PERFORM 1 FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id FOR NO KEY UPDATE OF r;
    SELECT {needed} INTO needed FROM exchange_reviewcase c JOIN exchange_exchangerequest r ON r.id = c.request_id
        WHERE c.id = NEW.case_id;
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
"""
AFTERWARDS = ADVISED.format(needed="CASE WHEN r.is_emergency THEN 0 ELSE c.reviews_needed END")

REVIEWED = """
ALTER TABLE exchange_agreement ADD CONSTRAINT exchange_agreement_emergency_short
    CHECK (NOT is_emergency OR valid_to - valid_from < 7);

CREATE FUNCTION exchange_afterreview_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    desk exchange_reviewcase%ROWTYPE;
    delegator bigint;
    conflict text;
BEGIN
    -- Two reviews at once wait for each other here: each must see the other.
    SELECT r.* INTO request FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id FOR NO KEY UPDATE OF r;
    SELECT * INTO desk FROM exchange_reviewcase WHERE id = NEW.case_id;
    IF NOT request.is_emergency OR desk.review_due_on IS NULL OR desk.reviewed_at IS NOT NULL
       OR NEW.agency_id IS DISTINCT FROM desk.provider_id THEN
        RAISE EXCEPTION 'there is no emergency to review in %', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.delegation_id IS NOT NULL THEN
        SELECT d.delegator_id INTO delegator FROM registry_delegation d
            WHERE d.id = NEW.delegation_id AND d.delegate_id = NEW.made_by_id AND d.agency_id = desk.provider_id
              AND d.valid_from <= exchange_today() AND d.valid_to >= exchange_today();
        IF delegator IS NULL OR NEW.part <> 'approver' OR NOT exchange_works_for(delegator, desk.provider_id, 'approver') THEN
            RAISE EXCEPTION 'no delegation of an approver of the owner is in force' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NOT exchange_works_for(NEW.made_by_id, desk.provider_id)
       OR (delegator IS NULL AND NOT exchange_works_for(NEW.made_by_id, desk.provider_id, NEW.part::text)) THEN
        RAISE EXCEPTION 'only approvers and reviewers of the owner review an emergency' USING ERRCODE = 'check_violation';
    END IF;
    conflict := COALESCE(exchange_conflict(NEW.made_by_id, request), exchange_conflict(delegator, request));
    IF conflict IS NOT NULL THEN
        RAISE EXCEPTION '%', conflict USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM exchange_decision v LEFT JOIN registry_delegation d ON d.id = v.delegation_id
        WHERE v.case_id = NEW.case_id AND (v.made_by_id IN (NEW.made_by_id, delegator) OR d.delegator_id IN (NEW.made_by_id, delegator))
    ) THEN
        RAISE EXCEPTION 'whoever decided on % does not review it', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM exchange_afterreview v LEFT JOIN registry_delegation d ON d.id = v.delegation_id
        WHERE v.case_id = NEW.case_id AND (v.made_by_id = delegator OR d.delegator_id IN (NEW.made_by_id, delegator))
    ) THEN
        RAISE EXCEPTION 'this person has already reviewed %', request.code USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_afterreview_made BEFORE INSERT ON exchange_afterreview
    FOR EACH ROW EXECUTE FUNCTION exchange_afterreview_check();
CREATE TRIGGER exchange_afterreview_immutable BEFORE UPDATE ON exchange_afterreview
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_afterreview_kept BEFORE DELETE ON exchange_afterreview
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_afterreview_no_truncate BEFORE TRUNCATE ON exchange_afterreview
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();

-- A review is due once there is an agreement, for good; it is finished by an approver's objection, or by all voices.
CREATE FUNCTION exchange_reviewcase_check_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.review_due_on IS NOT NULL AND NEW.review_due_on IS DISTINCT FROM OLD.review_due_on
       OR OLD.reviewed_at IS NOT NULL AND NEW.reviewed_at IS DISTINCT FROM OLD.reviewed_at THEN
        RAISE EXCEPTION 'the review of an emergency is neither put off nor opened again'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.review_due_on IS NOT NULL AND OLD.review_due_on IS NULL AND NOT EXISTS (
        SELECT 1 FROM exchange_agreement WHERE case_id = NEW.id AND is_emergency) THEN
        RAISE EXCEPTION 'nothing was given in an emergency' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.reviewed_at IS NOT NULL AND OLD.reviewed_at IS NULL AND NOT (
        EXISTS (SELECT 1 FROM exchange_afterreview WHERE case_id = NEW.id AND part = 'approver' AND verdict = 'object')
        OR ((SELECT count(*) FROM exchange_afterreview WHERE case_id = NEW.id AND part = 'approver') >= NEW.quorum
            AND (SELECT count(*) FROM exchange_afterreview WHERE case_id = NEW.id AND part = 'reviewer') >= NEW.reviews_needed)
    ) THEN
        RAISE EXCEPTION 'the emergency is not reviewed by all who have to' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_reviewcase_reviewed BEFORE UPDATE ON exchange_reviewcase
    FOR EACH ROW EXECUTE FUNCTION exchange_reviewcase_check_review();
"""
FORWARD = WITH_EMERGENCIES + AFTERWARDS + REVIEWED
BACKWARD = (
    """
DROP TRIGGER exchange_reviewcase_reviewed ON exchange_reviewcase;
DROP FUNCTION exchange_reviewcase_check_review();
DROP TRIGGER exchange_afterreview_no_truncate ON exchange_afterreview;
DROP TRIGGER exchange_afterreview_kept ON exchange_afterreview;
DROP TRIGGER exchange_afterreview_immutable ON exchange_afterreview;
DROP TRIGGER exchange_afterreview_made ON exchange_afterreview;
DROP FUNCTION exchange_afterreview_check();
ALTER TABLE exchange_agreement DROP CONSTRAINT exchange_agreement_emergency_short;
"""
    + AGREED
    + ADVISED.format(needed="c.reviews_needed")
    + SEALED
)


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0036_terms_of_confirmation"),
        ("registry", "0042_mail_of_people"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AfterReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "part",
                    models.CharField(
                        choices=[("approver", "Approver"), ("reviewer", "Reviewer")],
                        max_length=10,
                        verbose_name="as whom",
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[("confirm", "Confirmed"), ("object", "Objected")],
                        max_length=10,
                        verbose_name="verdict",
                    ),
                ),
                ("reason", registry.fields.TextBlock(blank=True, max_length=4000, verbose_name="reason")),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="made at")),
            ],
            options={
                "verbose_name": "review after an emergency",
                "verbose_name_plural": "reviews after emergencies",
                "ordering": ["made_at", "pk"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="escalation",
            name="exchange_escalation_once",
        ),
        migrations.RemoveConstraint(
            model_name="reviewcase",
            name="exchange_reviewcase_term",
        ),
        migrations.AddField(
            model_name="agreement",
            name="is_emergency",
            field=models.BooleanField(default=False, verbose_name="given in an emergency"),
        ),
        migrations.AddField(
            model_name="escalation",
            name="is_review",
            field=models.BooleanField(default=False, verbose_name="about the review after an emergency"),
        ),
        migrations.AddField(
            model_name="exchangerequest",
            name="emergency_ground",
            field=models.CharField(
                blank=True,
                choices=[
                    ("disaster", "Flood, storm, fire or another disaster"),
                    ("epidemic", "Epidemic or another danger to public health"),
                    ("life", "Immediate danger to somebody's life or health"),
                    ("rescue", "Search and rescue of missing people"),
                ],
                max_length=10,
                verbose_name="kind of emergency",
            ),
        ),
        migrations.AddField(
            model_name="exchangerequest",
            name="emergency_reason",
            field=registry.fields.TextBlock(blank=True, max_length=2000, verbose_name="why it cannot wait"),
        ),
        migrations.AddField(
            model_name="exchangerequest",
            name="is_emergency",
            field=models.BooleanField(default=False, verbose_name="emergency"),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="review_due_on",
            field=models.DateField(blank=True, null=True, verbose_name="review afterwards due on"),
        ),
        migrations.AddField(
            model_name="reviewcase",
            name="reviewed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="reviewed afterwards at"),
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
                    ("emergency", "Request in an emergency"),
                    ("emergency-period", "Longest access in an emergency, in days of the calendar"),
                    ("emergency-review", "Review after access was given in an emergency"),
                    ("destruction", "Certificate of destruction, after the last day on which data may be kept"),
                ],
                default="simple",
                max_length=40,
                verbose_name="term",
            ),
        ),
        migrations.AlterField(
            model_name="reviewcase",
            name="term_grounds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("ready-made", "only an account for a look-up that exists already is asked for"),
                        ("sensitive", "sensitive personal data is asked for, or rows are chosen by it"),
                        ("large", "very many rows are asked for"),
                        ("recurring", "packages are asked for again and again"),
                        ("onward", "the data would be passed on to other agencies"),
                        ("emergency", "it is an emergency: two signatures, and a review afterwards"),
                        ("many-conditions", "rows are chosen by many conditions"),
                    ],
                    max_length=30,
                ),
                blank=True,
                default=list,
                size=None,
                verbose_name="grounds of the term",
            ),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_emergency", False),
                    models.Q(("is_standing", False), ("version", 1), models.Q(("mode", "recurring"), _negated=True)),
                    _connector="OR",
                ),
                name="exchange_agreement_emergency_once",
                violation_error_message="Access in an emergency is given once: no schedule, no further version.",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalation",
            constraint=models.UniqueConstraint(fields=("case", "is_review", "step"), name="exchange_escalation_once"),
        ),
        migrations.AddConstraint(
            model_name="exchangerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_emergency", False),
                    models.Q(("amends__isnull", True), ("joint__isnull", True), ("kind", "new")),
                    _connector="OR",
                ),
                name="exchange_exchangerequest_emergency_alone",
                violation_error_message="An emergency is asked for on its own, of one owner.",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(("term__in", ("ready-made", "simple", "complex", "very-complex", "emergency"))),
                name="exchange_reviewcase_term",
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewcase",
            constraint=models.CheckConstraint(
                condition=models.Q(("reviewed_at__isnull", True), ("review_due_on__isnull", False), _connector="OR"),
                name="exchange_reviewcase_reviewed_was_due",
            ),
        ),
        migrations.AddField(
            model_name="afterreview",
            name="agency",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.agency",
                verbose_name="agency at that time",
            ),
        ),
        migrations.AddField(
            model_name="afterreview",
            name="case",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="after_reviews",
                to="exchange.reviewcase",
                verbose_name="review case",
            ),
        ),
        migrations.AddField(
            model_name="afterreview",
            name="delegation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.delegation",
                verbose_name="under the delegation",
            ),
        ),
        migrations.AddField(
            model_name="afterreview",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="after_reviews",
                to=settings.AUTH_USER_MODEL,
                verbose_name="made by",
            ),
        ),
        migrations.AddConstraint(
            model_name="afterreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("part__in", ["approver", "reviewer"])), name="exchange_afterreview_part"
            ),
        ),
        migrations.AddConstraint(
            model_name="afterreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ["confirm", "object"])), name="exchange_afterreview_verdict"
            ),
        ),
        migrations.AddConstraint(
            model_name="afterreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("verdict", "object"), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="exchange_afterreview_objection_has_reason",
                violation_error_message="An objection needs a reason.",
            ),
        ),
        migrations.AddConstraint(
            model_name="afterreview",
            constraint=models.UniqueConstraint(
                fields=("case", "made_by"),
                name="exchange_afterreview_once",
                violation_error_message="This person has already reviewed this emergency.",
            ),
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
