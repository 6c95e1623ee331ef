"""What a sidecar says about a file, in CSV on the Web (W3C): `<file>-metadata.json` beside the file or the subfolder."""

import json
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from registry.choices import FieldKind
from registry.connectors.base import PermanentSourceError

SUFFIX = "-metadata.json"
LONGEST = 1024 * 1024
LANGUAGES = ("vi", "en", "und")
KINDS = {
    FieldKind.INTEGER: "integer long int short byte nonNegativeInteger positiveInteger unsignedLong unsignedInt unsignedShort",
    FieldKind.NUMBER: "number decimal double float",
    FieldKind.BOOLEAN: "boolean",
    FieldKind.DATE: "date",
    FieldKind.DATETIME: "datetime dateTime dateTimeStamp",
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names.split()}
# The letters of a date's format in the standard, and what they are called here.
DATE_PARTS = {"yyyy": "%Y", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H", "mm": "%M", "ss": "%S"}


@dataclass(frozen=True)
class Described:
    """What is said of one column."""

    kind: FieldKind = FieldKind.TEXT
    datatype: str = "string"
    required: bool = False
    comment: str = ""
    pattern: str = ""  # of a date, as strptime reads it
    decimal_char: str = "."
    group_char: str = ""
    true: str = ""
    false: str = ""


@dataclass(frozen=True)
class Metadata:
    """What is said of one table; nothing where there is no sidecar."""

    comment: str = ""
    columns: dict[str, Described] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    delimiter: str = ""
    quote: str = '"'

    @property
    def key(self) -> str | None:
        """The column that identifies a row by itself."""
        return self.keys[0] if len(self.keys) == 1 else None


def parsed(data: bytes, table: str) -> Metadata:
    try:
        return _parsed(json.loads(data.decode("utf-8-sig")))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise PermanentSourceError(
            "bad-file", _("The description of “%(table)s” is not valid.") % {"table": table}
        ) from None


def _parsed(said):
    schema, dialect = said.get("tableSchema", {}), said.get("dialect", {})
    if (
        str(dialect.get("encoding", "utf-8")).lower().replace("-", "") != "utf8"
        or dialect.get("header", True) is not True
    ):
        raise ValueError
    delimiter, quote = dialect.get("delimiter", ""), dialect.get("quoteChar", '"')
    if len(delimiter) > 1 or len(quote) != 1 or not (delimiter + quote).isascii() or {"\n", "\r"} & {delimiter, quote}:
        raise ValueError
    columns = {}
    for column in schema.get("columns", []):
        described = _column(column)
        columns |= dict.fromkeys(_names(column), described)
    keys = schema.get("primaryKey", [])
    keys = [keys] if isinstance(keys, str) else keys
    return Metadata(
        comment=_text(said, "dc:title", "dc:description", "rdfs:comment"),
        columns=columns,
        keys=tuple(keys),
        delimiter=delimiter,
        quote=quote,
    )


def _names(column):
    titles = column.get("titles", [])
    if isinstance(titles, dict):
        titles = [title for some in titles.values() for title in (some if isinstance(some, list) else [some])]
    titles = titles if isinstance(titles, list) else [titles]
    return [name for name in (column.get("name"), *titles) if isinstance(name, str)]


def _column(column):
    datatype = column.get("datatype", "string")
    details = datatype if isinstance(datatype, dict) else {"base": datatype}
    base, form = details.get("base", "string"), details.get("format", "")
    kind = KIND_OF.get(base, FieldKind.TEXT)
    facts = {"kind": kind, "datatype": base, "required": bool(column.get("required", False))}
    facts["comment"] = _text(column, "dc:description", "rdfs:comment", "dc:title")
    if kind == FieldKind.NUMBER and isinstance(form, dict):
        facts |= {"decimal_char": form.get("decimalChar", "."), "group_char": form.get("groupChar", "")}
        if len(facts["decimal_char"]) != 1 or len(facts["group_char"]) > 1:
            raise ValueError
    elif kind == FieldKind.BOOLEAN and form:
        facts["true"], facts["false"] = form.split("|")
    elif kind in (FieldKind.DATE, FieldKind.DATETIME) and form:
        facts["pattern"] = _pattern(form)
    return Described(**facts)


def _pattern(form):
    pattern, rest = "", form
    while rest:
        part = next((part for part in DATE_PARTS if rest.startswith(part)), None)
        if part is None and rest[0].isalpha() and rest[0] != "T":
            raise ValueError
        pattern += DATE_PARTS[part] if part else rest[0].replace("%", "%%")
        rest = rest[len(part or rest[0]) :]
    return pattern


def _text(said, *names):
    for name in names:
        value = said.get(name)
        if isinstance(value, dict):
            value = next((value[language] for language in LANGUAGES if language in value), None)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
