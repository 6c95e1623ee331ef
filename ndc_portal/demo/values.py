"""What the story knows about values: profiles of its datasets, and some suggestions decided, some left to decide."""

from django.contrib.auth.models import AbstractBaseUser

from registry.choices import SuggestionState
from registry.models import Dataset, DatasetProfile, FieldSuggestion
from registry.profiling import run
from registry.services import classification, profiles

DECIDED = ("ho_khau_tinh", "tinh", "xa")  # tables without people; those with people wait for whoever looks around
FEWEST_POINTS = 40


def look(*, operator: AbstractBaseUser) -> dict[str, int]:
    """Profile what the story published, as a worker would, and accept what is plain; how much there was of each."""
    for dataset in Dataset.objects.published().order_by("pk"):
        run.profile(profiles.ask(dataset=dataset, by=operator).pk)
    plain = FieldSuggestion.objects.open().filter(
        field__dataset__table_name__in=DECIDED, personal_data="none", score__gte=FEWEST_POINTS
    )
    classification.decide_all(suggestions=list(plain), act="accept", by=operator)
    return {
        "profiles": DatasetProfile.objects.done().count(),
        "accepted": FieldSuggestion.objects.filter(state=SuggestionState.ACCEPTED).count(),
        "open": FieldSuggestion.objects.open().count(),
    }
