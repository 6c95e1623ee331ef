"""The comments that a page shows: one page of them, the latest first, and what the reader may still take back."""

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.utils.functional import cached_property

from exchange import files
from exchange.models import Comment
from exchange.models.comments import CommentQuerySet
from exchange.services import comments
from registry.models import User

PER_PAGE = 10


@dataclass(frozen=True, slots=True)
class Line:
    """A comment with its files, and whether the reader may take it back at this moment."""

    comment: Comment
    can_retract: bool
    files: list[files.FileLine]


class Talk:
    """What a person may read of some comments; `number` is the page as it stands in the address, well-formed or not."""

    def __init__(self, about: CommentQuerySet, reader: User, number: str = "") -> None:
        self.about, self.reader, self.number = about, reader, number

    @cached_property
    def page(self) -> Page:
        found = self.about.readable_by(self.reader).for_lists().prefetch_related("attachments")
        return Paginator(found, PER_PAGE).get_page(self.number)

    @property
    def lines(self) -> list[Line]:
        return [
            Line(one, comments.can_retract(comment=one, by=self.reader), files.lines_of(one.attachments.all()))
            for one in self.page
        ]
