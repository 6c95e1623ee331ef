"""A request can be about an agreement; what is granted upon it is the next version, and versions are counted together."""

import django.db.models.deletion
from django.db import migrations, models

from exchange.migrations.guards.sealed import SEALED

VERSIONS = """
CREATE FUNCTION exchange_request_check_kind() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    agreed exchange_agreement%ROWTYPE;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.kind, NEW.amends_id) IS DISTINCT FROM (OLD.kind, OLD.amends_id) THEN
        RAISE EXCEPTION 'what request % is about never changes', OLD.code USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.amends_id IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT * INTO agreed FROM exchange_agreement WHERE id = NEW.amends_id;
    IF (NEW.consumer_id, NEW.dataset_id) IS DISTINCT FROM (agreed.consumer_id, agreed.dataset_id) THEN
        RAISE EXCEPTION 'request % is about an agreement of another agency or dataset', NEW.code
            USING ERRCODE = 'check_violation';
    END IF;
    IF TG_OP = 'INSERT' AND (agreed.status IN ('revoked', 'relinquished', 'superseded') OR EXISTS (
        SELECT 1 FROM exchange_agreement WHERE code = agreed.code AND version > agreed.version
    )) THEN
        RAISE EXCEPTION 'only the latest version of an agreement can be followed by another one'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_request_kind BEFORE INSERT OR UPDATE ON exchange_exchangerequest
    FOR EACH ROW EXECUTE FUNCTION exchange_request_check_kind();

CREATE FUNCTION exchange_agreement_check_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    request exchange_exchangerequest%ROWTYPE;
    former exchange_agreement%ROWTYPE;
BEGIN
    SELECT r.* INTO request FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
        WHERE c.id = NEW.case_id;
    IF request.amends_id IS NULL THEN
        IF NEW.version <> 1 THEN
            RAISE EXCEPTION 'a new agreement begins with version 1' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    -- Whoever ends it meanwhile waits, or was first.
    SELECT * INTO former FROM exchange_agreement WHERE id = request.amends_id FOR UPDATE;
    IF (NEW.code, NEW.version, NEW.provider_id) IS DISTINCT FROM (former.code, former.version + 1, former.provider_id) THEN
        RAISE EXCEPTION 'a version follows the one that was asked about' USING ERRCODE = 'check_violation';
    END IF;
    IF former.status IN ('revoked', 'relinquished', 'superseded')
       OR (request.kind = 'amendment' AND former.ended_at IS NOT NULL) THEN
        RAISE EXCEPTION 'agreement % was ended: nothing follows it', former.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_agreement_version BEFORE INSERT ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_agreement_check_version();

CREATE FUNCTION exchange_agreement_check_successor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'superseded' AND OLD.status <> 'superseded' AND NOT EXISTS (
        SELECT 1 FROM exchange_agreement WHERE code = NEW.code AND version > NEW.version AND ended_at IS NULL
    ) THEN
        RAISE EXCEPTION 'no other version takes the place of %', NEW.code USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER exchange_agreement_successor BEFORE UPDATE OF status ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_agreement_check_successor();
"""

MOVES = (
    "agreed>active",
    "active>suspended",
    "suspended>active",
    "agreed>revoked",
    "active>revoked",
    "suspended>revoked",
    "agreed>relinquished",
    "active>relinquished",
    "suspended>relinquished",
    "agreed>expired",
    "active>expired",
    "suspended>expired",
    "agreed>superseded",
    "active>superseded",
    "suspended>superseded",
)


def moving(moves) -> str:
    listed = ", ".join(f"'{move}'" for move in moves)
    return f"""
DROP TRIGGER exchange_agreement_move ON exchange_agreement;
CREATE TRIGGER exchange_agreement_move BEFORE UPDATE OF status ON exchange_agreement
    FOR EACH ROW EXECUTE FUNCTION exchange_check_move({listed});
"""


# What is counted of an agreement is counted of all its versions; look-ups beside the first one.
COUNTS = """
CREATE FUNCTION exchange_first_version(agreed bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT first.id FROM exchange_agreement own JOIN exchange_agreement first ON first.code = own.code AND first.version = 1
    WHERE own.id = agreed
$$;

CREATE FUNCTION exchange_same_agreement(agreed bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT other.id FROM exchange_agreement own JOIN exchange_agreement other ON other.code = own.code WHERE own.id = agreed
$$;
"""

LOOKUPS = """
CREATE OR REPLACE FUNCTION exchange_lookup_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted text;
    most numeric;
    used bigint;
BEGIN
    FOREACH counted IN ARRAY ARRAY['day', 'minute'] LOOP
        most := exchange_limit_of(NEW.agreement_id, 'lookups_per_' || counted);
        CONTINUE WHEN most IS NULL;
        INSERT INTO exchange_lookuprate AS rate (agreement_id, span, starts_at, asked)
            VALUES ({one}, counted, exchange_start_of(counted, clock_timestamp()), 1)
            ON CONFLICT (agreement_id, span) DO UPDATE SET
                asked = CASE WHEN EXCLUDED.starts_at > rate.starts_at THEN 1 ELSE rate.asked + 1 END,
                starts_at = GREATEST(EXCLUDED.starts_at, rate.starts_at)
            RETURNING asked INTO used;
        IF used > most THEN
            RAISE EXCEPTION 'more than % look-ups in one %', most, counted USING
                ERRCODE = 'check_violation', CONSTRAINT = 'exchange_lookup_rate', DETAIL = 'lookups_per_' || counted;
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
"""

DELIVERIES = """
CREATE OR REPLACE FUNCTION exchange_delivery_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    most numeric;
    used numeric;
BEGIN
    IF TG_OP = 'INSERT' THEN
        most := exchange_limit_of(NEW.agreement_id, 'deliveries_per_month');
        IF most IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('exchange_delivery_count'), {one}::int);
            SELECT count(*) INTO used FROM exchange_delivery
                WHERE agreement_id {all} AND status <> 'terminated'
                  AND requested_at >= exchange_start_of('month', NEW.requested_at);
            IF used >= most THEN
                RAISE EXCEPTION 'more than % packages in one month', most USING ERRCODE = 'check_violation';
            END IF;
        END IF;
    ELSIF NEW.status = 'completed' AND OLD.status <> 'completed' THEN
        most := exchange_limit_of(NEW.agreement_id, 'rows_per_month');
        IF most IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtext('exchange_delivery_count'), {one}::int);
            SELECT COALESCE(sum(rows), 0) INTO used FROM exchange_delivery
                WHERE agreement_id {all} AND status = 'completed'
                  AND finished_at >= exchange_start_of('month', NEW.finished_at);
            IF used + NEW.rows > most THEN
                RAISE EXCEPTION 'more than % rows in one month', most USING ERRCODE = 'check_violation';
            END IF;
        END IF;
    END IF;
    RETURN NEW;
END $$;
"""

_TOGETHER = {
    "one": "exchange_first_version(NEW.agreement_id)",
    "all": "IN (SELECT exchange_same_agreement(NEW.agreement_id))",
}
_APART = {"one": "NEW.agreement_id", "all": "= NEW.agreement_id"}


def counting(by: dict[str, str]) -> str:
    return "".join(text.replace("{one}", by["one"]).replace("{all}", by["all"]) for text in (LOOKUPS, DELIVERIES))


FORWARD = VERSIONS + moving([*MOVES, "agreed>suspended"]) + COUNTS + counting(_TOGETHER) + SEALED
BACKWARD = (
    counting(_APART)
    + """
DROP FUNCTION exchange_same_agreement(bigint);
DROP FUNCTION exchange_first_version(bigint);
"""
    + moving(MOVES)
    + """
DROP TRIGGER exchange_agreement_successor ON exchange_agreement;
DROP FUNCTION exchange_agreement_check_successor();
DROP TRIGGER exchange_agreement_version ON exchange_agreement;
DROP FUNCTION exchange_agreement_check_version();
DROP TRIGGER exchange_request_kind ON exchange_exchangerequest;
DROP FUNCTION exchange_request_check_kind();
"""
    + SEALED
)


class Migration(migrations.Migration):
    dependencies = [("exchange", "0015_joint_requests"), ("registry", "0041_reading_of_a_structure")]

    operations = [
        migrations.AddField(
            model_name="exchangerequest",
            name="amends",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="amendments",
                to="exchange.agreement",
                verbose_name="agreement that it is about",
            ),
        ),
        migrations.AddField(
            model_name="exchangerequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("new", "New request"),
                    ("amendment", "Change of an agreement"),
                    ("renewal", "Another period of an agreement"),
                ],
                default="new",
                editable=False,
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("failed", "The source could not be read"),
                    ("changed", "The source or the policy no longer matches the agreement"),
                    ("limit", "More rows than agreed"),
                    ("stopped", "The agreement is no longer in force"),
                    ("replaced", "A new version of the agreement took its place"),
                    ("cancelled", "Cancelled by the consumer agency"),
                ],
                max_length=15,
                verbose_name="why it ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["active", "suspended"])),
                fields=("code",),
                name="exchange_agreement_one_running",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amends__isnull", True), ("kind", "new")),
                    models.Q(("amends__isnull", False), ("kind__in", ["amendment", "renewal"])),
                    _connector="OR",
                ),
                name="exchange_exchangerequest_kind_paired",
            ),
        ),
        migrations.AddConstraint(
            model_name="exchangerequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("amends",),
                name="exchange_exchangerequest_one_open_about_agreement",
                violation_error_message="Another request about this agreement is under way.",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
