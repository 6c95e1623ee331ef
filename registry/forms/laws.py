"""What a reader of the list of laws may search by."""

from datetime import date

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from registry.choices import InstrumentKind
from registry.fields import nfc
from registry.forms.words import Words

IN_FORCE, NOT_IN_FORCE = "in-force", "not-in-force"
EARLIEST, LATEST = date(1945, 9, 2), date(2100, 12, 31)


class LawForm(forms.Form):
    q = Words(
        label=_("Number or words of the title"),
        help_text=_("However you type it: 278/2025/NĐ-CP, nd 278, chia sẻ dữ liệu."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=[("", _("All kinds")), *InstrumentKind.choices], required=False)
    day = forms.DateField(
        label=_("State on this day"),
        required=False,
        input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter a day that exists, as day/month/year.")},
    )
    state = forms.ChoiceField(
        label=_("State"),
        choices=[("", _("All")), (IN_FORCE, _("In force")), (NOT_IN_FORCE, _("Not in force"))],
        required=False,
    )

    def clean_q(self) -> str:
        return nfc(self.cleaned_data["q"])

    def clean_day(self) -> date:
        day = self.cleaned_data["day"] or timezone.localdate()
        if not EARLIEST <= day <= LATEST:
            raise forms.ValidationError(_("Enter a day between the years 1945 and 2100."))
        return day
