"""manage.py run_portal: web server and worker together, for one machine."""

from django.conf import settings
from django.core.management.base import BaseCommand

from ndc_portal import supervisor


class Command(BaseCommand):
    help = "Serves the portal and works on its queue until stopped. Whatever ends by itself is started again."

    def add_arguments(self, parser):
        parser.add_argument("--bind", default="127.0.0.1:8000", help="host:port, default 127.0.0.1:8000")
        parser.add_argument("--web-processes", type=int, default=2)

    def handle(self, *args, **options):
        self.stdout.write(f"http://{options['bind']}/  (Ctrl-C stops)")
        supervisor.run(options["bind"], manage=settings.BASE_DIR / "manage.py", web_processes=options["web_processes"])
