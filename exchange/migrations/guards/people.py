"""Who a person is for a request, today: holds a role, took part in it, belongs to the side that asks."""

PEOPLE = """
CREATE FUNCTION exchange_today() RETURNS date LANGUAGE sql STABLE AS $$
    SELECT (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
$$;

-- Without roles: any role.
CREATE FUNCTION exchange_works_for(person bigint, place bigint, VARIADIC roles text[] DEFAULT '{}') RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM registry_membership m JOIN registry_user u ON u.id = m.user_id
        WHERE m.user_id = person AND m.agency_id = place AND u.is_active
          AND (roles = '{}' OR m.role = ANY (roles))
          AND m.valid_from <= exchange_today() AND (m.valid_to IS NULL OR m.valid_to >= exchange_today())
    )
$$;

CREATE FUNCTION exchange_took_part(person bigint, asked bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM exchange_exchangerequest
                   WHERE id = asked AND person IN (created_by_id, last_edited_by_id, endorsed_by_id))
        OR EXISTS (SELECT 1 FROM exchange_revision WHERE request_id = asked AND proposed_by_id = person)
$$;

CREATE FUNCTION exchange_asks(person bigint, consumer bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT 1 FROM registry_membership m
        WHERE m.user_id = person AND m.agency_id IN (SELECT registry_agency_lineage(consumer))
          AND m.valid_from <= exchange_today() AND (m.valid_to IS NULL OR m.valid_to >= exchange_today())
    )
$$;

-- Locked until the transaction ends, so that the owner does not change between this look and what follows from it.
CREATE FUNCTION exchange_owner_of(asked_for bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT b.owner_id FROM registry_dataset d JOIN registry_database b ON b.id = d.database_id
    WHERE d.id = asked_for FOR SHARE OF d, b
$$;
"""
