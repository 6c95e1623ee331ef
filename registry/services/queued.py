"""What waits in the queue. Rows are the truth and tasks only wake a worker, so this is asked to not nudge twice."""

from django.db.models import QuerySet
from django.utils import timezone
from django_q.models import OrmQ


def waiting() -> QuerySet:
    """Tasks that nobody has taken. One that a cluster took does not count: nobody knows whether that cluster lives."""
    return OrmQ.objects.filter(lock__lte=timezone.now())


def ids_waiting(task_name: str) -> set[int]:
    """The rows (first arguments) for which a task of this name waits."""
    tasks = [row.task for row in waiting()]
    return {task["args"][0] for task in tasks if task.get("func") == task_name}
