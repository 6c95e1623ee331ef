"""The statements behind a search: hits with their rank, counts of every facet, and one page of datasets, together.

A word is looked for as it is written, then without accents; where that finds little, by likeness of the letters. Hits
are ranked in steps: whole words as they are written, whole words without accents, what only begins like that (hộ, hội),
likeness last; within each, words of the title before words of the rest.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.cache import cache
from django.db import connection
from django.utils.translation import get_language

from registry.models import LegalInstrument, SharingPolicy
from registry.names import vietnamese_collation
from registry.search.asking import ARRAYS, FACETS, LAST_PAGE, PAGE_SIZE, Asked, Sort
from registry.search.marking import plain
from registry.search.synonyms import Variant, variants

LITTLE = 1  # with fewer hits than this, likeness is tried: who found the words is not asked whether others were meant
LIKE_ENOUGH = 0.5
MOST_ALIKE = 20
SECONDS_KEPT, COUNTS = 60, "registry.search.counts"
RANKED = 500  # so many of the best are ranked by all their words; beyond, by the title alone

# What facets are counted by.
FACTS = """doc.dataset_id, doc.owner_id, doc.themes, doc.access_rights, doc.personal_data, doc.laws, doc.classification,
    length(doc.title_vi) AS length"""
LISTED = f"SELECT {FACTS}, 0::float8 AS step FROM registry_searchdocument doc WHERE doc.is_listed"  # noqa: S608
# 9: whole words of title and keywords; 5: words that begin like that; 2: anywhere; below: by likeness.
WORDS = f"""
SELECT {FACTS},
    CASE WHEN doc.heading @@ asked.whole THEN 9 WHEN doc.heading @@ asked.plain THEN 5 ELSE 2 END::float8 AS step
FROM asked JOIN registry_searchdocument doc ON doc.plain @@ asked.plain
WHERE doc.is_listed
"""  # noqa: S608
# 5, too: by the number of the law, in whatever order and form it was typed.
UNDER_LAW = f"""
SELECT {FACTS}, 5::float8 AS step
FROM asked JOIN registry_searchdocument doc ON doc.laws && %s::bigint[]
WHERE doc.is_listed AND NOT COALESCE(doc.plain @@ asked.plain, false)
"""  # noqa: S608
ALIKE = f"""
(SELECT {FACTS}, word_similarity(asked.unaccented, doc.short_text)::float8 AS step
FROM asked JOIN registry_searchdocument doc ON asked.unaccented <%% doc.short_text
WHERE doc.is_listed AND NOT COALESCE(doc.plain @@ asked.plain, false)
ORDER BY step DESC, length, dataset_id LIMIT {MOST_ALIKE})
"""  # noqa: S608
AS_WRITTEN = """UNION ALL SELECT 'as written', NULL, '', count(*) FROM (
    SELECT FROM hits JOIN registry_searchdocument doc USING (dataset_id) CROSS JOIN asked
    WHERE doc.exact @@ (asked.exact || asked.exact_whole) LIMIT 1) AS one"""


@dataclass
class Found:
    """One page of dataset ids, how many there are in all, and how many each value of each facet has."""

    ids: list[int]
    total: int
    by_likeness: bool = False
    as_written: bool = True  # whether any of them has the words with the accents that were typed
    also: list[Variant] = field(default_factory=list)  # other ways of writing what was typed, which count as well
    counts: dict[str, dict] = field(default_factory=dict)


def find(asked: Asked) -> Found:
    """Search published datasets. One statement; a second one where the words are found in next to nothing."""
    if not asked.words:
        return _without_words(asked)
    hits, parameters = WORDS, []
    if laws := _laws(asked.words):
        hits, parameters = f"{WORDS} UNION ALL {UNDER_LAW}", [laws]
    also = variants(asked.words)
    found = _run(asked, hits, parameters, also)
    if sum(found.counts["all"].values()) >= LITTLE or laws:
        return found
    with_alike = _run(asked, f"{hits} UNION ALL {ALIKE}", parameters, also)
    with_alike.by_likeness = with_alike.total > found.total
    return with_alike


def _laws(words: str) -> list[int]:
    """The laws whose number is what was typed."""
    if not any(sign.isdecimal() for sign in words):
        return []
    return list(LegalInstrument.objects.numbered(words).order_by().values_list("pk", flat=True)[:20])


def _without_words(asked: Asked) -> Found:
    """The whole list, or what was chosen of it. Counts are the same for every reader, so each choice is counted once a
    minute; the list itself is as it is."""
    chosen = {name: values for name, values in asked.chosen.items() if values}
    key = f"{COUNTS}.{hashlib.sha256(repr(sorted(chosen.items())).encode()).hexdigest()}" if chosen else COUNTS
    counts = cache.get(key)
    if counts is None:
        counts = _run(Asked(chosen=asked.chosen), LISTED, []).counts
        cache.set(key, counts, SECONDS_KEPT)
    offers, parameters = _offers("true") if "mode" in chosen else ("", [])
    tests = "".join(f" AND {_test(name)}" for name in chosen if name != "mode")
    if offers:
        tests += f" AND dataset_id IN (SELECT dataset_id FROM ({offers}) AS offers WHERE {_test('mode')})"  # noqa: S608
    values = [values for name, values in chosen.items() if name != "mode"]
    page = f"""SELECT dataset_id FROM registry_searchdocument WHERE is_listed{tests}
               ORDER BY {_order(asked)} LIMIT %s OFFSET %s"""  # noqa: S608
    values += [*parameters, chosen["mode"]] if offers else []
    with connection.cursor() as cursor:
        cursor.execute(page, [*values, PAGE_SIZE, _skipped(asked)])
        ids = [number for (number,) in cursor.fetchall()]
    return Found(ids, counts["total"][""], counts=counts)


def _skipped(asked: Asked) -> int:
    return (min(max(asked.page, 1), LAST_PAGE) - 1) * PAGE_SIZE


def _run(asked: Asked, hits: str, hit_parameters: list, also: Sequence[Variant] = ()) -> Found:
    statement, parameters = _statement(asked, hits, hit_parameters, also)
    with connection.cursor() as cursor:
        # Compiling the statement would take longer than running it.
        settings = "SELECT set_config('jit', 'off', false), set_config('pg_trgm.word_similarity_threshold', %s, false)"
        cursor.execute(settings, [str(LIKE_ENOUGH)])
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    counts, ids = defaultdict(dict), []
    for kind, number, code, count in rows:
        if kind == "hit":
            ids.append((count, number))
        else:
            counts[kind][number if number is not None else code] = count
    in_order = [number for _place, number in sorted(ids)]
    as_written = counts.pop("as written", {"": 1})[""] > 0
    return Found(in_order, counts["total"].get("", 0), as_written=as_written, counts=dict(counts), also=list(also))


def _statement(asked: Asked, hits: str, hit_parameters: list, also: Sequence[Variant]) -> tuple[str, list]:
    offers, offer_parameters = _offers("dataset_id IN (SELECT dataset_id FROM hits)")
    chosen = {name: values for name, values in asked.chosen.items() if values}
    page = _page(asked)
    tests = {name: f"COALESCE({_test(name)}, false)" for name in chosen}
    flags = "".join(f", {test} AS fits_{name}" for name, test in tests.items())
    # Built of the constants of this module alone; whatever a reader typed is a parameter.
    statement = f"""
        WITH asked AS MATERIALIZED (
            SELECT registry_query(unmarked){" || registry_query(%s)" * len(also)} AS plain,
                registry_query(unmarked, false){" || registry_query(%s, false)" * len(also)} AS whole,
                registry_query(typed) AS exact, registry_query(typed, false){" || registry_query(%s, false)" * len(also)} AS exact_whole,
                registry_words(unmarked) AS unaccented, registry_words(typed) AS written,
                phraseto_tsquery('simple', registry_words(unmarked)) AS phrase,
                phraseto_tsquery('simple', registry_words(typed)) AS exact_phrase
            FROM (SELECT typed, registry_plain(typed) AS unmarked FROM (SELECT %s::text AS typed) AS words) AS words
        ),
        hits AS MATERIALIZED ({hits}),
        offers AS ({offers}),
        flagged AS MATERIALIZED (
            SELECT hits.*, offers.modes{flags} FROM hits LEFT JOIN offers USING (dataset_id)
        ),
        fitting AS (SELECT dataset_id, step, length FROM flagged WHERE {_all(chosen)}),
        page AS ({page})
        SELECT 'hit' AS kind, dataset_id AS number, '' AS code, place AS count FROM page
        UNION ALL SELECT 'total', NULL, '', count(*) FROM fitting
        UNION ALL SELECT 'all', NULL, '', count(*) FROM hits
        {AS_WRITTEN if _is_accented(asked.words) else ""}
        {" ".join(_counts(name, chosen) for name in FACETS)}
    """  # noqa: S608
    others = [variant.words for variant in also]
    parameters = [
        *others,
        *others,
        *others,
        asked.words,
        *hit_parameters,
        *offer_parameters,
        *(chosen[name] for name in tests),
    ]
    return statement, [*parameters, PAGE_SIZE, _skipped(asked)]


def _offers(which: str) -> tuple[str, list]:
    """By which ways each dataset is offered today: only the policies themselves know which of them are in force."""
    policies, parameters = (
        SharingPolicy.objects.in_force().order_by().values("dataset_id", "modes").query.sql_with_params()
    )
    statement = f"""SELECT dataset_id, array_agg(DISTINCT mode) AS modes
                    FROM ({policies}) AS policies (dataset_id, policy_modes), unnest(policy_modes) AS mode
                    WHERE {which} GROUP BY dataset_id"""  # noqa: S608
    return statement, list(parameters)


def _test(name: str) -> str:
    column = FACETS[name]
    return f"{column} && %s" if name in ARRAYS else f"{column} = ANY (%s)"


def _all(names) -> str:
    return " AND ".join(f"fits_{name}" for name in names) or "true"


def _counts(name: str, chosen: dict) -> str:
    """How many hits each value would give beside what is chosen of the other facets."""
    column, others = FACETS[name], _all(other for other in chosen if other != name)
    value = "value" if name in ARRAYS else column
    number, code = (f"{value}", "''") if name in ("owner", "law") else ("NULL", f"{value}::text")
    source = f"flagged, unnest({column}) AS value" if name in ARRAYS else "flagged"
    return f"UNION ALL SELECT '{name}', {number}, {code}, count(*) FROM {source} WHERE {others} GROUP BY {value}"  # noqa: S608


def _page(asked: Asked) -> str:
    """The ids of one page, each with its place."""
    if asked.order == Sort.RELEVANCE and asked.words:
        rows, order = _ranked(asked), "step DESC, length, dataset_id"
    else:
        # IS TRUE keeps this from becoming a join: the index gives the order, and the page ends the walk.
        rows = "registry_searchdocument WHERE is_listed AND (dataset_id IN (SELECT dataset_id FROM fitting)) IS TRUE"
        order = _order(asked)
    page = f"SELECT dataset_id FROM {rows} ORDER BY {order} LIMIT %s OFFSET %s"  # noqa: S608
    return f"SELECT dataset_id, row_number() OVER () AS place FROM ({page}) AS ordered"  # noqa: S608


def _order(asked: Asked) -> str:
    language = "en" if (get_language() or "vi").startswith("en") else "vi"
    title, owner = (f"{name}_{language}{vietnamese_collation()}" for name in ("title", "owner"))
    if asked.order == Sort.UPDATED:
        return "modified_at DESC, dataset_id DESC"
    return f"{owner}, {title}, dataset_id" if asked.order == Sort.OWNER else f"{title}, dataset_id"


def _is_accented(words: str) -> bool:
    """Who types without accents may mean any: that some name is written like this says nothing then."""
    return plain(words) != words


def _ranked(asked: Asked) -> str:
    if asked.page * PAGE_SIZE > RANKED:
        return "fitting"
    return f"""(
        SELECT best.dataset_id, best.length, best.step
            + CASE WHEN asked.written IN (registry_words(doc.title_vi), registry_words(doc.title_en)) THEN 6
                   WHEN asked.unaccented IN (registry_words(registry_plain(doc.title_vi)), registry_words(registry_plain(doc.title_en)))
                   THEN 3 ELSE 0 END
            + CASE WHEN doc.exact @@ asked.exact_whole THEN {9 if _is_accented(asked.words) else 0} ELSE 0 END
            + CASE WHEN doc.plain @@ asked.whole THEN 6 ELSE 0 END
            + CASE WHEN doc.exact @@ asked.exact THEN 1 ELSE 0 END
            + CASE WHEN doc.heading @@ asked.phrase THEN 2 ELSE 0 END
            + CASE WHEN doc.exact @@ asked.exact_phrase THEN 1 ELSE 0 END
            + COALESCE(ts_rank_cd(doc.heading, asked.plain, 1), 0)
            + COALESCE(ts_rank_cd('{{0.05, 0.2, 0.4, 1.0}}', doc.plain, asked.plain, 32), 0) AS step
        FROM (SELECT * FROM fitting ORDER BY step DESC, length, dataset_id LIMIT {RANKED}) AS best
        JOIN registry_searchdocument doc USING (dataset_id) CROSS JOIN asked
    ) AS ranked"""  # noqa: S608
