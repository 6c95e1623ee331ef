"""What lists can be narrowed by."""

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Choice, Line
from exchange.services import numbers
from exchange.states import AgreementStatus, RequestStatus


class NarrowingForm(forms.Form):
    q = Line(label=_("Search"), max_length=100, required=False, widget=forms.TextInput(attrs={"type": "search"}))
    status = Choice(label=_("State"), required=False)

    statuses: type
    searched: tuple[str, ...]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["status"].choices = [("", _("All")), *self.statuses.choices]

    def narrow(self, rows):
        words, status = self.cleaned_data["q"], self.cleaned_data["status"]
        if status:
            rows = rows.filter(status=status)
        if numbers.is_whole(words):
            rows = rows.filter(code=words.strip().upper())
        elif words:
            found = Q()
            for name in self.searched:
                found |= Q(**{f"{name}__icontains": words})
            rows = rows.filter(found)
        return rows

    @property
    def narrows(self) -> bool:
        return not self.is_valid() or any(self.cleaned_data.values())


class RequestFilterForm(NarrowingForm):
    statuses = RequestStatus
    searched = ("code", "letter_subject", "letter_number", "dataset__title_vi", "dataset__title_en")


class AgreementFilterForm(NarrowingForm):
    statuses = AgreementStatus
    searched = ("code", "case__request__letter_subject", "dataset__title_vi", "dataset__title_en")
