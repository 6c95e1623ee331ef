"""manage.py write_states: write docs/states.md from the transition tables."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange.states_document import document


class Command(BaseCommand):
    help = "Writes docs/states.md from exchange/states.py; with --check it only says whether the file is up to date."

    def add_arguments(self, parser):
        parser.add_argument("--check", action="store_true", help="exit code 1 when the file differs")

    def handle(self, *args, **options):
        path = settings.BASE_DIR / "docs" / "states.md"
        if not options["check"]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(document(), encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != document():
            raise CommandError("docs/states.md differs from exchange/states.py: run manage.py write_states")
