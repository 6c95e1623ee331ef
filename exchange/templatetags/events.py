"""Types of events in words."""

from django.template import Library

from exchange.webhooks import event_types

register = Library()


@register.filter
def event_words(kind: str) -> str:
    return event_types.in_words(kind)
