"""Who signed each revision and who ever wrote in a request: neither is forgotten when the next one comes."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

# A signature is written once, where there is none; everything else of a revision stays as it was proposed.
REVISION = """
DROP TRIGGER exchange_revision_immutable ON exchange_revision;
CREATE TRIGGER exchange_revision_immutable BEFORE UPDATE ON exchange_revision
    FOR EACH ROW WHEN (OLD.endorsed_by_id IS NULL)
    EXECUTE FUNCTION exchange_refuse_other_changes('endorsed_by_id', 'endorsed_at');
CREATE TRIGGER exchange_revision_signed BEFORE UPDATE ON exchange_revision
    FOR EACH ROW WHEN (OLD.endorsed_by_id IS NOT NULL)
    EXECUTE FUNCTION exchange_refuse_other_changes();
"""

SEPARATION = """
CREATE FUNCTION exchange_filed(request bigint, person bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM exchange_exchangerequest r
                   WHERE r.id = request AND person IN (r.created_by_id, r.last_edited_by_id))
        OR EXISTS (SELECT 1 FROM exchange_exchangerequest_editors e
                   WHERE e.exchangerequest_id = request AND e.user_id = person)
        OR EXISTS (SELECT 1 FROM exchange_revision v WHERE v.request_id = request AND v.proposed_by_id = person)
$$;

CREATE FUNCTION exchange_check_decider() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked bigint := (SELECT request_id FROM exchange_reviewcase WHERE id = NEW.case_id);
    giver bigint := (SELECT delegator_id FROM registry_delegation WHERE id = NEW.delegation_id);
    person bigint;
BEGIN
    FOREACH person IN ARRAY array_remove(ARRAY[NEW.made_by_id, giver], NULL) LOOP
        IF exchange_filed(asked, person)
           OR EXISTS (SELECT 1 FROM exchange_revision WHERE request_id = asked AND endorsed_by_id = person) THEN
            RAISE EXCEPTION 'whoever filed, edited or signed any revision of a request cannot decide on it'
                USING ERRCODE = 'check_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_decision_of_outsider BEFORE INSERT ON exchange_decision
    FOR EACH ROW EXECUTE FUNCTION exchange_check_decider();

CREATE FUNCTION exchange_check_signatory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF exchange_filed(NEW.request_id, NEW.endorsed_by_id) THEN
        RAISE EXCEPTION 'whoever filed or edited a request cannot sign it' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM exchange_decision d JOIN exchange_reviewcase c ON c.id = d.case_id
        LEFT JOIN registry_delegation g ON g.id = d.delegation_id
        WHERE c.request_id = NEW.request_id AND NEW.endorsed_by_id IN (d.made_by_id, g.delegator_id)
    ) THEN
        RAISE EXCEPTION 'whoever decided on a request cannot sign it' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_revision_signatory BEFORE INSERT OR UPDATE OF endorsed_by_id ON exchange_revision
    FOR EACH ROW WHEN (NEW.endorsed_by_id IS NOT NULL)
    EXECUTE FUNCTION exchange_check_signatory();

-- A draft that nobody proposed may be thrown away, and its editors with it.
CREATE FUNCTION exchange_keep_editor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT 1 FROM exchange_revision WHERE request_id = OLD.exchangerequest_id) THEN
        RAISE EXCEPTION 'who edited a request is kept' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER exchange_request_editors_kept BEFORE UPDATE OR DELETE ON exchange_exchangerequest_editors
    FOR EACH ROW EXECUTE FUNCTION exchange_keep_editor();
"""

# Met by sessions that call themselves replicas, too, and misled by no temporary table of the same name.
SEALED = """
ALTER TABLE exchange_revision
    ENABLE ALWAYS TRIGGER exchange_revision_immutable,
    ENABLE ALWAYS TRIGGER exchange_revision_signed,
    ENABLE ALWAYS TRIGGER exchange_revision_signatory;
ALTER TABLE exchange_decision ENABLE ALWAYS TRIGGER exchange_decision_of_outsider;
ALTER TABLE exchange_exchangerequest_editors ENABLE ALWAYS TRIGGER exchange_request_editors_kept;
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'exchange_filed(bigint, bigint)', 'exchange_check_decider()', 'exchange_check_signatory()', 'exchange_keep_editor()'
    ] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', signature, current_schema());
    END LOOP;
END $$;
"""

# What is known of older requests: their first and last writer, and who signed the latest revision.
KNOWN = """
SET CONSTRAINTS ALL IMMEDIATE; -- what is pending would stand in the way of the indexes that follow
INSERT INTO exchange_exchangerequest_editors (exchangerequest_id, user_id)
    SELECT id, created_by_id FROM exchange_exchangerequest
    UNION SELECT id, last_edited_by_id FROM exchange_exchangerequest;
UPDATE exchange_revision v SET endorsed_by_id = r.endorsed_by_id, endorsed_at = r.endorsed_at
    FROM exchange_exchangerequest r
    WHERE r.id = v.request_id AND r.endorsed_by_id IS NOT NULL
      AND v.number = (SELECT max(number) FROM exchange_revision WHERE request_id = r.id);
"""

BACKWARD = """
DROP FUNCTION exchange_keep_editor() CASCADE;
DROP FUNCTION exchange_check_signatory() CASCADE;
DROP FUNCTION exchange_check_decider() CASCADE;
DROP FUNCTION exchange_filed(bigint, bigint) CASCADE;
DROP TRIGGER exchange_revision_signed ON exchange_revision;
DROP TRIGGER exchange_revision_immutable ON exchange_revision;
CREATE TRIGGER exchange_revision_immutable BEFORE UPDATE ON exchange_revision
    FOR EACH ROW EXECUTE FUNCTION exchange_refuse_other_changes();
ALTER TABLE exchange_revision ENABLE ALWAYS TRIGGER exchange_revision_immutable;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("exchange", "0003_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="exchangerequest",
            name="editors",
            field=models.ManyToManyField(
                blank=True,
                editable=False,
                related_name="requests_written",
                to=settings.AUTH_USER_MODEL,
                verbose_name="edited by",
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="endorsed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="signed at"),
        ),
        migrations.AddField(
            model_name="revision",
            name="endorsed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="signed by",
            ),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.CheckConstraint(
                condition=Q(endorsed_by__isnull=True, endorsed_at__isnull=True)
                | Q(endorsed_by__isnull=False, endorsed_at__isnull=False),
                name="exchange_revision_endorsed_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.CheckConstraint(
                condition=~Q(endorsed_by=F("proposed_by")),
                name="exchange_revision_endorser_did_not_propose",
                violation_error_message="Whoever filed or last edited a request cannot sign it.",
            ),
        ),
        migrations.RunSQL(REVISION + SEPARATION + SEALED, BACKWARD),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
