"""Choosing the dataset that a request is about."""

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.forms.inputs import Line
from registry.models import Dataset


class DatasetForm(forms.Form):
    """Choosing another dataset; what was chosen of the former one goes with it."""

    dataset = Line(max_length=120, error_messages={"required": _("Choose a dataset.")})

    def clean_dataset(self) -> Dataset:
        return published(self.cleaned_data["dataset"])

    def content(self) -> dict:
        return {"dataset": self.cleaned_data["dataset"], "field_names": [], "row_filter": []}


def published(code: str) -> Dataset:
    """The dataset on offer with this code; a ValidationError where there is none."""
    found = Dataset.objects.published().with_owner().filter(code=code).first()
    if found is None:
        raise forms.ValidationError(_("This dataset is not offered at present. Choose another one."))
    return found
