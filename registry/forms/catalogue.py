"""What a reader of the catalogue may search by."""

import re

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from registry.choices import AccessRights, Classification, Mode, PersonalData, Theme
from registry.fields import nfc
from registry.forms.words import Words
from registry.models import Agency, LegalInstrument
from registry.search import Asked, Sort

MOST_CHOSEN = 30  # of one facet


class Several(forms.MultipleChoiceField):
    """Any of a closed list, by repeating the name in the address."""

    def __init__(self, label, choices) -> None:
        super().__init__(label=label, choices=choices, required=False)

    def to_python(self, value) -> list[str]:
        return list(dict.fromkeys(one for one in super().to_python(value) if one))[:MOST_CHOSEN]


class SeveralRows(forms.Field):
    """Any rows of a table, by their codes."""

    widget = forms.SelectMultiple
    code = re.compile(r"[\w.-]{1,80}\Z")

    def __init__(self, label, queryset, name: str) -> None:
        super().__init__(label=label, required=False)
        self.queryset, self.name = queryset, name

    def to_python(self, value) -> list:
        codes = list(dict.fromkeys(one for one in value or [] if one))[:MOST_CHOSEN]
        if not codes:
            return []
        readable = [one for one in codes if self.code.match(one)]
        found = list(self.queryset.all().filter(**{f"{self.name}__in": readable})) if readable else []
        if len(found) < len(codes):
            known = {getattr(one, self.name) for one in found}
            wrong = next(one for one in codes if one not in known)
            raise ValidationError(
                forms.MultipleChoiceField.default_error_messages["invalid_choice"], params={"value": wrong[:80]}
            )
        return found


class CatalogueForm(forms.Form):
    q = Words(
        label=_("Search in the catalogue"),
        help_text=_(
            "Words of a title, an agency, a database or a field, or the number of a law; with or without accents."
        ),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    sort = forms.ChoiceField(label=_("Order"), choices=[("", _("Usual order")), *Sort.choices], required=False)
    owner = SeveralRows(_("Agency that holds the data"), Agency.objects, "code")
    theme = Several(_("Theme"), Theme.choices)
    access = Several(_("Access"), AccessRights.choices)
    personal = Several(_("Personal data"), PersonalData.choices)
    mode = Several(_("Offered as"), Mode.choices)
    law = SeveralRows(_("Laws"), LegalInstrument.objects, "number_key")
    level = Several(_("Classification"), Classification.choices)

    def clean_q(self) -> str:
        return nfc(self.cleaned_data["q"])

    @property
    def narrows(self) -> bool:
        """Whether anything at all was asked for."""
        return not self.is_valid() or any(value for name, value in self.cleaned_data.items() if name != "sort")

    def asked(self, page: int) -> Asked:
        chosen = {name: self.cleaned_data[name] for name in self.facets}
        for name in ("owner", "law"):
            chosen[name] = [one.pk for one in chosen[name]]
        return Asked(self.cleaned_data["q"], chosen, self.cleaned_data["sort"], page)

    @property
    def facets(self) -> list[str]:
        return [name for name in self.fields if name not in ("q", "sort")]
