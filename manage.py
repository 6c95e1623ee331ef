#!/usr/bin/env python
"""Entry point of the portal's commands; starts the private PostgreSQL when no DATABASE_URL is given."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ndc_portal.settings")
    from django.core.management import execute_from_command_line

    from ndc_portal import database

    database.ensure_running()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
