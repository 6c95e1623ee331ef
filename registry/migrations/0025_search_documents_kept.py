"""Search documents follow whatever they rest on, in the transaction of the change and however it is made."""

from django.db import migrations

REFRESH = """
-- A function, not a view: a view would hold fast the columns that it reads.
CREATE FUNCTION registry_search_source(datasets bigint[])
RETURNS TABLE (dataset_id bigint, is_listed boolean, database_id bigint, owner_id bigint, access_rights text, personal_data text,
    classification text, themes varchar[], laws bigint[], title_vi text, title_en text, owner_vi text, owner_en text,
    modified_at timestamptz, titles text, keywords text, body text, around text)
LANGUAGE sql STABLE AS $$
SELECT d.id,
    d.is_published AND d.removed_at IS NULL AND db.lifecycle = 'active',
    d.database_id, db.owner_id, d.access_rights, fields.personal_data,
    COALESCE((ARRAY['public', 'internal', 'restricted'])[fields.level + 1], db.classification), d.themes,
    ARRAY(SELECT DISTINCT law FROM unnest(ARRAY[db.legal_basis_id, d.applicable_legislation_id]) law
          WHERE law IS NOT NULL ORDER BY law),
    d.title_vi, COALESCE(NULLIF(d.title_en, ''), d.title_vi),
    o.name_vi, COALESCE(NULLIF(o.name_en, ''), o.name_vi), d.modified_at,
    registry_words(concat_ws(' ', d.title_vi, d.title_en)), registry_words(array_to_string(d.keywords, ' ')),
    -- A vector holds one megabyte at most.
    registry_words(concat_ws(' ', d.code, left(d.description, 20000), left(fields.words, 60000))),
    registry_words(concat_ws(' ', o.code, o.name_vi, o.name_en, db.code, db.name_vi, db.name_en,
              registry_law_words(l1.number), l1.title_vi, l1.title_en,
              registry_law_words(l2.number), l2.title_vi, l2.title_en))
FROM registry_dataset d
JOIN registry_database db ON db.id = d.database_id
JOIN registry_agency o ON o.id = db.owner_id
JOIN registry_legalinstrument l1 ON l1.id = db.legal_basis_id
LEFT JOIN registry_legalinstrument l2 ON l2.id = d.applicable_legislation_id AND l2.id <> l1.id
CROSS JOIN LATERAL (
    SELECT CASE WHEN bool_or(f.personal_data = 'sensitive') THEN 'sensitive'
                WHEN bool_or(f.personal_data = 'basic') THEN 'basic' ELSE 'none' END AS personal_data,
        max(registry_level_rank(COALESCE(NULLIF(f.classification, ''), db.classification))) AS level,
        -- soDinhDanh is three words.
        string_agg(concat_ws(' ', f.name, CASE WHEN f.name ~ '[a-z][A-Z]' THEN regexp_replace(f.name, '([a-z])([A-Z])', '\\1 \\2', 'g') END,
                             f.title_vi, f.title_en, left(f.description, 300)), ' . ' ORDER BY f.position) AS words
    FROM registry_field f WHERE f.dataset_id = d.id AND f.removed_at IS NULL
) AS fields
WHERE d.id = ANY (datasets)
$$;

CREATE FUNCTION registry_search_vector(titles text, keywords text, body text, around text)
RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('simple', titles), 'A') || setweight(to_tsvector('simple', keywords), 'B')
        || setweight(to_tsvector('simple', body), 'C') || setweight(to_tsvector('simple', around), 'D')
$$;

CREATE FUNCTION registry_search_refresh(datasets bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Locked first and read afterwards: of two changes at once, the later one sees what the earlier one did.
    PERFORM 1 FROM registry_searchdocument WHERE dataset_id = ANY (datasets) ORDER BY dataset_id FOR UPDATE;
    INSERT INTO registry_searchdocument AS doc
        (dataset_id, is_listed, database_id, owner_id, access_rights, personal_data, classification, themes, laws, title_vi,
         title_en, owner_vi, owner_en, modified_at, short_text, heading, exact, plain)
    SELECT dataset_id, is_listed, database_id, owner_id, access_rights, personal_data, classification, themes, laws, title_vi,
        title_en, owner_vi, owner_en, modified_at, registry_plain(concat_ws(' ', titles, keywords)),
        registry_search_vector(registry_plain(titles), registry_plain(keywords), '', ''),
        registry_search_vector(titles, keywords, body, around),
        registry_search_vector(registry_plain(titles), registry_plain(keywords), registry_plain(body), registry_plain(around))
    FROM registry_search_source(datasets) ORDER BY dataset_id
    ON CONFLICT (dataset_id) DO UPDATE SET
        (is_listed, database_id, owner_id, access_rights, personal_data, classification, themes, laws, title_vi, title_en,
         owner_vi, owner_en, modified_at, short_text, heading, exact, plain)
        = (EXCLUDED.is_listed, EXCLUDED.database_id, EXCLUDED.owner_id, EXCLUDED.access_rights, EXCLUDED.personal_data,
           EXCLUDED.classification, EXCLUDED.themes, EXCLUDED.laws, EXCLUDED.title_vi, EXCLUDED.title_en,
           EXCLUDED.owner_vi, EXCLUDED.owner_en, EXCLUDED.modified_at, EXCLUDED.short_text, EXCLUDED.heading,
           EXCLUDED.exact, EXCLUDED.plain);
END $$;

CREATE FUNCTION registry_search_follow_dataset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM registry_search_refresh(ARRAY(SELECT id FROM after));
    ELSE
        PERFORM registry_search_refresh(ARRAY(
            SELECT id FROM after JOIN before USING (id)
            WHERE (after.is_published, after.removed_at IS NULL, after.database_id, after.code, after.access_rights,
                   after.themes, after.applicable_legislation_id, after.title_vi, after.title_en, after.keywords,
                   after.description, after.modified_at)
               IS DISTINCT FROM
                  (before.is_published, before.removed_at IS NULL, before.database_id, before.code, before.access_rights,
                   before.themes, before.applicable_legislation_id, before.title_vi, before.title_en, before.keywords,
                   before.description, before.modified_at)));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION registry_search_follow_field() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM registry_search_refresh(ARRAY(SELECT DISTINCT dataset_id FROM after));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM registry_search_refresh(ARRAY(SELECT DISTINCT dataset_id FROM before));
    ELSE
        PERFORM registry_search_refresh(ARRAY(
            SELECT DISTINCT unnest(ARRAY[after.dataset_id, before.dataset_id]) FROM after JOIN before USING (id)
            WHERE (after.dataset_id, after.name, after.title_vi, after.title_en, after.description, after.personal_data, after.classification,
                   after.removed_at IS NULL, after.position)
               IS DISTINCT FROM
                  (before.dataset_id, before.name, before.title_vi, before.title_en, before.description,
                   before.personal_data, before.classification, before.removed_at IS NULL, before.position)));
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION registry_search_follow_database() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM registry_search_refresh(ARRAY(
        SELECT d.id FROM registry_dataset d JOIN after ON after.id = d.database_id JOIN before ON before.id = after.id
        WHERE (after.code, after.name_vi, after.name_en, after.owner_id, after.legal_basis_id, after.classification,
               after.lifecycle)
           IS DISTINCT FROM
              (before.code, before.name_vi, before.name_en, before.owner_id, before.legal_basis_id, before.classification,
               before.lifecycle)));
    RETURN NULL;
END $$;

CREATE FUNCTION registry_search_follow_agency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM registry_search_refresh(ARRAY(
        SELECT d.id FROM registry_dataset d JOIN registry_database db ON db.id = d.database_id
        JOIN after ON after.id = db.owner_id JOIN before ON before.id = after.id
        WHERE (after.code, after.name_vi, after.name_en) IS DISTINCT FROM (before.code, before.name_vi, before.name_en)));
    RETURN NULL;
END $$;

CREATE FUNCTION registry_search_follow_law() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM registry_search_refresh(ARRAY(
        SELECT d.id FROM registry_dataset d JOIN registry_database db ON db.id = d.database_id
        JOIN after ON after.id IN (db.legal_basis_id, d.applicable_legislation_id) JOIN before ON before.id = after.id
        WHERE (after.number, after.title_vi, after.title_en)
           IS DISTINCT FROM (before.number, before.title_vi, before.title_en)));
    RETURN NULL;
END $$;
"""

FOLLOWED = {
    "dataset": ("INSERT", "UPDATE"),
    "field": ("INSERT", "UPDATE", "DELETE"),
    "database": ("UPDATE",),
    "agency": ("UPDATE",),
    "law": ("UPDATE",),
}
TABLES = {"law": "registry_legalinstrument"}
SEEN = {
    "INSERT": "REFERENCING NEW TABLE AS after",
    "UPDATE": "REFERENCING OLD TABLE AS before NEW TABLE AS after",
    "DELETE": "REFERENCING OLD TABLE AS before",
}


def triggers() -> str:
    statements = []
    for thing, events in FOLLOWED.items():
        table = TABLES.get(thing, f"registry_{thing}")
        for event in events:
            name = f"registry_search_follow_{thing}_{event.lower()}"
            statements.append(
                f"CREATE TRIGGER {name} AFTER {event} ON {table} {SEEN[event]} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION registry_search_follow_{thing}();\n"
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};"
            )
    return "\n".join(statements)


FUNCTIONS = [
    "registry_search_source(bigint[])",
    "registry_search_refresh(bigint[])",
    *(f"registry_search_follow_{thing}()" for thing in FOLLOWED),
]
PATHS = (
    "DO $$\nBEGIN\n"
    + "".join(
        f"    EXECUTE format('ALTER FUNCTION {one} SET search_path = %I, pg_temp', current_schema());\n"
        for one in FUNCTIONS
    )
    + "END $$;"
)
# Titles in the order in which Vietnamese readers expect them, where the server knows it.
ORDERS = """
DO $$
DECLARE
    place text := CASE WHEN EXISTS (SELECT FROM pg_collation WHERE collname = 'vi-x-icu') THEN 'COLLATE "vi-x-icu"' ELSE '' END;
    language text;
BEGIN
    FOREACH language IN ARRAY ARRAY['vi', 'en'] LOOP
        EXECUTE format('CREATE INDEX registry_searchdoc_title_%s ON registry_searchdocument (title_%s %s, dataset_id)
                        WHERE is_listed', language, language, place);
        EXECUTE format('CREATE INDEX registry_searchdoc_owner_%s ON registry_searchdocument (owner_%s %s, title_%s %s, dataset_id)
                        WHERE is_listed', language, language, place, language, place);
    END LOOP;
END $$;
CREATE INDEX registry_field_text ON registry_field USING gin (registry_field_text(name, title_vi, title_en) gin_trgm_ops);
-- The vectors lie apart, so that facets are counted over short rows.
ALTER TABLE registry_searchdocument SET (toast_tuple_target = 1024);
"""
FILL = "SELECT registry_search_refresh(ARRAY(SELECT id FROM registry_dataset));"

BACKWARD = (
    "\n".join(
        f"DROP TRIGGER registry_search_follow_{thing}_{event.lower()} ON {TABLES.get(thing, f'registry_{thing}')};"
        for thing, events in FOLLOWED.items()
        for event in events
    )
    + "".join(f"DROP FUNCTION {one};\n" for one in FUNCTIONS)
    + "DROP FUNCTION registry_search_vector(text, text, text, text);"
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0024_search_documents")]

    operations = [
        migrations.RunSQL(REFRESH, migrations.RunSQL.noop),
        migrations.RunSQL(triggers() + PATHS, BACKWARD),
        migrations.RunSQL(ORDERS, "DROP INDEX registry_field_text"),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
