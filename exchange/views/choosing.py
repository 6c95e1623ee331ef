"""The published datasets among which a clerk chooses."""

from django.core.exceptions import ValidationError

from exchange.forms.inputs import Line
from registry import catalogue
from registry.choices import AccessRights
from registry.models import Agency
from registry.views.lists import PER_PAGE


def choice_of_datasets(q: str, consumer: Agency) -> dict:
    """The first page of what fits the words, without what is not shared and what is the agency's own."""
    try:
        q = Line(required=False, max_length=200).clean(q)
    except ValidationError:
        q = ""
    found = catalogue.listing(q=q).exclude(access_rights=AccessRights.NON_PUBLIC).exclude(database__owner=consumer)
    return {"datasets": found[:PER_PAGE], "q": q, "total": found.count()}
