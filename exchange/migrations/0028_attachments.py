"""Files attached to requests and comments: what is signed names exactly those that are attached, and no row is rewritten."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE FUNCTION exchange_attachment_check() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    said exchange_comment%ROWTYPE;
BEGIN
    SELECT * INTO request FROM exchange_exchangerequest WHERE id = NEW.request_id FOR SHARE;
    SELECT * INTO said FROM exchange_comment WHERE id = NEW.comment_id;
    IF NEW.scan <> 'quarantined' OR NEW.removed_at IS NOT NULL OR NEW.erased_at IS NOT NULL THEN
        RAISE EXCEPTION 'a file begins in quarantine' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.comment_id IS NULL AND (
        request.status NOT IN ('draft', 'returned') OR NEW.agency_id IS DISTINCT FROM request.consumer_id
        OR NOT exchange_works_for(NEW.added_by_id, NEW.agency_id, 'requester')
    ) THEN
        RAISE EXCEPTION 'only a clerk of the asking agency attaches files to %, while it is a draft', request.code
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.comment_id IS NOT NULL AND (
        request.closed_at IS NOT NULL OR said.request_id IS DISTINCT FROM NEW.request_id
        OR said.made_by_id IS DISTINCT FROM NEW.added_by_id OR said.agency_id IS DISTINCT FROM NEW.agency_id
        OR said.retracted_at IS NOT NULL OR said.made_at < now() - interval '10 minutes'
    ) THEN
        RAISE EXCEPTION 'files come with a comment when it is written' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION exchange_attachment_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    status text;
BEGIN
    IF NEW.scan IS DISTINCT FROM OLD.scan AND OLD.scan <> 'quarantined' THEN
        RAISE EXCEPTION 'what a virus check found stays' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.erased_at IS NOT NULL AND NEW.erased_at IS DISTINCT FROM OLD.erased_at THEN
        RAISE EXCEPTION 'a file is destroyed once' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.removed_at, NEW.removed_by_id) IS DISTINCT FROM (OLD.removed_at, OLD.removed_by_id) THEN
        SELECT r.status INTO status FROM exchange_exchangerequest r WHERE id = NEW.request_id FOR SHARE;
        IF OLD.removed_at IS NOT NULL OR NEW.comment_id IS NOT NULL OR status NOT IN ('draft', 'returned')
           OR NOT exchange_works_for(NEW.removed_by_id, NEW.agency_id, 'requester') THEN
            RAISE EXCEPTION 'a clerk takes a file off once, while its request is a draft'
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_attachment_added BEFORE INSERT ON exchange_attachment
    FOR EACH ROW EXECUTE FUNCTION exchange_attachment_check();
CREATE TRIGGER exchange_attachment_immutable BEFORE UPDATE ON exchange_attachment
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes(
        'scan', 'scan_tried_at', 'removed_at', 'removed_by_id', 'erased_at');
CREATE TRIGGER exchange_attachment_changed BEFORE UPDATE ON exchange_attachment
    FOR EACH ROW EXECUTE FUNCTION exchange_attachment_check_change();
CREATE TRIGGER exchange_attachment_kept BEFORE DELETE ON exchange_attachment
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_attachment_no_truncate BEFORE TRUNCATE ON exchange_attachment
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();

CREATE FUNCTION exchange_revision_check_files() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    attached jsonb;
    named jsonb;
BEGIN
    SELECT COALESCE(jsonb_agg(jsonb_build_object('name', name, 'sha256', sha256, 'size', size) ORDER BY id), '[]')
        INTO attached FROM exchange_attachment
        WHERE request_id = NEW.request_id AND comment_id IS NULL AND removed_at IS NULL;
    BEGIN
        named := COALESCE(NEW.content::jsonb -> 'attachments', '[]');
    EXCEPTION WHEN data_exception THEN
        named := '[]';
    END;
    IF named IS DISTINCT FROM attached THEN
        RAISE EXCEPTION 'a revision names the files that are attached' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION exchange_attachment_check_revision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    file exchange_attachment%ROWTYPE;
    latest exchange_revision%ROWTYPE;
BEGIN
    SELECT * INTO file FROM exchange_attachment WHERE id = NEW.attachment_id;
    SELECT * INTO latest FROM exchange_revision WHERE request_id = file.request_id ORDER BY number DESC LIMIT 1;
    IF file.comment_id IS NOT NULL OR file.removed_at IS NOT NULL OR latest.id IS DISTINCT FROM NEW.revision_id
       OR latest.endorsed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a file becomes part of a revision when that is proposed' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_revision_files BEFORE INSERT ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_revision_check_files();
CREATE TRIGGER exchange_attachment_frozen BEFORE INSERT ON exchange_attachment_revisions
    FOR EACH ROW EXECUTE FUNCTION exchange_attachment_check_revision();
CREATE TRIGGER exchange_attachment_stays BEFORE UPDATE OR DELETE ON exchange_attachment_revisions
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_attachment_revisions_no_truncate BEFORE TRUNCATE ON exchange_attachment_revisions
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""
BACKWARD = """
DROP TRIGGER exchange_attachment_revisions_no_truncate ON exchange_attachment_revisions;
DROP TRIGGER exchange_attachment_stays ON exchange_attachment_revisions;
DROP TRIGGER exchange_attachment_frozen ON exchange_attachment_revisions;
DROP TRIGGER exchange_revision_files ON exchange_revision;
DROP TRIGGER exchange_attachment_no_truncate ON exchange_attachment;
DROP TRIGGER exchange_attachment_kept ON exchange_attachment;
DROP TRIGGER exchange_attachment_changed ON exchange_attachment;
DROP TRIGGER exchange_attachment_immutable ON exchange_attachment;
DROP TRIGGER exchange_attachment_added ON exchange_attachment;
DROP FUNCTION exchange_attachment_check_revision();
DROP FUNCTION exchange_revision_check_files();
DROP FUNCTION exchange_attachment_check_change();
DROP FUNCTION exchange_attachment_check();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0027_letter_day"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attachment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("name", registry.fields.TextLine(max_length=150, verbose_name="file name")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("pdf", "PDF"),
                            ("png", "PNG"),
                            ("jpeg", "JPEG"),
                            ("tiff", "TIFF"),
                            ("docx", "Word (DOCX)"),
                            ("xlsx", "Excel (XLSX)"),
                            ("odt", "OpenDocument (ODT)"),
                            ("ods", "OpenDocument (ODS)"),
                            ("text", "Plain text"),
                            ("csv", "CSV"),
                        ],
                        max_length=10,
                        verbose_name="kind of file",
                    ),
                ),
                ("size", models.PositiveBigIntegerField(verbose_name="size in bytes")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("added_at", models.DateTimeField(auto_now_add=True, verbose_name="attached at")),
                (
                    "scan",
                    models.CharField(
                        choices=[
                            ("quarantined", "Not checked for viruses yet"),
                            ("clean", "No virus found"),
                            ("infected", "Infected"),
                        ],
                        default="quarantined",
                        max_length=15,
                        verbose_name="virus check",
                    ),
                ),
                ("scan_tried_at", models.DateTimeField(blank=True, null=True, verbose_name="last virus check at")),
                ("removed_at", models.DateTimeField(blank=True, null=True, verbose_name="taken off at")),
                ("erased_at", models.DateTimeField(blank=True, null=True, verbose_name="destroyed at")),
                (
                    "added_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="attached by",
                    ),
                ),
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
                    "comment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="exchange.comment",
                        verbose_name="comment",
                    ),
                ),
                (
                    "removed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="taken off by",
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attachments",
                        to="exchange.exchangerequest",
                        verbose_name="request",
                    ),
                ),
                (
                    "revisions",
                    models.ManyToManyField(
                        blank=True,
                        editable=False,
                        related_name="attachments",
                        to="exchange.revision",
                        verbose_name="revisions",
                    ),
                ),
            ],
            options={
                "verbose_name": "attached file",
                "verbose_name_plural": "attached files",
                "ordering": ["pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("scan", "quarantined")),
                        fields=["scan_tried_at"],
                        name="exchange_attachment_to_scan",
                    ),
                    models.Index(
                        condition=models.Q(("erased_at", None)), fields=["request"], name="exchange_attachment_kept"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["pdf", "png", "jpeg", "tiff", "docx", "xlsx", "odt", "ods", "text", "csv"])
                        ),
                        name="exchange_attachment_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("scan__in", ["quarantined", "clean", "infected"])),
                        name="exchange_attachment_scan",
                    ),
                    models.CheckConstraint(condition=models.Q(("size__gte", 1)), name="exchange_attachment_size"),
                    models.CheckConstraint(
                        condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="exchange_attachment_sha256"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("name", ""), _negated=True),
                            models.Q(("name__regex", "[/\\\\[:cntrl:]]"), _negated=True),
                        ),
                        name="exchange_attachment_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("removed_at__isnull", True), ("removed_by__isnull", True)),
                            models.Q(("removed_at__isnull", False), ("removed_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="exchange_attachment_removed_paired",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
