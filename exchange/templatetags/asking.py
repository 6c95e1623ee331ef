"""Whether the reader of a page can ask for a dataset."""

from django.template import Context, Library
from django.utils.functional import Promise

from exchange import offers
from registry.models import Dataset

register = Library()


@register.simple_tag(takes_context=True)
def obstacle_to_asking(context: Context, dataset: Dataset, is_offered: bool) -> str | Promise:
    """Why asking would be in vain, in words; empty where it is not. `is_offered`: to any agency at all."""
    user = context.get("user")
    agencies = offers.agencies_filed_for(user) if user and user.is_authenticated else []
    if not agencies:
        return "" if is_offered else offers.NOT_OFFERED
    return offers.obstacle_for_all(agencies, dataset)
