"""What a connection of each engine takes: declared by its connector as data, shown and checked wherever one is entered."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

SSL_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class Parameter:
    """One thing that a connection needs or may have. A secret is stored encrypted and never shown again."""

    name: str  # the field of a connection that holds it
    label: Promise
    kind: str = "text"  # or "port", "choice", "secret"
    required: bool = True
    default: Any = None
    choices: tuple[str, ...] = ()

    @property
    def secret(self) -> bool:
        return self.kind == "secret"


def database(label: Promise | None = None) -> Parameter:
    return Parameter("name", label or gettext_lazy("Database"))


def network(
    port: int, *, name: Parameter | None = None, sslmodes: tuple[str, ...] = SSL_MODES
) -> tuple[Parameter, ...]:
    """Those of a database server."""
    return (
        Parameter("host", gettext_lazy("Host")),
        Parameter("port", gettext_lazy("Port"), kind="port", default=port),
        name or database(),
        Parameter("username", gettext_lazy("Account")),
        Parameter("credential", gettext_lazy("Password"), kind="secret", required=False),
        Parameter("sslmode", gettext_lazy("TLS"), kind="choice", default="verify-full", choices=sslmodes),
    )


NAMES = tuple(parameter.name for parameter in network(0))


def problems(declared: tuple[Parameter, ...], given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What stands against the values of a form, by name: something is missing, not known, or not of this engine.

    Defaults have been put in by then (`with_defaults`).
    """
    known = {parameter.name: parameter for parameter in declared}
    for name in NAMES:
        parameter, value = known.get(name), given.get(name)
        if parameter is None:
            if value not in (None, ""):
                yield name, _("Connections of this engine do not have this. Leave it empty.")
        elif parameter.required and value in (None, ""):
            yield name, _("Connections of this engine need this.")
        elif parameter.choices and value not in (None, "", *parameter.choices):
            yield name, _("Choose one of: %(choices)s.") % {"choices": ", ".join(parameter.choices)}


def with_defaults(declared: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and the engine's defaults where none were given."""
    defaults = {parameter.name: parameter.default for parameter in declared if parameter.default is not None}
    return {name: defaults.get(name) if value in (None, "") else value for name, value in given.items()}
