"""What values look like, as shares of a sample. The values themselves stay in memory and go no further."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime

from django.utils import timezone

from registry.classifying.words import plain

FEWEST_VALUES = 20  # a share of fewer says nothing
WIDEST = 200  # longer texts are not looked at
FAMILY_NAMES = frozenset(
    [
        "nguyen",
        "tran",
        "le",
        "pham",
        "hoang",
        "huynh",
        "phan",
        "vu",
        "vo",
        "dang",
        "bui",
        "do",
        "ho",
        "ngo",
        "duong",
        "ly",
        "dinh",
        "trinh",
        "dao",
        "doan",
        "cao",
        "mai",
        "luong",
        "ha",
        "to",
        "luu",
        "ta",
        "chu",
        "thai",
        "quach",
        "lam",
        "trieu",
        "nong",
        "vi",
        "ma",
        "be",
        "thach",
        "son",
        "kim",
        "ksor",
        "ro",
        "h",
        "y",
        "giang",
        "sung",
        "vang",
        "lo",
        "quang",
        "ca",
        "cam",
        "dieu",
    ]
)
ETHNIC_GROUPS = frozenset(
    name.strip()
    for name in [
        "kinh",
        " tay",
        " thai",
        " muong",
        " khmer",
        " hoa",
        " nung",
        " hmong",
        " h'mong",
        " mong",
        " dao",
        " gia rai",
        " gia-rai",
        " e de",
        " e-de",
        " ba na",
        " ba-na",
        "xo dang",
        " xo-dang",
        " san chay",
        " co ho",
        " co-ho",
        " cham",
        " san diu",
        " hre",
        " mnong",
        " m'nong",
        " ra glai",
        " ra-glai",
        " raglay",
        " xtieng",
        "bru van kieu",
        " bru-van kieu",
        " tho",
        " giay",
        " co tu",
        " co-tu",
        " gie trieng",
        " gie-trieng",
        " ma",
        " kho mu",
        " kho-mu",
        " co",
        " ta oi",
        "ta-oi",
        " cho ro",
        " cho-ro",
        " khang",
        " xinh mun",
        " xinh-mun",
        " ha nhi",
        " chu ru",
        " chu-ru",
        " lao",
        " la chi",
        " la ha",
        " phu la",
        " la hu",
        "lu",
        " lo lo",
        " chut",
        " mang",
        " pa then",
        " co lao",
        " cong",
        " bo y",
        " si la",
        " pu peo",
        " brau",
        " o du",
        " ro mam",
        " ro-mam",
        " ngai",
    ]
)
RELIGIONS = frozenset(
    ["phat giao", "cong giao", "thien chua giao", "tin lanh", "cao dai", "hoa hao", "phat giao hoa hao", "hoi giao",
     "islam", "bai bai", "khong", "khong ton giao", "balamon", "ba la mon"]
)  # fmt: skip
SEXES = frozenset(["nam", "nu", "male", "female", "m", "f"])

_TAX_WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)


def _tax_code(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{10}(-?[0-9]{3})?", text):
        return False
    rest = sum(weight * int(digit) for weight, digit in zip(_TAX_WEIGHTS, text, strict=False)) % 11
    return (10 - rest) % 10 == int(text[9]) and rest != 0


def _card_number(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"[0-9]{16}", digits):
        return False
    doubled = (int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(digits))
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _person_name(text: str) -> bool:
    parts = text.split()
    if not 2 <= len(parts) <= 6 or any(not part[0].isupper() or any(c.isdigit() for c in part) for part in parts):
        return False
    return plain(parts[0]).lower() in FAMILY_NAMES


def _expression(pattern: str) -> Callable[[str], bool]:
    return lambda text, match=re.compile(pattern).fullmatch: match(text) is not None


def _one_of(closed: frozenset[str]) -> Callable[[str], bool]:
    return lambda text: plain(text).lower().strip() in closed


def _latitude(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,2}\.[0-9]{3,}", text) is not None and 8 <= float(text) <= 24


def _longitude(text: str) -> bool:
    return re.fullmatch(r"1[0-9]{2}\.[0-9]{3,}", text) is not None and 102 <= float(text) <= 118


PATTERNS: dict[str, Callable[[str], bool]] = {
    "personal-number": _expression(r"0[0-9]{11}"),
    "phone": _expression(r"(?:\+?84|0)[ .]?(?:[35789][0-9]{2}|2[0-9]{2,3})[ .]?[0-9]{3}[ .]?[0-9]{3,4}"),
    "email": _expression(r"[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}"),
    "person-name": _person_name,
    "tax-code": _tax_code,
    "card-number": _card_number,
    "health-card": _expression(r"[A-Z]{2}[0-9]{13}"),
    "passport": _expression(r"[A-Z][0-9]{7,8}"),
    "plate": _expression(r"[0-9]{2}[A-Z]{1,2}[0-9]?[- ]?[0-9]{3}\.?[0-9]{1,2}"),
    "ethnic-group": _one_of(ETHNIC_GROUPS),
    "religion": _one_of(RELIGIONS),
    "sex": _one_of(SEXES),
    "disease-code": _expression(r"[A-TV-Z][0-9]{2}(?:\.[0-9]{1,2})?"),
    "network-address": _expression(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"),
    "latitude": _latitude,
    "longitude": _longitude,
}


def shares(values: Iterable) -> dict[str, int]:
    """Which patterns a sample of one column shows, in whole per cent of its values; {} where it is too small.

    A pattern below a third is left out: it says nothing about the column, and something about few people.
    """
    present = [value for value in values if value is not None and value != ""]
    if len(present) < FEWEST_VALUES:
        return {}
    found = {}
    if all(isinstance(value, date | datetime) for value in present):
        if _looks_like_births([value.year for value in present]):
            found["birth-dates"] = 100
        return found
    texts = [text for value in present if len(text := str(value).strip()) <= WIDEST]
    for name, fits in PATTERNS.items():
        share = 100 * sum(map(fits, texts)) // len(present)
        if share >= 34:
            found[name] = share
    return found


def _looks_like_births(years: list[int]) -> bool:
    """Spread over generations, up to today: what was done to people or things is rarely as old."""
    years = sorted(years)
    early, late = years[len(years) // 10], years[-1 - len(years) // 10]
    return early >= 1900 and late - early >= 35 and years[-1] <= timezone.localdate().year
