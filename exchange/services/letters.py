"""Decision letters: numbered without gaps for each agency and year, with the hash of what they say."""

from django.utils import timezone

from exchange.models import Letter, LetterCounter, ReviewCase
from exchange.scope import canonical, sha256


def issue(*, case: ReviewCase, content: dict) -> Letter:
    """Write the letter inside the caller's transaction: a number is taken only if the decision stands."""
    year = timezone.localdate().year
    LetterCounter.objects.get_or_create(agency=case.provider, year=year)
    counter = LetterCounter.objects.select_for_update().get(agency=case.provider, year=year)
    counter.last += 1
    counter.save(update_fields=["last"])
    text = canonical(content)
    return Letter.objects.create(
        case=case,
        agency=case.provider,
        year=year,
        number=counter.last,
        content=text,
        content_hash=sha256(text),
    )
