"""Fetching an access token: OAuth 2.0 client credentials (RFC 6749, section 4.4), and no other grant."""

import json

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauth2_provider.oauth2_validators import OAuth2Validator
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import FormParser
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from exchange.api import schema, serializers
from exchange.api.authentication import system_of


class SystemValidator(OAuth2Validator):
    """The library's checks, and that the application belongs to an account that may act today."""

    def authenticate_client(self, request, *args, **kwargs) -> bool:
        return super().authenticate_client(request, *args, **kwargs) and system_of(request.client) is not None

    def _load_application(self, client_id, request):
        # The library expects a ValueError for a NUL; psycopg 3 raises a DataError instead.
        return None if client_id and "\0" in client_id else super()._load_application(client_id, request)


class TokenThrottle(AnonRateThrottle):
    scope = "token"


class TokenView(APIView):
    """Errors have the shape of RFC 6749, section 5.2, because ready-made clients read that one."""

    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = [TokenThrottle]
    parser_classes = [FormParser]
    content_negotiation_class = DefaultContentNegotiation
    http_method_names = ["post"]

    @extend_schema(
        operation_id="token",
        tags=["oauth"],
        auth=[],
        summary=_("Fetch an access token with client credentials"),
        request=serializers.TokenRequestSerializer,
        responses={
            200: serializers.TokenSerializer,
            400: OpenApiResponse(serializers.TokenErrorSerializer, description=_("Another grant, or a broken request")),
            401: OpenApiResponse(serializers.TokenErrorSerializer, description=_("Unknown client or wrong secret")),
            **schema.refusals(429, 503),
        },
    )
    def post(self, request) -> Response:
        if request.META["QUERY_STRING"]:
            # Secrets in addresses end up in logs; and the library fails on a query that it cannot decode.
            return Response({"error": "invalid_request"}, status=400, headers={"Cache-Control": "no-store"})
        _uri, headers, body, status = get_oauthlib_core().create_token_response(request._request)
        kept = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        return Response(json.loads(body), status=status, headers={**kept, "Cache-Control": "no-store"})
