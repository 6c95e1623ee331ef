"""How protected data is, compared: from what everybody may know to what few may."""

from collections.abc import Iterable

from registry.choices import Classification, Masking, PersonalData

# The lists run from open to closed.
RANK = {level: rank for rank, level in enumerate(Classification.values)}
CATEGORY_RANK = {category: rank for rank, category in enumerate(PersonalData.values)}
MASKING_RANK = {masking: rank for rank, masking in enumerate(Masking.values)}


def highest(levels: Iterable[str], *, otherwise: str) -> Classification:
    """The highest of the levels; an empty one counts as `otherwise`, and so does an empty list."""
    return Classification(max((level or otherwise for level in levels), key=RANK.__getitem__, default=otherwise))


def is_above(level: str, other: str) -> bool:
    return RANK[level] > RANK[other]


def is_less_protected(before: tuple[str, str, str], after: tuple[str, str, str]) -> bool:
    """Whether any of (category, masking, level) is more open than before; an empty level says nothing either way."""
    ranks = (CATEGORY_RANK, MASKING_RANK, RANK)
    return any(old and new and rank[new] < rank[old] for rank, old, new in zip(ranks, before, after, strict=True))
