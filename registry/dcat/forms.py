"""What may be asked of an export in its address."""

from django import forms

MOST = 500


class ExportForm(forms.Form):
    """Which part of the catalogue, how many datasets in it, and for which profile."""

    page = forms.IntegerField(min_value=1, max_value=1_000_000, required=False)
    size = forms.IntegerField(min_value=1, max_value=MOST, required=False)
    profile = forms.ChoiceField(choices=[("dcat-ap", "DCAT-AP 3.0.1"), ("breg", "BRegDCAT-AP 2.1.0")], required=False)

    def clean_page(self) -> int:
        return self.cleaned_data["page"] or 1

    def clean_size(self) -> int:
        return self.cleaned_data["size"] or 100

    def clean_profile(self) -> str:
        return self.cleaned_data["profile"] or "dcat-ap"
