"""manage.py worker: the process that delivers. Run one or several; each survives the sudden end of the others."""

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django_q.models import Schedule

from exchange.fulfilment import locks
from exchange.services import deliveries

# name: what is called, and after how many minutes again
SCHEDULES = {
    "sweep": ("exchange.tasks.sweep", 1),
    "structures": ("registry.tasks.compare_structures", 5),
    "subscriptions": ("registry.tasks.tell_subscribers", 15),
}


class Command(BaseCommand):
    help = "Runs the queue, after looking at once for what an earlier worker left behind."

    def handle(self, *args, **options):
        schedule_sweep()
        deliveries.nudge_due()
        call_command("qcluster")


@transaction.atomic
def schedule_sweep() -> None:
    """Leave exactly one schedule of each kind. Their names are not unique, and workers may start at the same moment."""
    locks.wait_for(locks.START)
    for name, (func, minutes) in SCHEDULES.items():
        settled = {"func": func, "schedule_type": Schedule.MINUTES, "minutes": minutes, "repeats": -1}
        named = Schedule.objects.filter(name=name)
        first = named.order_by("pk").first() or Schedule.objects.create(name=name, **settled)
        named.filter(pk=first.pk).update(**settled)
        named.exclude(pk=first.pk).delete()
