"""Which metadata goes out to spreadsheets and may come back: columns, how they are written and read, and a row's version."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from registry import legal_numbers
from registry.choices import Frequency, SheetKind, Theme
from registry.errors import RegistryRefusal
from registry.fields import nfc
from registry.models import Dataset, Field, LegalInstrument
from registry.services import places
from registry.spreadsheets import ILLEGAL

VERSION = "version"
LISTED = "; "


@dataclass(frozen=True)
class Column:
    """A column that may come back: how a value is written, and how what came back is read."""

    name: str
    write: Callable[[Model], str] | None = None
    read: Callable[[str, "Reading"], object] | None = None

    def text_of(self, row: Model) -> str:
        return self.write(row) if self.write else str(getattr(row, self.name) or "")


@dataclass
class Reading:
    """What is looked up once for a whole file."""

    laws: dict[str, LegalInstrument] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)

    @classmethod
    def begin(cls) -> "Reading":
        return cls({law.number_key: law for law in LegalInstrument.objects.all()}, places.codes_of_today())


@dataclass(frozen=True)
class Sheet:
    """One kind of table: datasets, or the fields of datasets."""

    kind: SheetKind
    model: type[Model]
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    told: tuple[str, ...]  # columns that go out for the reader only; what comes back in them is not taken over
    owner_path: str
    dataset_path: str

    @property
    def header(self) -> list[str]:
        return [*self.key, VERSION, *self.told, *(column.name for column in self.columns)]

    def rows(self, found: QuerySet):
        """The table with its header; needs `prepared`."""
        yield self.header
        for row in found.iterator(chunk_size=1_000):
            yield [
                *self.key_of(row),
                self.version(row),
                *(self.told_of(row, name) for name in self.told),
                *(column.text_of(row) for column in self.columns),
            ]

    def prepared(self, found: QuerySet) -> QuerySet:
        if self.model is Dataset:
            return found.select_related("database", "applicable_legislation").order_by("code")
        return (
            found.filter(removed_at__isnull=True).select_related("dataset").order_by("dataset__code", "position", "pk")
        )

    def key_of(self, row: Model) -> tuple[str, ...]:
        return (row.code,) if self.model is Dataset else (row.dataset.code, row.name)

    def version(self, row: Model) -> str:
        """Changes with any value that may come back: it tells whether a row is still as it was when it went out."""
        said = "\x1f".join(f"{column.name}={column.text_of(row)}" for column in self.columns)
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def told_of(self, row: Model, name: str) -> str:
        if name == "database":
            return row.database.code
        return str(getattr(row, name)).lower() if isinstance(getattr(row, name), bool) else str(getattr(row, name))


def _list(text: str) -> list[str]:
    parts = (part.strip() for part in text.replace("\n", ";").split(";"))
    return list(dict.fromkeys(part for part in parts if part))


def _themes(text: str, reading: Reading) -> list[str]:
    codes = [part.upper() for part in _list(text.replace(",", ";"))]
    unknown = [code for code in codes if code not in Theme.values]
    if unknown:
        raise _unknown(", ".join(unknown), Theme)
    return codes


def _unknown(codes: str, known) -> ValidationError:
    told = {"codes": codes[:50], "known": ", ".join(f"{one.value} ({one.label})" for one in known)}
    return ValidationError(_("Unknown code: %(codes)s. Known are: %(known)s.") % told)


def _keywords(text: str, reading: Reading) -> list[str]:
    words = _list(text)
    if any(len(word) > 100 for word in words):
        raise ValidationError(_("A keyword has 100 characters at most."))
    return words


def _frequency(text: str, reading: Reading) -> str:
    code = text.strip().upper()
    if code and code not in Frequency.values:
        raise _unknown(text, Frequency)
    return code


def _day(text: str, reading: Reading):
    text = text.strip()
    for pattern in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(text, pattern).date() if text else None  # noqa: DTZ007 - a day has no time zone
        except ValueError:
            continue
    raise ValidationError(_("No day: write it as 2026-07-01 or 01/07/2026."))


def _law(text: str, reading: Reading) -> LegalInstrument | None:
    if not text.strip():
        return None
    found = reading.laws.get(legal_numbers.key_of(text))
    if found is None:
        raise ValidationError(_("No legal instrument with this number: %(number)s") % {"number": text[:50]})
    return found


def _area(text: str, reading: Reading) -> str:
    code = text.strip().upper()
    try:
        places.check_area(code, reading.units)
    except RegistryRefusal as refusal:  # a slip, not a breach that goes on record
        raise ValidationError(str(refusal)) from None
    return code


def _number_of_law(row: Dataset) -> str:
    return row.applicable_legislation.number if row.applicable_legislation else ""


def _listed(name: str) -> Callable[[Model], str]:
    return lambda row: LISTED.join(getattr(row, name))


DATASETS = Sheet(
    SheetKind.DATASETS,
    Dataset,
    ("code",),
    (
        Column("title_vi"),
        Column("title_en"),
        Column("description"),
        Column("description_en"),
        Column("themes", _listed("themes"), _themes),
        Column("keywords", _listed("keywords"), _keywords),
        Column("spatial", None, _area),
        Column("temporal_from", None, _day),
        Column("temporal_to", None, _day),
        Column("frequency", None, _frequency),
        Column("update_frequency"),
        Column("contact_email"),
        Column("landing_page"),
        Column("applicable_legislation", _number_of_law, _law),
    ),
    ("database", "access_rights", "is_published"),
    "database__owner",
    "pk",
)
FIELDS = Sheet(
    SheetKind.FIELDS,
    Field,
    ("dataset", "name"),
    (Column("title_vi"), Column("title_en"), Column("description")),
    ("native_type", "personal_data"),
    "dataset__database__owner",
    "dataset",
)
SHEETS = {sheet.kind: sheet for sheet in (DATASETS, FIELDS)}


def parsed(column: Column, row: Model, text: str, reading: Reading):
    """The value that a cell means, checked as the form would; raises ValidationError."""
    if column.read:
        value = column.read(text, reading)
        if value is None or not isinstance(value, str):
            return value
        text = value
    return row._meta.get_field(column.name).clean(text.strip(), row)


def plain_key(*parts: str) -> tuple[str, ...]:
    """The key of a row as it comes back: without what a spreadsheet cannot carry."""
    return tuple(nfc(ILLEGAL.sub("", part)).strip() for part in parts)


def sheet_of(header: list[str]) -> Sheet | None:
    """Which kind of table begins with this header."""
    names = {name.strip().lower() for name in header}
    return next((sheet for sheet in reversed(SHEETS.values()) if {*sheet.key, VERSION} <= names), None)
