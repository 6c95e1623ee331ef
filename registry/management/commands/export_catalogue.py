"""Writes the whole public catalogue as linked data: manage.py export_catalogue --format turtle|json-ld|xml"""

import os
import sys
from pathlib import Path

from django.core.management.base import BaseCommand

from registry.dcat.addresses import Addresses, portal_address
from registry.dcat.export import FORMATS, Export


class Command(BaseCommand):
    help = "Write the published catalogue as DCAT-AP 3.0.1 or BRegDCAT-AP 2.1, to a file or to the standard output."

    def add_arguments(self, parser):
        parser.add_argument("--format", choices=[one.name for one in FORMATS], default="turtle")
        parser.add_argument("--profile", choices=["dcat-ap", "breg"], default="dcat-ap")
        parser.add_argument("--with-fields", action="store_true", help="describe every field of every dataset")
        parser.add_argument("--output", type=Path, help="file to write; nobody sees it half written")

    def handle(self, *args, **options):
        chosen = next(one for one in FORMATS if one.name == options["format"])
        export = Export(
            Addresses(portal_address()), breg=options["profile"] == "breg", with_fields=options["with_fields"]
        )
        parts = chosen.write(export.whole())
        if options["output"] is None:
            sys.stdout.writelines(parts)
            return
        target = options["output"].resolve()
        unfinished = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with unfinished.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
