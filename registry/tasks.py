"""What the queue calls: ids in, nothing out. Every task may run twice."""

from registry.profiling import run


def profile(profile_id: int) -> None:
    run.profile(profile_id)
