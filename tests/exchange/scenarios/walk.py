"""The steps of the scenarios as people take them: through the real pages of clerk, signatory and desk, and the worker's task."""

import csv
import io
import re
from html import escape

import pytest
from django.db import IntegrityError, connection, transaction

from evidence.models import Entry, Outcome
from exchange import tasks
from exchange.models import Agreement, Delivery, ExchangeRequest, ReviewCase
from exchange.services import bulk
from tests.exchange import test_bulk
from tests.exchange import test_request_pages as forms
from tests.exchange.desk import as_user, filled, page, press
from tests.exchange.test_request_pages import step_of, url
from tests.scenarios import agreement_of, hash_of

SCREENS = ((1, forms.data_of), (2, forms.basis_of), (3, forms.use_of))


def case_of(request: ExchangeRequest) -> ReviewCase:
    return request.cases.get()


def fresh(thing):
    return type(thing).objects.get(pk=thing.pk)


def file(world, *, by=None, **wish) -> ExchangeRequest:
    """A clerk begins a request, fills in the three screens and sends it; `wish` is posted with the first screen."""
    clerk = as_user(by or world.requester)
    clerk.post(url("request-create"), {"dataset": world.dataset.code, "agency": world.consumer.code})
    draft = ExchangeRequest.objects.latest("pk")
    answers = {**world.content(), "created_by": draft.created_by, "last_edited_by": draft.created_by}
    for number, posted_by in SCREENS:
        answers["version"] = fresh(draft).version
        more = {"field_names": world.content()["field_names"], **wish} if number == 1 else {}
        answer = clerk.post(step_of(draft, number), posted_by(ExchangeRequest(**answers), **more))
        assert answer.status_code == 302, answer.text
    clerk.post(url("request-propose", draft))
    draft.refresh_from_db()
    return draft


def correct(request: ExchangeRequest, by, **changes) -> ExchangeRequest:
    """The clerk changes what the first screen says of a returned request, and sends it again."""
    clerk = as_user(by)
    wish = {"field_names": request.field_names, **changes}
    assert clerk.post(step_of(request, 1), forms.data_of(fresh(request), **wish)).status_code == 302
    clerk.post(url("request-propose", request))
    return fresh(request)


def sign(request: ExchangeRequest, by):
    """The signatory reads the text and signs it, with the hash that stands on the page."""
    signatory = as_user(by)
    shown = signatory.get(url("request-endorse", request)).text
    [read] = re.findall(r'name="revision_hash" value="(\w+)"', shown)
    return signatory.post(url("request-endorse", request), {"revision_hash": read}, follow=True)


def take_on(request: ExchangeRequest, by):
    return press(by, case_of(request), "claim")


def to_the_desk(world, **wish) -> ExchangeRequest:
    """Filed, signed and taken on."""
    request = file(world, **wish)
    sign(request, world.endorser)
    take_on(request, world.officer)
    return fresh(request)


def approve(request: ExchangeRequest, by, **answers):
    return press(by, case_of(request), "approve", **answers)


def granted(world, **wish) -> Agreement:
    request = to_the_desk(world, **wish)
    for approver in world.approvers[: world.policy.quorum]:
        approve(request, approver)
    return agreement_of(request)


def forged(request: ExchangeRequest, by, shown_to, name: str = "approve", **answers):
    """The POST of somebody to whom the form was never shown: filled in from the page of `shown_to`."""
    data = filled(as_user(shown_to), page(case_of(request), name))
    return as_user(by).post(page(case_of(request), name), data | answers)


def in_bulk(name: str, requests, by, **answers):
    """A forged choice of all of them on the page that decides many at once."""
    chosen = [case_of(request) for request in requests]
    choices = [f"{case.pk}.{hash_of(case.request)}.{bulk.choice_of(case).scope_hash}" for case in chosen]
    return as_user(by).post(test_bulk.page(name), {"choice": choices, **answers})


def results(response) -> list[str]:
    """What became of each case that was chosen: nothing to tell, or the code of its refusal."""
    return [result.refusal.code if result.refusal else "" for result, _line in response.context["results"]]


def work_through(delivery: Delivery) -> Delivery:
    """What a worker does upon the task of the queue."""
    tasks.deliver(delivery.pk)
    return fresh(delivery)


def download(delivery: Delivery, by) -> bytes:
    return b"".join(as_user(by).post(url("delivery-download", delivery)).streaming_content)


def table_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def files_of(world) -> list[str]:
    """All that lies in the folder of deliveries, staged files as well."""
    folder = world.deliveries_folder
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def says(response, words: str) -> bool:
    """Whether a person reads these words on the page."""
    return escape(words) in response.content.decode() or words in response.content.decode()


def refusals(action: str, code: str):
    """The entries of the ledger about something that was refused."""
    return Entry.objects.filter(action=action, outcome=Outcome.REFUSED, details__contains=f'"code":"{code}"')


def plain_sql(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def refused_in_sql(act, *values, match: str) -> None:
    """The database itself says no, and why."""
    with pytest.raises(IntegrityError, match=match):
        act() if callable(act) else plain_sql(act, *values)
