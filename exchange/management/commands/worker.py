"""manage.py worker: the process that delivers. Run one or several; each survives the sudden end of the others."""

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django_q.models import Schedule

from exchange.services import deliveries

SWEEP = "exchange.tasks.sweep"
SWEEP_MINUTES = 1


class Command(BaseCommand):
    help = "Runs the queue, after looking at once for what an earlier worker left behind."

    def handle(self, *args, **options):
        Schedule.objects.update_or_create(
            name="sweep",
            defaults={"func": SWEEP, "schedule_type": Schedule.MINUTES, "minutes": SWEEP_MINUTES, "repeats": -1},
        )
        deliveries.nudge_due()
        call_command("qcluster")
