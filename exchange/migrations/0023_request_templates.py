"""Templates of requests: made by people of the agency, published by owners, never rewritten."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import registry.fields
from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE FUNCTION exchange_template_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.archived_at IS NOT NULL AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
            RAISE EXCEPTION 'an archived template never changes' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NOT NEW.is_public AND NOT exchange_works_for(NEW.created_by_id, NEW.agency_id, 'requester') THEN
        RAISE EXCEPTION 'only a requester of the agency keeps its templates' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.is_public AND (NEW.agency_id IS DISTINCT FROM exchange_owner_of(NEW.dataset_id)
       OR NOT exchange_works_for(NEW.created_by_id, NEW.agency_id, 'approver')) THEN
        RAISE EXCEPTION 'only an approver of the owner publishes a template for a dataset' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_requesttemplate_made BEFORE INSERT OR UPDATE ON exchange_requesttemplate
    FOR EACH ROW EXECUTE FUNCTION exchange_template_check();
CREATE TRIGGER exchange_requesttemplate_immutable BEFORE UPDATE ON exchange_requesttemplate
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes('name', 'archived_at', 'archived_by_id');
CREATE TRIGGER exchange_requesttemplate_kept BEFORE DELETE ON exchange_requesttemplate
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_requesttemplate_no_truncate BEFORE TRUNCATE ON exchange_requesttemplate
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""
BACKWARD = """
DROP FUNCTION exchange_template_check() CASCADE;
DROP TRIGGER exchange_requesttemplate_immutable ON exchange_requesttemplate;
DROP TRIGGER exchange_requesttemplate_kept ON exchange_requesttemplate;
DROP TRIGGER exchange_requesttemplate_no_truncate ON exchange_requesttemplate;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0022_moved_votes"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RequestTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("is_public", models.BooleanField(default=False, verbose_name="published for everybody who asks")),
                ("name", registry.fields.TextLine(max_length=120, verbose_name="name")),
                (
                    "parts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("data", "Dataset, fields and rows"),
                                ("basis", "Legal basis and purpose"),
                                ("letter", "Subject of the letter and signing officer"),
                                ("use", "Time and safety"),
                            ],
                            max_length=10,
                        ),
                        size=None,
                        verbose_name="parts",
                    ),
                ),
                ("content", models.JSONField(default=dict, verbose_name="content")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("archived_at", models.DateTimeField(blank=True, null=True, verbose_name="archived at")),
                (
                    "agency",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="templates",
                        to="registry.agency",
                        verbose_name="agency",
                    ),
                ),
                (
                    "archived_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="archived by",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="created by",
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="templates",
                        to="registry.dataset",
                        verbose_name="dataset",
                    ),
                ),
            ],
            options={
                "verbose_name": "request template",
                "verbose_name_plural": "request templates",
                "ordering": ["name", "pk"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("archived_at__isnull", True)),
                        fields=("agency", "is_public", "name"),
                        name="exchange_requesttemplate_name_once",
                        violation_error_message="There is a template of this name already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("parts__len__gte", 1),
                            ("parts__contained_by", ["data", "basis", "letter", "use"]),
                            models.Q(("name", ""), _negated=True),
                        ),
                        name="exchange_requesttemplate_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("is_public", False),
                            models.Q(("dataset__isnull", False), ("parts__contained_by", ["data", "basis"])),
                            _connector="OR",
                        ),
                        name="exchange_requesttemplate_public_about_data",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("archived_at__isnull", True), ("archived_by__isnull", True)),
                            models.Q(("archived_at__isnull", False), ("archived_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="exchange_requesttemplate_archived_paired",
                    ),
                ],
            },
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
