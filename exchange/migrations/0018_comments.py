"""Comments on requests: written by who works for the side that they name, and kept as they were written."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE FUNCTION exchange_comment_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    desk exchange_reviewcase%ROWTYPE;
BEGIN
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = NEW.request_id FOR SHARE;
    SELECT * INTO desk FROM exchange_reviewcase WHERE id = NEW.case_id;
    IF request.closed_at IS NOT NULL THEN
        RAISE EXCEPTION '% is closed', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF char_length(NEW.text) > 4000 OR NEW.retracted_at IS NOT NULL THEN
        RAISE EXCEPTION 'a comment has at most 4000 characters, and begins as one that stands'
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.case_id IS NOT NULL AND (
        desk.request_id IS DISTINCT FROM request.id
        OR desk.provider_id IS DISTINCT FROM exchange_owner_of(request.dataset_id)
        OR request.status = 'draft'
    ) THEN
        RAISE EXCEPTION 'the owner does not have % at the moment', request.code USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.side = 'consumer' AND (
        NEW.agency_id IS DISTINCT FROM request.consumer_id
        OR NOT exchange_works_for(NEW.made_by_id, NEW.agency_id, 'requester', 'endorser')
    ) THEN
        RAISE EXCEPTION 'only who files or signs for the asking agency writes for it on %', request.code
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.side = 'provider' AND (
        NEW.agency_id IS DISTINCT FROM desk.provider_id OR NOT exchange_works_for(NEW.made_by_id, NEW.agency_id)
        OR EXISTS (SELECT 1 FROM exchange_recusal WHERE request_id = request.id AND person_id = NEW.made_by_id)
    ) THEN
        RAISE EXCEPTION 'only somebody of the owner, free of conflicts, writes for it on %', request.code
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION exchange_comment_check_retraction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.retracted_at IS DISTINCT FROM OLD.retracted_at
       AND (OLD.retracted_at IS NOT NULL OR now() > OLD.made_at + interval '10 minutes') THEN
        RAISE EXCEPTION 'a comment is taken back once, within ten minutes' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_comment_written BEFORE INSERT ON exchange_comment
    FOR EACH ROW EXECUTE FUNCTION exchange_comment_check();
CREATE TRIGGER exchange_comment_immutable BEFORE UPDATE ON exchange_comment
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('retracted_at');
CREATE TRIGGER exchange_comment_retracted BEFORE UPDATE ON exchange_comment
    FOR EACH ROW EXECUTE FUNCTION exchange_comment_check_retraction();
CREATE TRIGGER exchange_comment_kept BEFORE DELETE ON exchange_comment
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_comment_no_truncate BEFORE TRUNCATE ON exchange_comment
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""
BACKWARD = """
DROP TRIGGER exchange_comment_no_truncate ON exchange_comment;
DROP TRIGGER exchange_comment_kept ON exchange_comment;
DROP TRIGGER exchange_comment_retracted ON exchange_comment;
DROP TRIGGER exchange_comment_immutable ON exchange_comment;
DROP TRIGGER exchange_comment_written ON exchange_comment;
DROP FUNCTION exchange_comment_check_retraction();
DROP FUNCTION exchange_comment_check();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0017_paper_exchanges"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Comment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "side",
                    models.CharField(
                        choices=[
                            ("consumer", "Consumer agency"),
                            ("provider", "Provider agency"),
                            ("operator", "National Data Centre"),
                            ("system", "System"),
                        ],
                        max_length=10,
                        verbose_name="written for",
                    ),
                ),
                (
                    "audience",
                    models.CharField(
                        choices=[("internal", "Colleagues only"), ("both", "Both agencies")],
                        default="internal",
                        max_length=10,
                        verbose_name="who reads it",
                    ),
                ),
                ("text", registry.fields.TextBlock(max_length=4000, verbose_name="comment")),
                ("made_at", models.DateTimeField(auto_now_add=True, verbose_name="written at")),
                ("retracted_at", models.DateTimeField(blank=True, null=True, verbose_name="taken back at")),
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
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="exchange.reviewcase",
                        verbose_name="case",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="written by",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="comments",
                        to="exchange.exchangerequest",
                        verbose_name="request",
                    ),
                ),
            ],
            options={
                "verbose_name": "comment",
                "verbose_name_plural": "comments",
                "ordering": ["-made_at", "-pk"],
                "indexes": [models.Index(fields=["request", "-made_at", "-id"], name="exchange_comment_of_request")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("side__in", ["consumer", "provider"])), name="exchange_comment_side"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("audience__in", ["internal", "both"])), name="exchange_comment_audience"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True), name="exchange_comment_says_something"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("audience", "internal"), ("case__isnull", True), ("side", "consumer")),
                            models.Q(
                                models.Q(("audience", "internal"), ("side", "consumer"), _negated=True),
                                ("case__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="exchange_comment_case",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
