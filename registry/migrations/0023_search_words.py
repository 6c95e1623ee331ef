"""Text as it is searched: without accents, signs and capitals, however it was typed."""

from django.db import migrations

FORWARD = """
-- unaccent() follows the search path and is only STABLE; with the dictionary named it depends on nothing else.
DO $$
DECLARE
    home text := (SELECT quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                  WHERE extname = 'unaccent');
BEGIN
    EXECUTE format($f$
        CREATE FUNCTION registry_plain(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS
        $s$ SELECT lower(%1$s.unaccent('%1$s.unaccent'::regdictionary,
            CASE WHEN words ~ '[\\u0300-\\u036f]' THEN normalize(words, NFC) ELSE words END)) $s$
    $f$, home);
    -- What a field is called, in one text that one index can answer for. Indexes are built with an empty search path.
    EXECUTE format($f$
        CREATE FUNCTION registry_field_text(name text, title_vi text, title_en text) RETURNS text
        LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS
        $s$ SELECT %I.registry_plain(name || ' ' || title_vi || ' ' || title_en) $s$
    $f$, current_schema());
END $$;

-- Words and numbers, one space apart. Signs part words, so do the borders of letters and digits ("NĐ278"), and zeros
-- in front of a number do not count: 047/2024 is 47/2024.
CREATE FUNCTION registry_words(words text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT trim(regexp_replace(regexp_replace(regexp_replace(
        lower(CASE WHEN words ~ '[\\u0300-\\u036f]' THEN normalize(words, NFC) ELSE words END),
        '[\\x01-/:-@\\[-`{-\\xbf\\u2000-\\u206f\\u2190-\\u2bff\\u3000-\\u303f\\ufeff]+', ' ', 'g'),
        '(?<=[0-9])(?=[^0-9 ])|(?<=[^0-9 ])(?=[0-9])', ' ', 'g'),
        '(^| )0+(?=[0-9])', '\\1', 'g'))
$$;

-- What is searched for, as a query: every word has to occur, words joined by signs (so_dinh_danh, 278/2025/NĐ-CP) side
-- by side, and the last word may go on. NULL where there is no word at all.
CREATE FUNCTION registry_query(words text, goes_on boolean DEFAULT true) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE WHEN count(*) > 0
           THEN to_tsquery('simple', string_agg(replace(part, ' ', ' <-> '), ' & ' ORDER BY place) || CASE WHEN goes_on THEN ':*' ELSE '' END)
           END
    FROM (SELECT registry_words(chunk) AS part, place FROM regexp_split_to_table(words, '\\s+') WITH ORDINALITY t(chunk, place))
         AS parts
    WHERE part <> ''
$$;

-- The ways in which the number of a law is typed: in full, run together, without its year, by the name of its kind.
CREATE FUNCTION registry_law_words(number text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT concat_ws(' ', number, replace(written, ' ', ''), digits || ' ' || replace(letters, ' ', ''),
                     split_part(digits, ' ', 1) || ' ' || letters,
                     CASE WHEN letters LIKE 'nd %' THEN 'nghị định' WHEN letters LIKE 'qd %' THEN 'quyết định'
                          WHEN letters LIKE 'qh %' THEN 'luật' WHEN letters LIKE 'tt %' THEN 'thông tư'
                          WHEN letters LIKE 'nq %' THEN 'nghị quyết' WHEN letters LIKE 'ct %' THEN 'chỉ thị' END)
    FROM (SELECT written, substring(written from '^[0-9 ]*[0-9]') AS digits, substring(written from '[^0-9 ].*$') AS letters
          FROM registry_words(registry_plain(number)) AS w(written)) AS parts
$$;
"""

BACKWARD = """
DROP FUNCTION registry_field_text(text, text, text);
DROP FUNCTION registry_law_words(text);
DROP FUNCTION registry_query(text, boolean);
DROP FUNCTION registry_words(text);
DROP FUNCTION registry_plain(text);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0022_metadata_imports")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
