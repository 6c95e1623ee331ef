"""What changed in a source, in words of the reader's language."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.structures import Change, Severity

_RELATIONS = {
    "table": lambda: _("table"),
    "view": lambda: _("view"),
    "materialized-view": lambda: _("materialised view"),
    "foreign-table": lambda: _("foreign table"),
}
_YES_NO = {"yes": lambda: _("yes"), "no": lambda: _("no")}


def sentence(change: Change) -> str:
    """One change as a sentence. Names stand in it as the source writes them, in quotation marks."""
    told = {
        "column": change.column,
        "before": _known(change.before) or _("nothing"),
        "after": _known(change.after) or _("nothing"),
    }
    kind = "compound-key-added" if change.kind == "key-added" and not change.column else change.kind
    return _SENTENCES[kind]() % told


def report_sentences(report: dict, names_secret: bool) -> list[str]:
    """What a reading of a whole source found, as `registry.services.readings` keeps it.

    Tables that call themselves state secrets are named to whoever asked for the reading, and to nobody else.
    """
    if not report:
        return []
    told = {name: report[f"{name}_count"] for name in ("new", "changed", "gone")}
    told |= {name: report[name] for name in ("new_fields", "gone_fields")}
    sentences = [
        _(
            "Datasets: %(new)s new, %(changed)s changed, %(gone)s gone; "
            "fields: %(new_fields)s new, %(gone_fields)s gone."
        )
        % told
    ]
    skipped, secret = report["skipped_count"], report["secret_count"]
    if skipped:
        sentence = ngettext(
            "One table has names that are too long, and was left out: %(names)s",
            "%(count)s tables have names that are too long, and were left out: %(names)s",
            skipped,
        )
        sentences.append(sentence % {"count": skipped, "names": _first(report["skipped"])})
    if secret:
        sentence = ngettext(
            "One table says in its name or comments that it is a state secret, and was left out: %(names)s",
            "%(count)s tables say in their names or comments that they are state secrets, and were left out: %(names)s",
            secret,
        )
        sentences.append(sentence % {"count": secret, "names": _first(report["secret"] if names_secret else []) or "…"})
    return sentences


def _first(names: list[str]) -> str:
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")


def severity_label(severity: Severity) -> str:
    return _("breaking") if severity is Severity.BREAKING else _("compatible")


def relation(kind: str) -> str:
    return _RELATIONS[kind]() if kind in _RELATIONS else kind


def _known(value: str) -> str:
    known = _RELATIONS.get(value) or _YES_NO.get(value)
    return known() if known else value


_SENTENCES = {
    "table-gone": lambda: _("The table “%(before)s” is gone from the source, or may no longer be read."),
    "table-returned": lambda: _("The table “%(after)s” is there again."),
    "relation-kind": lambda: _("It was a %(before)s and is now a %(after)s."),
    "table-comment": lambda: _("The comment on the table was “%(before)s” and is now “%(after)s”."),
    "partitioning-changed": lambda: _("The table was partitioned by %(before)s and is now by %(after)s."),
    "column-dropped": lambda: _("The column “%(column)s” (%(before)s) is gone."),
    "column-returned": lambda: _("The column “%(column)s” is there again, and may hold something else than before."),
    "column-renamed": lambda: _("The column “%(before)s” is gone; it seems to be called “%(after)s” now."),
    "column-added": lambda: _("The column “%(column)s” (%(after)s) is new."),
    "column-comment": lambda: _("The comment on “%(column)s” was “%(before)s” and is now “%(after)s”."),
    "kind-changed": lambda: _("“%(column)s” holds something else: it was %(before)s and is now %(after)s."),
    "type-narrowed": lambda: _("“%(column)s” became narrower: it was %(before)s and is now %(after)s."),
    "type-changed": lambda: _("The type of “%(column)s” was %(before)s and is now %(after)s."),
    "type-widened": lambda: _("“%(column)s” became wider: it was %(before)s and is now %(after)s."),
    "nullable-changed": lambda: _("Whether “%(column)s” may be empty: %(before)s before, %(after)s now."),
    "key-nullable": lambda: _("“%(column)s” identifies a record and may now be empty."),
    "key-lost": lambda: _("“%(column)s” no longer identifies a single record."),
    "key-part-lost": lambda: _("“%(column)s” is no longer part of a key: %(before)s."),
    "key-added": lambda: _("“%(column)s” now identifies a single record."),
    "compound-key-added": lambda: _("These columns together now identify a single record: %(after)s."),
    "enum-removed": lambda: _("“%(column)s” no longer allows: %(before)s."),
    "enum-added": lambda: _("“%(column)s” also allows: %(after)s."),
    "domain-changed": lambda: _("The domain of “%(column)s” was %(before)s and is now %(after)s."),
    "generation-changed": lambda: _("Whether “%(column)s” is computed: %(before)s before, %(after)s now."),
    "default-changed": lambda: _("Whether “%(column)s” has a default: %(before)s before, %(after)s now."),
    "foreign-key-added": lambda: _("New reference: %(after)s."),
    "foreign-key-lost": lambda: _("The reference is gone: %(before)s."),
    "check-added": lambda: _("New condition on the rows: %(after)s."),
    "check-lost": lambda: _("The condition on the rows is gone: %(before)s."),
    "index-added": lambda: _("New index: %(after)s."),
    "index-lost": lambda: _("The index is gone: %(before)s."),
}
