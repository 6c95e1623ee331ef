"""Walking through the admin of the exchange as a browser does."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from evidence.models import Entry, Outcome


def page(thing, name: str = "change") -> str:
    return reverse(f"admin:exchange_{thing._meta.model_name}_{name}", args=[thing.pk])


def changelist(model: str) -> str:
    return reverse(f"admin:exchange_{model}_changelist")


def as_user(user, **options) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def rows(client, model: str, **query) -> list:
    return list(client.get(changelist(model), query).context["cl"].result_list)


def filled(client, url: str, **changes) -> dict:
    """What the browser would send of the form as it was shown, with changes."""
    form = client.get(url).context["form"]
    data = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    data = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in data.items()}
    return {name: value for name, value in {**data, **changes}.items() if value is not None}


def press(user, thing, name: str, **answers):
    """Open the form of a move, answer it, and follow where it leads."""
    client = as_user(user)
    return client.post(page(thing, name), filled(client, page(thing, name), **answers), follow=True)


def buttons(client, thing) -> dict[str, bool]:
    """Name of each button, and whether it can be pressed."""
    return {button.name: button.refusal is None for button in client.get(page(thing)).context["buttons"]}


def told(response) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def refused(action: str):
    return Entry.objects.filter(action=action, outcome=Outcome.REFUSED)


def questions(client, model: str) -> int:
    """How many queries the list page takes, once sessions and content types are known."""
    client.get(changelist(model))
    with CaptureQueriesContext(connection) as captured:
        assert client.get(changelist(model)).status_code == 200
    return len(captured)
