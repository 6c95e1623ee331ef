"""manage.py load_reference: add the laws and administrative units that are missing."""

from django.core.management.base import BaseCommand

from registry.services import reference


class Command(BaseCommand):
    help = "Adds laws, amendments and administrative units that are missing; safe to run again."

    def handle(self, *args, **options):
        for kind, count in reference.load().items():
            self.stdout.write(f"{kind}: {count} new")
