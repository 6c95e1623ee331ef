"""Who calls: the account of an agency's system, by an access token that it fetched with its client credentials."""

import hashlib

from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AccessToken, Application
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from registry import permissions
from registry.choices import Role
from registry.models import User

LONGEST_TOKEN = 255


class SystemAuthentication(BaseAuthentication):
    """`Authorization: Bearer …`. Nothing is cached: who loses account or role is refused with the very next request."""

    def authenticate(self, request) -> tuple[User, AccessToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2 or len(parts[1]) > LONGEST_TOKEN:
            raise self._failed()
        token = _stored(parts[1])
        if token is None or token.is_expired() or not token.allows_audience(request.build_absolute_uri(request.path)):
            raise self._failed()
        user = system_of(token.application)
        if user is None:
            raise self._failed()
        return user, token

    def authenticate_header(self, request) -> str:
        return 'Bearer realm="api"'

    @staticmethod
    def _failed() -> AuthenticationFailed:
        # One answer for unknown, expired and disabled: it tells nobody which accounts exist.
        return AuthenticationFailed(_("The access token is not valid (any more). Fetch a new one."), "invalid-token")


def system_of(application: Application | None) -> User | None:
    """The system account for which the application acts, if it may act today.

    Client credentials give tokens that name no user, so the account is the application's.
    """
    user = application.user if application else None
    if user is None or not user.is_active or not permissions.has_role(user, Role.SYSTEM):
        return None
    return user


def _stored(token: bytes) -> AccessToken | None:
    # Only the checksum of a token is stored, so a copy of the database opens nothing.
    checksum = hashlib.sha256(token).hexdigest()
    return AccessToken.objects.select_related("application__user").filter(token_checksum=checksum).first()
