"""Keeping searches: only parameters that the list knows, each with a value that it could have."""

from collections.abc import Callable, Mapping
from datetime import date

from django.db import IntegrityError, transaction
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from exchange import rules
from exchange.choices import Direction, PaperReason, SearchPage, Urgency
from exchange.models import SavedSearch
from exchange.refusals import Incomplete, Refusal
from exchange.states import AgreementStatus, RequestStatus
from registry.models import User

MOST_EACH = 50  # of one person, in all lists together
LONGEST_WORDS = 100


def _words(value: str) -> bool:
    return len(value) <= LONGEST_WORDS and "\0" not in value


def _day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _one_of(*values: str) -> Callable[[str], bool]:
    return lambda value: value in values


# What each list can be narrowed by, and whether a value fits.
PARAMETERS: Mapping[SearchPage, Mapping[str, Callable[[str], bool]]] = {
    SearchPage.REQUESTS: {"q": _words, "status": _one_of(*RequestStatus.values)},
    SearchPage.AGREEMENTS: {"q": _words, "status": _one_of(*AgreementStatus.values)},
    SearchPage.LETTERS: {
        "q": _words,
        "direction": _one_of(*Direction.values),
        "reason": _one_of(*PaperReason.values),
        "since": _day,
        "until": _day,
    },
    SearchPage.QUEUE: {
        "q": _words,
        "state": _one_of("new", "review", "away", "decided", "all"),
        "officer": _one_of("me", "nobody"),
        "overdue": _one_of("yes", "today", "soon"),
        "request__urgency__exact": _one_of(*Urgency.values),
        "sensitive": _one_of("yes", "no"),
    },
}


def query_of(page: SearchPage, asked: Mapping[str, str]) -> str:
    """The part of an address that narrows the list, in one order; empty where nothing known narrows it.

    What the list does not know is left out; a value that it cannot have is a Refusal.
    """
    known = {name: asked[name] for name in PARAMETERS[page] if asked.get(name)}
    wrong = [name for name, value in known.items() if not PARAMETERS[page][name](value)]
    if wrong:
        raise Refusal("bad-search", _("This search cannot be kept. Narrow the list anew, then save it."))
    rules.check_text(**known)
    return urlencode(known)


def save(*, user: User, page: SearchPage, name: str, asked: Mapping[str, str]) -> SavedSearch:
    """Keep what the list is narrowed by under a name. A name that is in use is told as Incomplete."""
    rules.check_text(name=name)
    query = query_of(page, asked)
    if not query:
        raise Refusal("nothing-narrowed", _("Narrow the list first: there is nothing to keep yet."))
    try:
        with transaction.atomic():
            User.objects.select_for_update().get(pk=user.pk)  # the count must hold
            if SavedSearch.objects.filter(user=user).count() >= MOST_EACH:
                raise Refusal(
                    "too-many", _("You keep %(count)d searches, which is all there can be.") % {"count": MOST_EACH}
                )
            return SavedSearch.objects.create(user=user, page=page, name=name, query=query)
    except IntegrityError as error:
        if "name_once" not in str(error):
            raise
        problem = _("You have a search of this name already.")
        raise Incomplete("name-taken", problem, fields={"name": [problem]}) from None


def shown(user: User, page: SearchPage, query: str) -> dict:
    """What a list needs to show of the person's searches; `query` is that of the address."""
    kept = SavedSearch.objects.visible_to(user).filter(page=page)
    return {"saved_searches": kept, "search_page": page.value, "search_query": query}


def delete(*, search: SavedSearch) -> None:
    search.delete()
