"""What a reader of the list of agencies may search by."""

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.choices import AgencyKind
from registry.fields import nfc
from registry.forms.words import Words


class AgencyForm(forms.Form):
    q = Words(
        label=_("Name or code"),
        help_text=_("With or without accents; also an electronic identifier such as 000.00.00.G09."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("All kinds")), *AgencyKind.choices], required=False)

    def clean_q(self) -> str:
        return nfc(self.cleaned_data["q"])


class ProvinceForm(forms.Form):
    code = Words(label=_("Code"), max_length=10, required=False)
    day = forms.DateField(
        label=_("State on this day"),
        required=False,
        input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter a day that exists, as day/month/year.")},
    )

    def clean_day(self):
        return self.cleaned_data["day"] or timezone.localdate()
