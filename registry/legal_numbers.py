"""Numbers of laws, however they are typed: accents, Đ or D, dashes, spaces, leading zeros, the kind in words.

`key_of` does in Python what the database's registry_legal_number_key() does to the stored number; a test compares them.
"""

import re
import unicodedata
from dataclasses import dataclass

# Đ has no decomposition, and keyboards send three letters that look like it.
_STROKES = str.maketrans("ĐđÐðƉɖ", "dddddd")
# What people write in place of the sign in the number, longest first.
_KINDS = (
    ("thong tu lien tich", "ttlt"),
    ("nghi dinh", "nd"),
    ("quyet dinh", "qd"),
    ("nghi quyet", "nq"),
    ("thong tu", "tt"),
    ("phap lenh", "pl"),
    ("chi thi", "ct"),
    ("bo luat", "qh"),
    ("luat", "qh"),
    ("decree", "nd"),
    ("decision", "qd"),
    ("resolution", "nq"),
    ("circular", "tt"),
    ("directive", "ct"),
    ("law", "qh"),
)
_NOISE = {"so", "no", "number", "cua", "chinh", "phu", "thu", "tuong", "quoc", "hoi", "nam", "ngay", "of", "the"}
_FIRST_YEAR, _LAST_YEAR = 1945, 2099


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a typed text asks of a number: LIKE patterns over keys, the strict ones with the sign, the loose ones without."""

    strict: tuple[str, ...]
    loose: tuple[str, ...]


def plain(text: str) -> str:
    """Lower-case Latin letters and digits as they are, without accents; everything else stays."""
    apart = unicodedata.normalize("NFKD", text.translate(_STROKES))
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).lower()


def key_of(number: str) -> str:
    """A number in the form in which numbers are compared: 278/2025/NĐ-CP is 278-2025-ndcp."""
    key = re.sub(r"[^a-z0-9]+", "-", plain(number))
    key = re.sub(r"([a-z])-(?=[a-z])", r"\1", key)
    return re.sub(r"(^|-)0+(?=[0-9])", r"\1", key).strip("-")


def wanted(text: str) -> Wanted | None:
    """Which numbers the text may mean; None where it has no digits and so means none."""
    words = re.sub(r"[^a-z0-9]+", " ", plain(text))
    for kind, sign in _KINDS:
        words = re.sub(rf"\b{kind}\b", sign, words)
    words = re.sub(r"(?<=\d )qh (\d\d?)\b", r"qh\1", words)
    parts = re.findall(r"qh\d\d?(?!\d)|[a-z]+|\d+", words)
    digits = [part.lstrip("0") or "0" for part in parts if part.isdecimal()]
    if not digits:
        return None
    signs = [part for part in parts if not part.isdecimal() and part not in _NOISE]
    sign = "".join(one for place, one in enumerate(signs) if not any(_says(one, later) for later in signs[place + 1 :]))
    strict, loose = [], []
    for number, year in _readings(digits):
        start = f"{number}-{year}-" if year else None
        strict += [f"{start}%{sign}%"] if start else [f"{number}-%{sign}%"]
        loose += [f"{start}%"] if start else [f"{number}-%"]
    return Wanted(tuple(strict), tuple(loose))


def _says(sign: str, other: str) -> bool:
    """Whether a sign is said again, in full, by another: "luật" and "qh15"; the Assembly's number hides its kind."""
    return other.startswith(sign) or (sign in ("nq", "pl") and other.startswith("qh"))


def _readings(digits: list[str]):
    """Number and year, in every way that the digits can be read."""
    first, second = digits[0], digits[1] if len(digits) > 1 else ""
    if second:
        yield first, _year(second)
        return
    yield first, ""
    glued, year = first[:-4], first[-4:]
    if glued and _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        yield glued, year


def _year(digits: str) -> str:
    return f"20{digits.zfill(2)}" if len(digits) <= 2 else digits
