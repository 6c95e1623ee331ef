"""Taking metadata back from spreadsheets: what a file would change, and what became of it. `import_runs` carries it out."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from registry import citations, spreadsheets
from registry.choices import RowOutcome
from registry.errors import RegistryRefusal
from registry.metadata_sheets import SHEETS, VERSION, Column, Reading, Sheet, parsed, plain_key, sheet_of
from registry.models import Dataset, MetadataImport, User
from registry.remembering import remembered
from registry.roles import agencies_served, sees_every_agency
from registry.services import protection, records, stewards

BATCH = 500
MOST_NAMED = 20  # of the rows of one refusal, in the ledger


@dataclass
class Refused:
    """Rows of a file against which a rule stood, not a spelling: one entry for each rule goes on record."""

    keys: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, code: str, key: tuple[str, ...]) -> None:
        self.keys[code].append(key)

    def add_foreign(self, sheet: Sheet, asked: list, known: dict) -> None:
        """Rows that exist, and are not the person's to change; the person is told no more than that of unknown ones."""
        missing = [key for key in asked if plain_key(*key) not in known]
        exist = found_in(sheet, sheet.model.objects.all(), missing) if missing else {}
        for key in dict.fromkeys(plain_key(*key) for key in missing):
            if key in exist:
                self.add("not-allowed", key)

    def record(self, *, staged: MetadataImport, by: User) -> None:
        for code, keys in self.keys.items():
            records.record_refusal(
                model=MetadataImport,
                thing=staged,
                by=by,
                error=RegistryRefusal(code, code),
                details={"rows": len(keys), "named": [" ".join(key) for key in keys[:MOST_NAMED]]},
            )


def changeable(sheet: Sheet, by: User) -> QuerySet:
    """The rows whose description the person may change now: by role, of the own agencies only where the role is no wider;
    or as a steward of the dataset."""
    rows = sheet.model.objects.all()
    if not _has_role(sheet, by):
        return rows.filter(**{f"{sheet.dataset_path}__in": stewards.entrusted_to(by)})
    return rows if sees_every_agency(by) else rows.filter(**{f"{sheet.owner_path}__in": agencies_served(by)})


def open_columns(sheet: Sheet, by: User) -> set[str]:
    """The columns in which the person may change anything."""
    names = {column.name for column in sheet.columns}
    return names if _has_role(sheet, by) else names & stewards.DESCRIBED


def _has_role(sheet: Sheet, by: User) -> bool:
    return by.has_perm(f"registry.change_{sheet.model._meta.model_name}")


@remembered
def can_import(user: User) -> bool:
    return user.has_perm("registry.add_metadataimport") or stewards.entrusted_to(user).exists()


def stage(*, file: BinaryIO, file_name: str, by: User) -> MetadataImport:
    """Keep what the file would change until it is confirmed; nothing changes yet. Raises RegistryRefusal."""
    sheet, columns, lines = _table(file)
    if not _has_role(sheet, by) and not stewards.entrusted_to(by).exists():
        raise RegistryRefusal("not-allowed", _("Your role does not let you change these descriptions."))
    reading, may = Reading.begin(), open_columns(sheet, by)
    closed = [column for column in columns if column.name not in may]
    columns = [column for column in columns if column.name in may]
    rows, refused = [], Refused()
    seen = Counter(plain_key(*(line[name] for name in sheet.key)) for _number, line in lines)
    lines = iter(lines)
    while batch := list(islice(lines, BATCH)):
        known = _known(sheet, changeable(sheet, by), batch)
        refused.add_foreign(sheet, [[line[name] for name in sheet.key] for _number, line in batch], known)
        for number, line in batch:
            key = plain_key(*(line[name] for name in sheet.key))
            rows.append(
                {"line": number, "key": list(key), **_judged(sheet, columns, known.get(key), line, reading, refused)}
            )
            if key in known:
                rows[-1]["notes"] += _not_taken(known[key], line, closed)
            if seen[key] > 1:
                rows[-1] = {"line": number, "key": list(key), "outcome": RowOutcome.TWICE}
    MetadataImport.objects.forgotten().delete()
    staged = MetadataImport.objects.create(
        kind=sheet.kind, file_name=file_name[-150:], uploaded_by=by, rows=rows, counts=counted(rows)
    )
    refused.record(staged=staged, by=by)
    return staged


def results(staged: MetadataImport) -> Iterator[list[str]]:
    """One line for each row of the file: what became of it."""
    sheet = SHEETS[staged.kind]
    yield [_("row"), *sheet.key, _("result"), _("columns"), _("remarks")]
    for row in staged.rows:
        columns = ", ".join(row.get("changes", ()))
        yield [
            str(row["line"]),
            *row["key"],
            str(RowOutcome(row["outcome"]).label),
            columns,
            " ".join([*row.get("problems", ()), *row.get("notes", ())]),
        ]


def previous(staged: MetadataImport) -> Iterator[list[str]]:
    """A file that takes the import back: what the changed rows said before."""
    sheet = SHEETS[staged.kind]
    yield [*sheet.key, VERSION, *(column.name for column in sheet.columns)]
    applied = iter([row for row in staged.rows if row["outcome"] == RowOutcome.APPLIED])
    while batch := list(islice(applied, BATCH)):
        known = found_in(sheet, sheet.model.objects.all(), [row["key"] for row in batch])
        for row in batch:
            thing = known.get(tuple(row["key"]))
            if thing is not None:
                before = {name: old for name, (old, _new) in row["changes"].items()}
                values = [before.get(column.name, column.text_of(thing)) for column in sheet.columns]
                yield [*sheet.key_of(thing), row["version"], *values]


def _table(file: BinaryIO) -> tuple[Sheet, list[Column], list[tuple[int, dict[str, str]]]]:
    """The kind of table, the columns that are there and may come back, and the lines with their numbers."""
    rows = spreadsheets.read(file)
    names = [name.strip().lower() for name in rows[0]] if rows else []
    sheet = sheet_of(names)
    if sheet is None:
        raise RegistryRefusal("header", _("The first row has to hold the names of the columns, as in an export."))
    if len(set(filter(None, names))) != len(list(filter(None, names))):
        raise RegistryRefusal("header", _("A column occurs more than once."))
    columns = [column for column in sheet.columns if column.name in names]
    lines = [
        (number, dict(zip(names, [*row, *[""] * (len(names) - len(row))], strict=False)))
        for number, row in enumerate(rows[1:], start=2)
        if any(value.strip() for value in row)
    ]
    if not lines or not columns:
        raise RegistryRefusal("empty", _("There is nothing in this file that could be taken over."))
    return sheet, columns, lines


def _known(sheet: Sheet, rows: QuerySet, batch: list) -> dict[tuple, Model]:
    return found_in(sheet, rows, [[line[name] for name in sheet.key] for _number, line in batch])


def found_in(sheet: Sheet, rows: QuerySet, keys: list) -> dict[tuple, Model]:
    path = "code__in" if sheet.model is Dataset else "dataset__code__in"
    codes = {str(key[0]).strip() for key in keys}
    return {plain_key(*sheet.key_of(row)): row for row in sheet.prepared(rows.filter(**{path: codes}))}


def _judged(
    sheet: Sheet, columns: list[Column], thing: Model | None, line: dict, reading: Reading, refused: Refused
) -> dict:
    """What a line would do to the row that it names; `thing` is only tried out, never saved."""
    if thing is None:
        return {"outcome": RowOutcome.UNKNOWN}
    seen = sheet.version(thing)
    notes = [
        _("“%(column)s” is not taken over.") % {"column": name}
        for name in sheet.told
        if name in line and line[name].strip().lower() != sheet.told_of(thing, name).lower()
    ]
    changes, problems = {}, []
    for column in columns:
        old = column.text_of(thing)
        if old.strip() == line[column.name].strip():
            continue
        try:
            protection.check_no_secret(text=line[column.name])
            setattr(thing, column.name, parsed(column, thing, line[column.name], reading))
        except RegistryRefusal as refusal:
            refused.add(refusal.code, sheet.key_of(thing))
            problems.append(f"{column.name}: {refusal}")
            continue
        except ValidationError as error:
            problems.append(f"{column.name}: {' '.join(error.messages)}")
            continue
        if column.text_of(thing) != old:
            changes[column.name] = [old, column.text_of(thing)]
    if "applicable_legislation" in changes and (law := thing.applicable_legislation):
        notes += [str(reason) for reason in [citations.warning(law)] if reason]
    problems += _contradictions(thing, changes)
    outcome = RowOutcome.CHANGE if changes else RowOutcome.SAME
    if problems:
        outcome = RowOutcome.INVALID
    elif changes and line[VERSION].strip() != seen:
        outcome = RowOutcome.CONFLICT
    return {"outcome": outcome, "seen": seen, "changes": changes, "problems": problems, "notes": notes}


def _not_taken(thing: Model, line: dict, closed: list[Column]) -> list[str]:
    return [
        _("“%(column)s” is not taken over: it is not a steward's to say.") % {"column": column.name}
        for column in closed
        if line[column.name].strip() != column.text_of(thing).strip()
    ]


def _contradictions(thing: Model, changes: dict) -> list[str]:
    first, last = getattr(thing, "temporal_from", None), getattr(thing, "temporal_to", None)
    if first and last and last < first and {"temporal_from", "temporal_to"} & set(changes):
        return [_("The time described cannot end before it begins.")]
    return []


def counted(rows: list[dict]) -> dict[str, int]:
    return dict(Counter(str(row["outcome"]) for row in rows))
