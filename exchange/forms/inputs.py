"""Form fields for what people type: in NFC before anything is measured, and without characters that cannot be stored."""

import re
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from registry.fields import nfc

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
NOT_OFFERED = {"invalid_choice": _("Choose one of what is offered."), "invalid_list": _("Choose from the list.")}


def check_storable(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValidationError(_("The text contains characters that cannot be stored. Type it anew.")) from None


class Line(forms.CharField):
    """One line: line breaks become spaces."""

    default_validators = [check_storable]

    def to_python(self, value):
        return re.sub(r"\s+", " ", nfc(super().to_python(value)))


class Block(forms.CharField):
    """Several lines, as typed."""

    widget = forms.Textarea(attrs={"rows": 5})
    default_validators = [check_storable]

    def to_python(self, value):
        return nfc(super().to_python(value)).replace("\r\n", "\n")


class Email(forms.EmailField):
    default_validators = [*forms.EmailField.default_validators, check_storable]

    def to_python(self, value):
        return nfc(super().to_python(value))


class Choice(forms.ChoiceField):
    default_error_messages = NOT_OFFERED


class Choices(forms.MultipleChoiceField):
    default_error_messages = NOT_OFFERED
    widget = forms.CheckboxSelectMultiple


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
