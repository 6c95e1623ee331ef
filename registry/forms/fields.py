"""What a reader searches fields by."""

from django import forms
from django.utils.translation import gettext_lazy as _

from registry.fields import nfc
from registry.forms.words import Words


class FieldForm(forms.Form):
    q = Words(
        label=_("Name or title of a field"),
        help_text=_("For example so_dinh_danh, or: date of birth; with or without accents."),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def clean_q(self) -> str:
        return nfc(self.cleaned_data["q"])
