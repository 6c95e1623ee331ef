"""The counter look-up: which record, and for which case."""

from django import forms
from django.utils.html import conditional_escape
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Line
from exchange.services.lookups import KEY_LENGTH


class LookupForm(forms.Form):
    key = Line(max_length=KEY_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))
    case_number = Line(
        label=_("Number of the case for which you need the record"),
        help_text=_("It goes on record together with your name."),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args, key_label: str, key_hint: str = "", **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["key"].label = key_label
        # Help texts may carry markup; this one was typed by the owner.
        self.fields["key"].help_text = conditional_escape(key_hint)
