"""What is known of the values of a dataset, for its pages."""

from django.template import Library

from registry.models import Dataset
from registry.profiling import charts

register = Library()


@register.simple_tag
def public_profile(dataset: Dataset) -> charts.Shown | None:
    """The latest profile as everybody may see it; None where there is none."""
    return charts.public(dataset)
