"""manage.py worker: the process that delivers. Run one or several; each survives the sudden end of the others."""

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django_q.models import Schedule

from exchange.fulfilment import locks
from exchange.services import deliveries

NAME = "sweep"
SWEEP = "exchange.tasks.sweep"
SWEEP_MINUTES = 1


class Command(BaseCommand):
    help = "Runs the queue, after looking at once for what an earlier worker left behind."

    def handle(self, *args, **options):
        schedule_sweep()
        deliveries.nudge_due()
        call_command("qcluster")


@transaction.atomic
def schedule_sweep() -> None:
    """Leave exactly one schedule of the sweep. Its name is not unique, and workers may start at the same moment."""
    locks.wait_for(locks.START)
    settled = {"func": SWEEP, "schedule_type": Schedule.MINUTES, "minutes": SWEEP_MINUTES, "repeats": -1}
    first = Schedule.objects.filter(name=NAME).order_by("pk").first() or Schedule.objects.create(name=NAME, **settled)
    Schedule.objects.filter(pk=first.pk).update(**settled)
    Schedule.objects.filter(name=NAME).exclude(pk=first.pk).delete()
