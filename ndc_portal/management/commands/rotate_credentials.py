"""manage.py rotate_credentials: encrypt everything that is stored encrypted with the newest key."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from exchange.services import webhooks
from registry.credentials import CredentialError
from registry.services import connections


class Command(BaseCommand):
    help = (
        "Encrypts credentials of sources and secrets of webhooks with the newest key of CREDENTIAL_KEYS, all or none."
    )

    def handle(self, *args, **options):
        try:
            with transaction.atomic():
                credentials, secrets = connections.rotate_credentials(), webhooks.rotate_stored()
        except CredentialError as error:
            raise CommandError(f"Nothing was changed. {error}") from None
        self.stdout.write(f"{credentials} credentials and {secrets} webhooks are encrypted with the newest key.")
