"""Make the role under which web processes work, which owns no table."""

from django.core.management.base import BaseCommand
from django.db import connection, transaction

from ndc_portal import database_roles


class Command(BaseCommand):
    help = "Make or renew the database role of web processes. Run it as the owner of the tables, after migrate."

    def handle(self, *args, **options):
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in database_roles.web_role():
                cursor.execute(statement)
        self.stdout.write(f"{database_roles.WEB}: rows of all tables; nothing in the ledger but new entries")
