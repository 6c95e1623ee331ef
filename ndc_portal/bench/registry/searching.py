"""Search over 20,000 datasets: is it right, however it is typed, and is it faster than a plain ILIKE?"""

import random
import statistics
import time
from collections.abc import Callable

from django.db.models import Q

from ndc_portal.bench.bars import at_most, bar
from ndc_portal.bench.registry import databases
from ndc_portal.bench.registry.words import COLUMNS, LISTS, PLACES, THINGS, WANTED
from registry.models import Dataset, Field
from registry.search import Asked, find, finding
from registry.search.marking import plain

QUERIES = 100
SLOWEST = 250  # ms, so that a page of hits is there before somebody wonders
SEED = 7
# What is typed, and what has to come first.
EXPECTED = [
    ("Thông tin cơ bản của công dân", 0), ("thong tin co ban cua cong dan", 0), ("căn cước", 0), ("can cuoc", 0),
    ("noi thuong tru", 0), ("thong tin cơ bản công dân", 0), ("so_can_cuoc", 0), ("basic records of citizens", 0),
    ("278/2025/NĐ-CP", 0), ("278/2025/ND-CP", 0), ("278/2025/nd-cp", 0), ("nghị định 278/2025", 0),
    ("nghi dinh 278", 0), ("nd 278/2025", 0), ("278-2025-NĐ-CP", 0), ("0278/2025/NĐ-CP", 0),
    ("tham gia bảo hiểm xã hội", 1), ("tham gia bao hiem xa hoi", 1), ("tham gia bao heim xa hoi", 1), ("bhxh", 1),
    ("ma_so_bhxh", 1), ("social insurance", 1), ("Thẻ bảo hiểm y tế", 2), ("the bao hiem y te", 2), ("THE BAO HIEM Y TE", 2),
    ("thẻ bảo hiểm y", 2), ("the bao hiem yte", 2), ("the bao hiêm y té", 2), ("bhyt", 2), ("ma_the_bhyt", 2),
    ("đăng ký khai sinh", 3), ("dang ky khai sinh", 3), ("dang ki khai sinh", 3), ("khai sihn", 3), ("ho tich", 3),
    ("birth registrations", 3), ("quyền sử dụng đất", 4), ("quyen su dung dat", 4), ("sổ đỏ", 4), ("so do", 4),
    ("giay chung nhan quyen su dung dat", 4), ("hộ nghèo", 5), ("ho ngheo", 5), ("hộ cận nghèo", 5), ("ho can ngheo", 5),
    ("chuan_ngheo", 5), ("doanh nghiệp đã đăng ký", 6), ("doanh nghiep da dang ki thanh lap", 6), ("phap nhan", 6),
    ("lý lịch tư pháp", 7), ("ly lich tu phap", 7), ("lí lịch tư pháp", 7), ("án tích", 7), ("judicial records", 7),
    ("xử phạt vi phạm hành chính", 8), ("xu phat vi pham hanh chinh", 8), ("xử phạt vi phạm hanh chinh", 8),
    ("hộ cận", 5), ("quyền đất", 4), ("thuong tru", 0),
    ("chứng thư số", 9), ("chung thu so cong vu", 9), ("chữ ký số", 9), ("chu ky so", 9), ("digital certificate", 9),
]  # fmt: skip


def measure() -> dict:
    with databases.catalogue("large"):
        quality = [_first(typed, WANTED[number][0]) for typed, number in EXPECTED]
        ours, theirs, slowest = _times()
    found = sum(line["found"] for line in quality)
    figures = {
        "datasets": databases.SIZES["large"],
        "queries": QUERIES,
        "search_ms": _spread(ours),
        "ilike_ms": _spread(theirs),
        "slowest": slowest,
        "quality": quality,
    }
    p95, ilike = figures["search_ms"]["p95"], figures["ilike_ms"]["p95"]
    return {
        "figures": figures,
        "bars": [
            bar("Search, 95 of 100 queries, against a plain ILIKE in this run", p95, "ms", ilike, p95 < ilike),
            at_most("Search, 95 of 100 queries", p95, "ms", SLOWEST),
            bar("Typed queries whose expected dataset comes first", found, f"of {len(quality)}", len(quality), found == len(quality)),
        ],
    }  # fmt: skip


def _first(typed: str, expected: str) -> dict:
    ids = find(Asked(typed)).ids
    first = Dataset.objects.filter(pk=ids[0]).values_list("title_vi", flat=True).first() if ids else None
    return {"typed": typed, "expected": expected, "first": first, "found": first == expected}


def _times() -> tuple[list[float], list[float], list[dict]]:
    queries = _queries()
    for words in queries[:3]:  # both get warm
        find(Asked(words)), _ilike(words)
    ours, theirs = [], []
    for words in queries:
        ours.append(_timed(find, Asked(words)))
        theirs.append(_timed(_ilike, words))
    worst = sorted(zip(ours, queries, strict=True), reverse=True)[:5]
    return ours, theirs, [{"typed": words, "ms": round(ms, 1)} for ms, words in worst]


def _queries() -> list[str]:
    """What people type: titles, parts of them, without accents, with a slip, names of fields, numbers of laws."""
    chance = random.Random(SEED)  # noqa: S311 - the same queries each time, no secret
    made = []
    while len(made) < QUERIES:
        thing, place = chance.choice(THINGS)[0], chance.choice(PLACES)
        title = f"{chance.choice(LISTS)[0]} {thing} {place}"
        slip = chance.randrange(1, len(thing) - 1)
        made += [
            title, plain(title), thing, plain(thing), f"{thing} {chance.randint(2015, 2026)}", title[: len(title) // 2],
            plain(thing[:slip] + thing[slip + 1] + thing[slip] + thing[slip + 2 :]), chance.choice(COLUMNS)[0],
            f"{chance.randint(1, 120)}/20{chance.randint(10, 25)}/NĐ-CP", f"{place} {chance.choice(COLUMNS)[1]}",
        ]  # fmt: skip
    return made[:QUERIES]


def _ilike(words: str) -> list[int]:
    """The plain way: the text as typed, anywhere in title, description, or a field's name or title."""
    fields = Field.objects.filter(Q(name__icontains=words) | Q(title_vi__icontains=words)).values("dataset")
    found = Dataset.objects.published().filter(
        Q(title_vi__icontains=words) | Q(title_en__icontains=words) | Q(description__icontains=words) | Q(pk__in=fields)
    )
    found.count()
    return list(found.order_by("title_vi", "pk").values_list("pk", flat=True)[: finding.PAGE_SIZE])


def _timed(call: Callable, *arguments) -> float:
    started = time.perf_counter()
    call(*arguments)
    return (time.perf_counter() - started) * 1000


def _spread(times: list[float]) -> dict[str, float]:
    return {
        "p50": round(statistics.median(times), 1),
        "p95": round(statistics.quantiles(times, n=20)[-1], 1),
        "max": round(max(times), 1),
    }
