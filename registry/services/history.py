"""Who acts, and why: told to the database, whose triggers write it beside every change of the registry."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.db import connection, models, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from registry.choices import Operation
from registry.models import RegistryChange, User

ACTOR, REASON = "ndc.actor", "ndc.reason"
LONGEST_REASON = 500
HIDDEN = "changed"
# What readers of the catalogue are told of: descriptions, never people, connections or drafts.
PUBLIC_FIELDS = (
    "title_vi",
    "title_en",
    "description",
    "description_en",
    "themes",
    "keywords",
    "spatial",
    "temporal_from",
    "temporal_to",
    "frequency",
    "update_frequency",
    "contact_email",
    "landing_page",
    "access_rights",
    "applicable_legislation",
    "is_published",
)
MOST_PUBLIC = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One column in one change, as a person reads it; both values are None where they are not kept."""

    label: str | Promise
    old: str | None
    new: str | None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """One change with the names of the people and columns in it."""

    change: RegistryChange
    thing: str  # what kind of row
    name: str  # which; its number where it is no longer there
    who: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class PublicChange:
    day: datetime
    fields: list


@contextmanager
def acting(*, by: User | None, reason: str = "") -> Iterator[None]:
    """Changes within are this person's, for this reason; one transaction, and what stood before stands again after."""
    with transaction.atomic():
        before = _settings()
        _set(str(by.public_id) if by else "", reason, local=True)
        yield
        _set(*before, local=True)


def begin(*, by: User) -> None:
    """From now on this session's changes are this person's; `end` it in any case."""
    _set(str(by.public_id), "", local=False)


def end() -> None:
    _set("", "", local=False)


def _settings() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s, true), current_setting(%s, true)", [ACTOR, REASON])
        return tuple(value or "" for value in cursor.fetchone())


def _set(actor: str, reason: str, *, local: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(%s, %s, %s), set_config(%s, %s, %s)",
            [ACTOR, actor, local, REASON, reason.replace("\0", "")[:LONGEST_REASON], local],
        )


def of_row(thing: models.Model, parts: dict[type[models.Model], list[int]]) -> models.QuerySet[RegistryChange]:
    """The changes of a row, and of the parts that belong to it (model -> ids)."""
    condition = models.Q(table_name=thing._meta.db_table, row_id=thing.pk)
    for model, ids in parts.items():
        condition |= models.Q(table_name=model._meta.db_table, row_id__in=ids)
    return RegistryChange.objects.filter(condition)


def told(changes: list[RegistryChange]) -> list[Told]:
    """The changes in words: a query for the people, and one for each kind of row that is named in them."""
    people = {str(user.public_id): user for user in User.objects.filter(public_id__in=_actors(changes))}
    names = _names(changes)
    return [
        Told(
            change,
            _thing(change),
            names.get((model_of(change.table_name), change.row_id), f"#{change.row_id}"),
            _who(change, people),
            [_line(change, *item, names) for item in _columns(change)],
        )
        for change in changes
    ]


def public_changes(dataset: models.Model) -> list[PublicChange]:
    """When the published description changed, and which parts of it; neither values nor people."""
    changes = RegistryChange.objects.of(dataset).filter(
        operation=Operation.UPDATE, values__has_any_keys=_public_columns()
    )
    found = []
    for change in changes[:MOST_PUBLIC]:
        model = type(dataset)
        labels = [
            field.verbose_name for field in map(model._meta.get_field, PUBLIC_FIELDS) if field.column in change.values
        ]
        found.append(PublicChange(change.changed_at, labels))
    return found


def _public_columns() -> list[str]:
    return [apps.get_model("registry.dataset")._meta.get_field(name).column for name in PUBLIC_FIELDS]


def _actors(changes) -> set[str]:
    return {change.actor for change in changes if change.actor}


def model_of(table: str) -> type[models.Model] | None:
    every = apps.get_models(include_auto_created=True)
    return next((model for model in every if model._meta.db_table == table), None)


def _field(change: RegistryChange, column: str) -> models.Field | None:
    model = model_of(change.table_name)
    return next((field for field in model._meta.concrete_fields if field.column == column), None) if model else None


def _thing(change: RegistryChange) -> str:
    model = model_of(change.table_name)
    return str(model._meta.verbose_name) if model else change.table_name


def _who(change: RegistryChange, people: dict[str, User]) -> str:
    if change.actor:
        return str(people.get(change.actor, change.actor))
    return _("Without a person (database account %(role)s)") % {"role": change.database_role}


def _columns(change: RegistryChange) -> list[tuple[str, object, object]]:
    if change.operation == Operation.UPDATE:
        return [
            (name, *(value if isinstance(value, list) else (HIDDEN, HIDDEN))) for name, value in change.values.items()
        ]
    is_new = change.operation == Operation.INSERT
    shown = [(name, value) for name, value in change.values.items() if value not in ("", [], {}) and name != "id"]
    return [(name, None if is_new else value, value if is_new else None) for name, value in shown]


def _names(changes) -> dict[tuple[type[models.Model], int], str]:
    """The names of the rows that were changed, and of those that foreign keys in the changes point to."""
    wanted: dict[type[models.Model], set[int]] = {}
    for change in changes:
        if model := model_of(change.table_name):
            wanted.setdefault(model, set()).add(change.row_id)
        for column, old, new in _columns(change):
            field = _field(change, column)
            if field is not None and field.related_model is not None:
                wanted.setdefault(field.related_model, set()).update(v for v in (old, new) if isinstance(v, int))
    return {(model, row.pk): str(row) for model, ids in wanted.items() for row in _rows(model, ids)}


def _rows(model: type[models.Model], ids: set[int]) -> models.QuerySet:
    """With what their names are made of: else each would be a query more."""
    related = [field.name for field in model._meta.concrete_fields if field.is_relation]
    return model._base_manager.filter(pk__in=ids).select_related(*related)


def _line(change: RegistryChange, column: str, old, new, names) -> Line:
    field = _field(change, column)
    label = field.verbose_name if field is not None else column
    if HIDDEN in (old, new):
        return Line(label, None, None, is_hidden=True)
    return Line(label, *(_shown(field, value, names) for value in (old, new)))


def _shown(field: models.Field | None, value, names) -> str | None:
    if value is None or value == "":
        return None
    if field is not None and field.related_model is not None:
        return names.get((field.related_model, value), str(value))
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    choices = dict(field.flatchoices) if field is not None and field.choices else {}
    if isinstance(value, list | dict):
        return ", ".join(str(item) for item in value)
    return str(choices.get(value, value))
