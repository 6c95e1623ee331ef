"""My desk, my requests, the queue and a case: 100,000 requests and 2,000,000 entries of evidence beside 1,000."""

import statistics
import time

from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from evidence.models import Entry
from exchange.models import ExchangeRequest, ReviewCase
from exchange.states import RequestStatus
from ndc_portal.bench.bars import at_most, bar
from ndc_portal.bench.desk import data
from ndc_portal.bench.registry import databases
from registry.choices import Role
from registry.models import User

SIZES = {"desk_small": 1_000, "desk_large": 100_000}  # requests
TIMES = 9
RATIO = 2.0
QUEUE = "/admin/exchange/reviewcase/"
# name: who looks, and at what
PAGES = {
    "my desk, of a clerk": (Role.REQUESTER, "/desk/"),
    "my desk, of a signatory": (Role.ENDORSER, "/desk/"),
    "my desk, of a case officer": (Role.CASE_OFFICER, "/desk/"),
    "my desk, of an approver": (Role.APPROVER, "/desk/"),
    "my requests": (Role.REQUESTER, "/requests/"),
    "my requests, returned": (Role.REQUESTER, "/requests/?status=returned"),
    "my requests, by number": (Role.REQUESTER, "/requests/?q={own}"),
    "one request": (Role.REQUESTER, "/requests/{public_id}/"),
    "to sign": (Role.ENDORSER, "/endorsements/"),
    "queue": (Role.APPROVER, QUEUE),
    "queue, overdue": (Role.APPROVER, f"{QUEUE}?overdue=yes"),
    "queue, sensitive": (Role.APPROVER, f"{QUEUE}?sensitive=yes"),
    "queue, mine": (Role.CASE_OFFICER, f"{QUEUE}?officer=me"),
    "queue, all": (Role.APPROVER, f"{QUEUE}?state=all"),
    "queue, by number": (Role.APPROVER, f"{QUEUE}?state=all&q={{asked}}"),
    "one case": (Role.APPROVER, f"{QUEUE}{{case}}/change/"),
}


def measure() -> dict:
    small, large = (_visit(size) for size in SIZES)
    figures = {
        name: {
            "ms_1000": small[name][0],
            "ms_100000": large[name][0],
            "queries_1000": small[name][1],
            "queries_100000": large[name][1],
        }
        for name in PAGES
    }
    bars = []
    for name, one in figures.items():
        ratio = round(one["ms_100000"] / one["ms_1000"], 2)
        more = {"ms_1000": one["ms_1000"], "ms_100000": one["ms_100000"]}
        bars.append(at_most(f"{name}: 100,000 requests against 1,000", ratio, "x", RATIO) | more)
        same = one["queries_1000"] == one["queries_100000"]
        bars.append(bar(f"{name}: as many queries", one["queries_100000"], "queries", one["queries_1000"], same))
    bars.append(bar("Entries of evidence", large["entries"], "entries", 2_000_000, large["entries"] >= 2_000_000))
    return {"figures": figures, "bars": bars}


def drop_all() -> None:
    for name in [*SIZES, "template"]:
        databases.drop(name)


def _built(size: str) -> None:
    if databases.exists(size):
        return
    databases.make(size, template="template")
    try:
        with databases.using(size):
            data.build(SIZES[size])
            with connection.cursor() as cursor:
                cursor.execute("VACUUM (ANALYZE)")
    except BaseException:
        databases.drop(size)  # half of it would be measured next time
        raise


def _visit(size: str) -> dict:
    _built(size)
    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    storages = {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}, "staticfiles": plain_files}
    with (
        databases.using(size),
        override_settings(ALLOWED_HOSTS=["testserver"], SECURE_SSL_REDIRECT=False, STORAGES=storages, DEBUG=False),
    ):
        clients, places = {}, _places()
        found = {}
        for name, (role, address) in PAGES.items():
            if role not in clients:
                clients[role] = Client()
                clients[role].force_login(places[role], backend="django.contrib.auth.backends.ModelBackend")
            found[name] = _open(
                clients[role],
                address.format(**{name: value for name, value in places.items() if not isinstance(name, Role)}),
            )
        return found | {"entries": Entry.objects.count()}


def _places() -> dict:
    """One person of each role, and what they look at: the same ones in both sizes."""
    clerk = User.objects.filter(memberships__role=Role.REQUESTER).order_by("pk").first()
    agency = clerk.memberships.get().agency
    case = ReviewCase.objects.filter(request__status=RequestStatus.UNDER_REVIEW).order_by("pk").first()
    here = User.objects.filter(memberships__agency=case.provider)
    own = ExchangeRequest.objects.filter(consumer=agency, status=RequestStatus.APPROVED).order_by("pk").first()
    return {
        Role.REQUESTER: clerk,
        Role.ENDORSER: User.objects.get(memberships__agency=agency, memberships__role=Role.ENDORSER),
        Role.CASE_OFFICER: here.filter(memberships__role=Role.CASE_OFFICER).first(),
        Role.APPROVER: here.filter(memberships__role=Role.APPROVER).order_by("-pk").first(),
        "own": own.code,
        "public_id": own.public_id,
        "asked": case.request.code,
        "case": case.pk,
    }


def _open(client: Client, address: str) -> tuple[float, int]:
    client.get(address)  # what is read once for all is read now
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return round(statistics.median(times), 1), len(queries)
