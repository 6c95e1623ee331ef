"""Form fields for what people type: in NFC before anything is measured, and without characters that cannot be stored."""

import re
import unicodedata
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator, RegexValidator
from django.utils.translation import gettext_lazy as _

from registry.fields import nfc

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
NOT_OFFERED = {"invalid_choice": _("Choose one of what is offered."), "invalid_list": _("Choose from the list.")}


JOINERS = "\u200c\u200d"  # invisible too, but some scripts are written with them


def check_storable(value: str) -> None:
    if "\0" in value or value.encode("utf-8", "ignore").decode() != value:
        raise ValidationError(_("The text contains characters that cannot be stored. Type it anew."))


def without_invisible(value: str) -> str:
    """Without marks that turn the direction of writing or have no width: they make a line read as another one."""
    return "".join(sign for sign in value if sign in JOINERS or unicodedata.category(sign) != "Cf")


class Text(forms.CharField):
    """Text in NFC. Django's own refusal of NUL is not translated; ours says it together with the others."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        foreign = [one for one in self.validators if isinstance(one, ProhibitNullCharactersValidator)]
        self.validators = [check_storable, *(one for one in self.validators if one not in foreign)]

    def to_python(self, value):
        return nfc(super().to_python(value))


class Line(Text):
    """One line: line breaks become spaces, and nothing in it is invisible."""

    def to_python(self, value):
        return re.sub(r"\s+", " ", without_invisible(super().to_python(value))).strip()


class Phone(Line):
    default_validators = [
        RegexValidator(
            r"\A[0-9 +().-]{6,20}\Z",
            _("Enter a phone number: 6 to 20 digits, with spaces, dots, hyphens, brackets or a plus sign if you like."),
        )
    ]


class Block(Text):
    """Several lines, as typed."""

    widget = forms.Textarea(attrs={"rows": 5})

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n")


class Email(Text, forms.EmailField):
    pass


def as_sent(value: str) -> str:
    """A value as browsers send it: every line break becomes CR LF. Names of columns may hold some."""
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


def as_offered(field: forms.ChoiceField, value: str) -> str:
    """The choice that was sent, byte for byte; the value itself where none fits, or more than one."""
    if field.valid_value(value):
        return value
    fitting = [str(offered) for offered, _label in field.choices if as_sent(str(offered)) == as_sent(value)]
    return fitting[0] if len(fitting) == 1 else value


class Choice(forms.ChoiceField):
    default_error_messages = NOT_OFFERED

    def to_python(self, value):
        return as_offered(self, super().to_python(value))


class Choices(forms.MultipleChoiceField):
    default_error_messages = NOT_OFFERED
    widget = forms.CheckboxSelectMultiple

    def to_python(self, value):
        return [as_offered(self, one) for one in super().to_python(value)]


class DayInput(forms.DateInput):
    """The browser's own calendar; a day that it could not show again is shown as it was typed."""

    input_type = "date"

    def __init__(self, attrs=None):
        super().__init__(attrs, format="%Y-%m-%d")

    def get_context(self, name, value, attrs):
        context = super().get_context(name, value, attrs)
        shown = context["widget"]["value"]
        if shown and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", shown):
            context["widget"]["type"] = "text"
        return context


class Day(forms.DateField):
    widget = DayInput
    default_error_messages = {"invalid": _("Enter a day that exists, as day/month/year.")}

    def __init__(self, **kwargs):
        super().__init__(input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"], **kwargs)

    def validate(self, value):
        super().validate(value)
        if value and not EARLIEST <= value <= LATEST:
            raise ValidationError(_("Enter a day between the years 2000 and 2100."))
