"""Searching the catalogue: words, facets with their counts, and what was matched."""

from registry.search.asking import FACETS, LAST_PAGE, PAGE_SIZE, Asked, Sort
from registry.search.finding import Found, find
from registry.search.marking import Marker, suggestion

__all__ = ["FACETS", "LAST_PAGE", "PAGE_SIZE", "Asked", "Found", "Marker", "Sort", "find", "suggestion"]
