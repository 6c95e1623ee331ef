"""Giving a search a name."""

from django import forms

from exchange.choices import SearchPage
from exchange.forms.inputs import Choice, Line
from exchange.models import SavedSearch


class SaveSearchForm(forms.Form):
    page = Choice(choices=SearchPage)
    name = Line(max_length=SavedSearch._meta.get_field("name").max_length)
