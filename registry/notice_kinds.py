"""What a notice can be about. Each part of the portal names its own kinds here, beside the code that sends them."""

from dataclasses import dataclass

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class NoticeKind:
    """A stable code, a short title, and a sentence with %(placeholders)s for what is told."""

    code: str
    title: str | Promise
    sentence: str | Promise


KINDS: dict[str, NoticeKind] = {}


def define(code: str, title: str | Promise, sentence: str | Promise) -> NoticeKind:
    """Make a kind known, so that notices kept under its code can be read. A code is used once and never changes."""
    if code in KINDS:
        raise ValueError(f"notice kind {code} is defined twice")
    KINDS[code] = NoticeKind(code, title, sentence)
    return KINDS[code]
