"""Pages of the catalogue and lists of the admin: 20,000 datasets beside 200, times and numbers of queries."""

import statistics
import time

from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from ndc_portal.bench.bars import at_most, bar
from ndc_portal.bench.registry import databases
from registry.models import Dataset, User
from registry.search import finding

TIMES = 7
RATIO = 2.0
ADMIN = "/admin/registry"
PAGES = {
    "catalogue": "/catalogue/",
    "catalogue, counts not kept": "/catalogue/?",
    "catalogue, page 10": "/catalogue/?page=10",
    "catalogue, newest first": "/catalogue/?sort=updated",
    "catalogue, words": "/catalogue/?q=danh+sach",
    "catalogue, one theme": "/catalogue/?theme=HEAL",
    "dataset": "/catalogue/datasets/{code}/",
    "field": "/catalogue/datasets/{code}/fields/so_can_cuoc/",
    "fields by name": "/catalogue/fields/?q=so_dinh_danh",
    "databases": "/catalogue/databases/",
    "themes": "/catalogue/themes/",
    "admin: datasets": f"{ADMIN}/dataset/",
    "admin: datasets, searched": f"{ADMIN}/dataset/?q=danh+sach",
    "admin: datasets, filtered": f"{ADMIN}/dataset/?access_rights__exact=PUBLIC",
    "admin: fields": f"{ADMIN}/field/",
    "admin: fields, searched": f"{ADMIN}/field/?q=so_dinh_danh",
    "admin: fields, filtered": f"{ADMIN}/field/?personal_data__exact=sensitive",
    "admin: databases": f"{ADMIN}/database/",
    "admin: connections": f"{ADMIN}/connection/",
    "admin: sharing policies": f"{ADMIN}/sharingpolicy/",
    "admin: snapshots": f"{ADMIN}/schemasnapshot/",
}


def measure() -> dict:
    small, large = (_visit(size) for size in databases.SIZES)
    figures = {
        name: {"ms_200": small[name][0], "ms_20000": large[name][0], "queries_200": small[name][1], "queries_20000": large[name][1]}
        for name in PAGES
    }  # fmt: skip
    bars = []
    for name, one in figures.items():
        ratio = round(one["ms_20000"] / one["ms_200"], 2)
        more = {"ms_200": one["ms_200"], "ms_20000": one["ms_20000"], "queries": one["queries_20000"]}
        bars.append(at_most(f"{name}: 20,000 datasets against 200", ratio, "x", RATIO) | more)
        same = one["queries_200"] == one["queries_20000"]
        bars.append(bar(f"{name}: as many queries", one["queries_20000"], "queries", one["queries_200"], same))
    return {"figures": figures, "bars": bars}


def _visit(size: str) -> dict[str, tuple[float, int]]:
    plain_files = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    storages = {"default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}, "staticfiles": plain_files}
    with (
        databases.catalogue(size),
        override_settings(ALLOWED_HOSTS=["testserver"], SECURE_SSL_REDIRECT=False, STORAGES=storages, DEBUG=False),
    ):
        cache.delete(finding.COUNTS)
        client = Client()
        client.force_login(_operator(), backend="django.contrib.auth.backends.ModelBackend")
        code = Dataset.objects.order_by("pk").values_list("code", flat=True)[0]
        return {name: _open(client, name, address.format(code=code)) for name, address in PAGES.items()}


def _operator() -> User:
    user, _made = User.objects.get_or_create(
        username="bench", defaults={"is_staff": True, "is_superuser": True, "full_name": "Bench"}
    )
    return user


def _open(client: Client, name: str, address: str) -> tuple[float, int]:
    with CaptureQueriesContext(connection):
        client.get(address)  # what is read once for all is read now
    times = []
    for _ in range(TIMES):
        if "not kept" in name:
            cache.delete(finding.COUNTS)
        started = time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - started) * 1000)
        if response.status_code != 200:
            raise RuntimeError(f"{address} answered {response.status_code}")
    if "not kept" in name:
        cache.delete(finding.COUNTS)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return round(statistics.median(times), 1), len(queries)
