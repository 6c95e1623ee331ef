"""What a reader of the catalogue may search by."""

from django import forms
from django.utils.translation import gettext_lazy as _

from registry.catalogue import owners
from registry.choices import AccessRights, Mode
from registry.fields import nfc
from registry.forms.words import Words
from registry.models import Agency


class CatalogueForm(forms.Form):
    q = Words(
        label=_("Search in the catalogue"),
        help_text=_("Words of a title, an agency, a database or a field; with or without accents."),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    owner = forms.ModelChoiceField(
        label=_("Agency that holds the data"),
        queryset=Agency.objects.none(),
        to_field_name="code",
        required=False,
        empty_label=_("All agencies"),
    )
    access = forms.ChoiceField(
        label=_("Access"), choices=[("", _("Any access")), *AccessRights.choices], required=False
    )
    mode = forms.ChoiceField(label=_("Offered as"), choices=[("", _("All methods")), *Mode.choices], required=False)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].queryset = owners()

    def clean_q(self) -> str:
        return nfc(self.cleaned_data["q"])

    @property
    def narrows(self) -> bool:
        """Whether anything at all was asked for."""
        return not self.is_valid() or any(self.cleaned_data.values())
