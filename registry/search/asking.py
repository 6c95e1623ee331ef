"""What a reader asks of the catalogue."""

from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

PAGE_SIZE = 20
LAST_PAGE = 100  # whoever has not found it among 2,000 is better off with another word


class Sort(TextChoices):
    RELEVANCE = "relevance", _("Best fit first")
    TITLE = "title", _("By title")
    UPDATED = "updated", _("Newest description first")
    OWNER = "owner", _("By agency")


# Facet -> SQL for one value of a row, or for its array of values. Codes and ids go in as parameters, never as text.
FACETS = {
    "owner": "owner_id",
    "theme": "themes",
    "access": "access_rights",
    "personal": "personal_data",
    "mode": "modes",
    "law": "laws",
    "level": "classification",
}
ARRAYS = {"theme", "mode", "law"}


@dataclass(frozen=True)
class Asked:
    """Words, chosen values by facet (any of them within a facet, all facets together), order and page."""

    words: str = ""
    chosen: dict[str, list] = field(default_factory=dict)
    sort: str = ""
    page: int = 1

    @property
    def order(self) -> str:
        if self.sort and (self.words or self.sort != Sort.RELEVANCE):
            return self.sort
        return Sort.RELEVANCE if self.words else Sort.TITLE
