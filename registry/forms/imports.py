"""The file with which metadata comes back."""

from django import forms
from django.utils.translation import gettext_lazy as _


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_("XLSX, or CSV in UTF-8 or UTF-16: an export of this portal with changed cells. 10 MB at most."),
        max_length=255,
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv,.txt"}),
    )


class ConfirmForm(forms.Form):
    """Why the rows are to change; the service asks for it, too."""

    reason = forms.CharField(
        label=_("Reason for the change"),
        help_text=_("Stands in the history beside every row that changes."),
        max_length=500,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
