"""manage.py rotate_credentials: encrypt the credentials of all sources with the newest key."""

from django.core.management.base import BaseCommand, CommandError

from registry.credentials import CredentialError
from registry.services import connections


class Command(BaseCommand):
    help = "Encrypts every stored credential with the newest key of CREDENTIAL_KEYS."

    def handle(self, *args, **options):
        try:
            count = connections.rotate_credentials()
        except CredentialError as error:
            raise CommandError(f"Nothing was changed. {error}") from None
        self.stdout.write(f"{count} credentials are encrypted with the newest key.")
