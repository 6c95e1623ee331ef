"""Credentials of source databases at rest: Fernet, newest key first; older keys only decrypt until rotation."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables


class CredentialError(Exception):
    """A stored credential cannot be read with the keys that the portal has."""


@sensitive_variables("credential")
def encrypt(credential: str) -> str:
    return _keys().encrypt(credential.encode()).decode()


def decrypt(stored: str) -> str:
    """The credential in the clear, for the moment of connecting only. Raises CredentialError."""
    return _read(_keys().decrypt, stored).decode()


def rotate(stored: str) -> str:
    """The same credential under the newest key. Raises CredentialError."""
    return _read(_keys().rotate, stored).decode()


def _read(how, stored: str) -> bytes:
    try:
        return how(stored.encode())
    except InvalidToken:
        raise CredentialError(
            _("The stored credential was encrypted with a key that is not in CREDENTIAL_KEYS. Enter it again.")
        ) from None


def _keys() -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in settings.CREDENTIAL_KEYS])
    except ValueError:
        # The cause would quote the key.
        raise ImproperlyConfigured("CREDENTIAL_KEYS has to hold Fernet keys, separated by commas") from None
