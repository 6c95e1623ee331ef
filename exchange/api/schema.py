"""What the OpenAPI document says about callers and errors."""

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse

from exchange.api import serializers

MEANINGS = {
    400: _("Malformed JSON, unknown or missing members, values of a wrong shape"),
    401: _("No valid access token, and nobody signed in"),
    403: _("A rule forbids it: the code says which"),
    404: _("Absent, or not visible to the caller's agency"),
    409: _("The state has changed meanwhile"),
    413: _("The body is too large"),
    415: _("The body is not JSON"),
    422: _("Something is missing or does not fit: see the fields"),
    429: _("Too many requests: wait as long as Retry-After says"),
    502: _("The source reports an error that a person must mend"),
    503: _("The source or the ledger does not answer now: try again after Retry-After"),
}


def refusals(*statuses: int) -> dict[int, OpenApiResponse]:
    return {status: OpenApiResponse(serializers.ErrorSerializer, description=MEANINGS[status]) for status in statuses}


class SystemScheme(OpenApiAuthenticationExtension):
    target_class = "exchange.api.authentication.SystemAuthentication"
    name = "system"

    def get_security_definition(self, auto_schema) -> dict:
        from oauth2_provider.settings import oauth2_settings

        scopes = {name: str(text) for name, text in oauth2_settings.SCOPES.items()}
        return {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": "/api/v1/oauth/token/", "scopes": scopes}},
        }

    def get_security_requirement(self, auto_schema) -> list[dict]:
        # One of the view's scopes is enough: alternatives, where a list inside one requirement would ask for all.
        return [{self.name: [scope]} for scope in auto_schema.view.scopes]
