"""The row filter of a request: a few lines of field, condition and values, written as clerks write them."""

import re

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Block, Choice
from exchange.services.scopes import LONGEST_VALUE, MOST_VALUES
from registry.choices import FieldKind, Operator
from registry.connectors import Condition, SourceError, filters
from registry.models import Field
from registry.terms import grouped

LINES = 3
# What a browser cuts off at this length has too many values, or too long ones, and is refused for that.
LONGEST_LIST = MOST_VALUES * (LONGEST_VALUE + 2)
YES, NO = {"true", "1", "yes", "có", "đúng"}, {"false", "0", "no", "không", "sai"}


class FilterForm(forms.Form):
    """One line. `condition` is None where it was left empty."""

    field = Choice(label=_("Field"), required=False)
    operator = Choice(label=_("Condition"), required=False, choices=[("", "—"), *Operator.choices])
    values = Block(
        label=_("Values, one on each line"),
        required=False,
        max_length=LONGEST_LIST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args, filterable: list[Field], **kwargs):
        super().__init__(*args, **kwargs)
        self.filterable = {field.name: field for field in filterable}
        self.fields["field"].choices = [("", "—"), *((name, field.title) for name, field in self.filterable.items())]
        self.fields["field"].error_messages["invalid_choice"] = _(
            "Rows cannot be filtered by this field. Choose one of those offered."
        )

    def clean(self) -> dict:
        data = super().clean()
        name, operator = data.get("field"), data.get("operator")
        values = [line.strip() for line in (data.get("values") or "").split("\n") if line.strip()]
        self.condition = None
        if self.errors or not (name or operator or values):
            return data
        if not name:
            self.add_error("field", _("Choose the field, or empty this line."))
        elif not operator:
            self.add_error("operator", _("Choose the condition."))
        else:
            self.condition = self._checked(self.filterable[name], operator, values)
        return data

    def _checked(self, field: Field, operator: str, values: list[str]) -> dict | None:
        if len(values) > MOST_VALUES:
            most = {"count": grouped(MOST_VALUES)}
            self.add_error("values", _("At most %(count)s values fit into one condition.") % most)
            return None
        if any(len(value) > LONGEST_VALUE for value in values):
            self.add_error("values", _("A value has at most %(length)d characters.") % {"length": LONGEST_VALUE})
            return None
        values = tuple(as_stored(field.kind, value) for value in values)
        try:
            filters.checked_values(
                Condition(field=field.name, kind=field.kind, operator=Operator(operator), values=values)
            )
        except SourceError:
            self.add_error("values", _hint(field, operator))
            return None
        return {"field": field.name, "operator": operator, "values": list(values)}


def _hint(field: Field, operator: str):
    if operator == Operator.BETWEEN:
        return _("Enter two values that fit “%(field)s”: the lowest on the first line, the highest on the second.") % {
            "field": field.title
        }
    if operator == Operator.IS_NULL:
        return _("Leave the values empty with this condition.")
    return _("Enter values that fit “%(field)s” (%(kind)s) and this condition.") % {
        "field": field.title,
        "kind": field.get_kind_display(),
    }


def as_stored(kind: str, value: str) -> str:
    """A typed value in the notation that sources are asked in; what is not understood stays, and is refused later."""
    if kind in (FieldKind.DATE, FieldKind.DATETIME):
        day = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", value, re.ASCII)
        return f"{day[3]}-{int(day[2]):02}-{int(day[1]):02}" if day else value
    if kind == FieldKind.BOOLEAN:
        return "true" if value.lower() in YES else "false" if value.lower() in NO else value
    return value


def as_shown(kind: str, value: str) -> str:
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", value, re.ASCII)
    return f"{day[3]}/{day[2]}/{day[1]}" if day and kind in (FieldKind.DATE, FieldKind.DATETIME) else value


class FilterLines:
    """The lines together, as one part of the request's first screen."""

    def __init__(self, data, *, filterable: list[Field], saved: list[dict]):
        kinds = {field.name: field.kind for field in filterable}
        self.forms = [
            FilterForm(
                data,
                prefix=f"filter{number}",
                filterable=filterable,
                initial=_initial(saved[number], kinds) if number < len(saved) else {},
            )
            for number in range(max(LINES, len(saved)))
        ]

    def is_valid(self) -> bool:
        valid = [form.is_valid() for form in self.forms]  # every line is checked, so that all is mended in one go
        return all(valid)

    @property
    def conditions(self) -> list[dict]:
        return [form.condition for form in self.forms if form.condition]


def _initial(line: dict, kinds: dict[str, str]) -> dict:
    kind = kinds.get(line["field"], "")
    return {
        "field": line["field"],
        "operator": line["operator"],
        "values": "\n".join(as_shown(kind, value) for value in line.get("values", ())),
    }
