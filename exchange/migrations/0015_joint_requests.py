"""One wish that takes the data of several owners: its parts are requests of one agency, and stay its parts."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from exchange.migrations.guards.sealed import SEALED

FORWARD = """
CREATE SEQUENCE exchange_joint_code;

CREATE FUNCTION exchange_request_check_joint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.joint_id IS NOT NULL AND NEW.joint_id IS DISTINCT FROM OLD.joint_id THEN
        RAISE EXCEPTION 'request % stays part of what it is part of', NEW.code
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.joint_id IS NOT NULL AND NEW.consumer_id IS DISTINCT FROM (
        SELECT consumer_id FROM exchange_jointrequest WHERE id = NEW.joint_id) THEN
        RAISE EXCEPTION 'request % is of another agency than what it is part of', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_request_joint BEFORE INSERT OR UPDATE OF joint_id ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_request_check_joint();
CREATE TRIGGER exchange_jointrequest_immutable BEFORE UPDATE ON exchange_jointrequest
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
CREATE TRIGGER exchange_jointrequest_kept BEFORE DELETE ON exchange_jointrequest
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_delete();
CREATE TRIGGER exchange_jointrequest_no_truncate BEFORE TRUNCATE ON exchange_jointrequest
    FOR EACH STATEMENT EXECUTE FUNCTION exchange_refuse_delete();
"""

BACKWARD = """
DROP TRIGGER exchange_jointrequest_no_truncate ON exchange_jointrequest;
DROP TRIGGER exchange_jointrequest_kept ON exchange_jointrequest;
DROP TRIGGER exchange_jointrequest_immutable ON exchange_jointrequest;
DROP TRIGGER exchange_request_joint ON exchange_exchangerequest;
DROP FUNCTION exchange_request_check_joint();
DROP SEQUENCE exchange_joint_code;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0014_recusals"),
        ("registry", "0041_reading_of_a_structure"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="JointRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("code", models.CharField(editable=False, max_length=20, unique=True, verbose_name="number")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                (
                    "consumer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="joint_requests",
                        to="registry.agency",
                        verbose_name="requesting agency",
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
            ],
            options={
                "verbose_name": "joint request",
                "verbose_name_plural": "joint requests",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="exchangerequest",
            name="joint",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parts",
                to="exchange.jointrequest",
                verbose_name="joint request",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("status__in", ("draft", "pending-endorsement", "submitted", "under-review", "returned", "offered"))
                ),
                fields=("joint", "dataset"),
                name="exchange_exchangerequest_joint_once",
                violation_error_message="This dataset is part of it already.",
            ),
        ),
        migrations.RunSQL(FORWARD + SEALED, BACKWARD),
    ]
