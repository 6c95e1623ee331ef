"""Telling people what concerns their work, and keeping what they have read."""

from collections.abc import Iterable

from django.db.models import Model
from django.utils import timezone

from registry.models import Notice, User
from registry.notice_kinds import NoticeKind
from registry.services import records


def tell(*, kind: NoticeKind, to: Iterable[User], path: str = "", **params) -> list[Notice]:
    """Leave a notice with each of these people, once each, in the caller's transaction; inactive accounts get none.

    `params` fill the kind's sentence: text, numbers, days, or rows with a name or title in two languages.
    `path` is the page where the matter is dealt with.
    """
    people = {user.pk: user for user in to if user.is_active}
    told = {name: _kept(value) for name, value in params.items()}
    str(kind.sentence) % told  # a placeholder without its value fails here, not on the reader's page
    return Notice.objects.bulk_create(
        [Notice(recipient=user, kind=kind.code, params=told, path=path) for user in people.values()]
    )


def read(*, notice: Notice) -> Notice:
    """Mark as read; the first time counts."""
    if notice.read_at is None:
        notice.read_at = timezone.now()
        notice.save(update_fields=["read_at"])
    return notice


def read_all(*, of: User) -> int:
    """Mark all of a person's notices as read; how many there were."""
    return Notice.objects.visible_to(of).unread().update(read_at=timezone.now())


def _kept(value):
    """A value as JSON: rows and names in both languages, so that the reader's language decides later."""
    if isinstance(value, Model):
        for name in ("title", "name"):
            if hasattr(value, f"{name}_vi"):
                return {"vi": getattr(value, f"{name}_vi"), "en": getattr(value, f"{name}_en")}
        return str(value)
    return value if isinstance(value, int | str) and not isinstance(value, bool) else records.plain(value)
