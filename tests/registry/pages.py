"""Using the admin's pages as a browser does."""

import json
from contextlib import contextmanager

import pytest
from django.urls import reverse

from evidence.models import Entry
from registry import tasks
from registry.errors import RegistryRefusal


def url(model, page, *arguments):
    return reverse(f"admin:registry_{model}_{page}", args=arguments)


def submitted(response, **changes):
    """What a browser would send for the page as it is shown, with some values changed."""
    data = {}
    form = response.context["adminform"].form
    formsets = [inline.formset for inline in response.context["inline_admin_formsets"]]
    for part in [form, *(formset.management_form for formset in formsets), *(f for s in formsets for f in s.forms)]:
        for bound in part:
            if not bound.field.disabled:
                _put(data, bound.html_name, bound.value())
            if bound.field.show_hidden_initial:
                _put(data, bound.html_initial_name, bound.value())
    for name, value in changes.items():
        data[name] = value
    return {name: value for name, value in data.items() if value is not None}


def _put(data, name, value):
    if value is False or value is None:
        return
    data[name] = [getattr(item, "pk", item) for item in value] if isinstance(value, list | tuple) else value


def change(client, model, thing, **changes):
    address = url(model, "change", thing.pk)
    return client.post(address, submitted(client.get(address), **changes))


def add(client, model, **changes):
    address = url(model, "add")
    return client.post(address, submitted(client.get(address), **changes))


def entries(action):
    return Entry.objects.filter(action=action)


@contextmanager
def refused(code):
    """What is inside must be refused by the registry, for this reason."""
    with pytest.raises(RegistryRefusal) as raised:
        yield
    assert raised.value.code == code


def details_of(action):
    """What the one entry of this action says."""
    return json.loads(entries(action).get().details)


def read_structure(client, connection):
    """Push the button, let a worker do what it asked for, and open the page again."""
    client.post(url("connection", "read-structure", connection.pk))
    for reading in connection.readings.open():
        tasks.read_structure(reading.pk)
    return client.get(url("connection", "change", connection.pk))
