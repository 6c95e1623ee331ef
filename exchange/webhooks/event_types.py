"""The types of events, as data: read from what is announced of each move."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from exchange.announcements import ANNOUNCEMENTS
from exchange.states import TABLES, AgreementStatus, Table

TEST = "webhook.test"  # about nothing but the endpoint itself
AGREED = f"agreement.{AgreementStatus.AGREED}"  # begins without a move
# What is no state.
OTHERS = {
    "agreement.stop-announced": _("A stop was announced"),
    "agreement.stop-called-off": _("What was announced was called off"),
    "agreement.confirmed": _("The need was confirmed"),
}
LABELS = {"request": _("Request"), "agreement": _("Agreement"), "delivery": _("Delivery")}


def type_of(table: str, state: str) -> str:
    return f"{table}.{state}"


def _types_of(table: Table) -> Iterator[str]:
    told = {target for name, _move, target in ANNOUNCEMENTS if name == table.name}
    for state in table.statuses.values:
        kind = type_of(table.name, state)
        if state in told or kind == AGREED:
            yield kind
    yield from (kind for kind in OTHERS if kind.startswith(f"{table.name}."))


TYPES: tuple[str, ...] = tuple(kind for table in TABLES for kind in _types_of(table))


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """For forms: the types under the thing that they are about, in words."""
    return [(str(LABELS[table.name]), [(kind, _label(table, kind)) for kind in _types_of(table)]) for table in TABLES]


def in_words(kind: str) -> str:
    """For people: “Request: Returned for correction”; what is not known (any more) as it is."""
    if kind == TEST:
        return str(_("Test event"))
    name = kind.partition(".")[0]
    table = next((one for one in TABLES if one.name == name), None)
    if kind not in TYPES or table is None:
        return kind
    return f"{LABELS[name]}: {_label(table, kind)}"


def _label(table: Table, kind: str) -> str:
    return str(OTHERS.get(kind) or table.statuses(kind.partition(".")[2]).label)
