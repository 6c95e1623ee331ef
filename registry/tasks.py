"""What the queue calls: ids in, nothing out. Every task may run twice."""

from registry.models import Database, StructureWatch
from registry.profiling import run
from registry.services import classification, import_runs, readings, subscriptions, watching


def profile(profile_id: int) -> None:
    run.profile(profile_id)


def suggest(database_id: int) -> None:
    classification.suggest(database=Database.objects.get(pk=database_id))


def compare_structures() -> None:
    watching.enqueue_due()


def compare_structure(watch_id: int) -> None:
    watching.compare(watch=StructureWatch.objects.select_related("connection__database").get(pk=watch_id))


def tell_subscribers() -> None:
    subscriptions.tell()


def apply_import(import_id: int) -> None:
    import_runs.work(import_id)


def read_structure(reading_id: int) -> None:
    readings.work(reading_id)
