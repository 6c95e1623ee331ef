"""Every error of the API in one shape: a stable code, a sentence for a person, and reasons per field where there are any."""

import logging

from django.db import DatabaseError
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from evidence.ledger import EvidenceError
from exchange.refusals import Refusal
from registry.connectors import SourceError, TemporarySourceError

logger = logging.getLogger(__name__)

RETRY_SECONDS = 30
# What the caller's own key can cause; every other permanent error is the source's.
CALLERS_FAULT = {"bad-filter": _("This is not a number that the field of the record can hold.")}
# Sentences of our own: those of the libraries quote what was sent, which may be a personal number.
DETAILS = {
    exceptions.ParseError: ("malformed", _("The body is not one JSON object.")),
    exceptions.ValidationError: ("invalid", _("The request does not have the shape that is described at /api/v1/schema/.")),
    exceptions.NotAuthenticated: ("not-authenticated", _("Send an access token, or sign in.")),
    exceptions.NotFound: ("not-found", _("There is no such thing, or it is not yours to see.")),
    exceptions.MethodNotAllowed: ("method-not-allowed", _("This address does not know the method.")),
    exceptions.NotAcceptable: ("not-acceptable", _("The API answers in JSON.")),
    exceptions.UnsupportedMediaType: ("unsupported-media-type", _("Send the body as application/json.")),
    exceptions.Throttled: ("throttled", _("Too many requests. Wait as long as the header Retry-After says.")),
}  # fmt: skip


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too-large"
    default_detail = _("The body is larger than any request of this API can be.")


def handle(exc: Exception, context: dict) -> Response | None:
    """The answer for an error that a person or system can do something about; None leaves a defect to Django."""
    if isinstance(exc, Refusal):
        headers = {"Retry-After": exc.retry_after} if exc.retry_after else None
        return _answer(exc.status, exc.code, exc.message, fields=exc.fields, headers=headers)
    if isinstance(exc, SourceError):
        return _source_answer(exc)
    if isinstance(exc, EvidenceError | DatabaseError):
        # The text of a database error can quote values, so only its class is written down.
        logger.error("the portal's own database failed: %s", type(exc).__name__)
        return _answer(
            status.HTTP_503_SERVICE_UNAVAILABLE,
            "not-recorded",
            _("The portal cannot record what is done at present, so nothing is handed out. Try again later."),
            headers={"Retry-After": RETRY_SECONDS},
        )
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    response = exception_handler(exc, context)
    if response is not None:
        code, detail = DETAILS.get(type(exc), (_code_of(exc), exc.detail))
        fields = exc.detail if isinstance(exc, exceptions.ValidationError) else None
        response.data = _document(code, detail, fields)
    return response


def _source_answer(error: SourceError) -> Response:
    if isinstance(error, TemporarySourceError):
        headers = {"Retry-After": RETRY_SECONDS}
        return _answer(status.HTTP_503_SERVICE_UNAVAILABLE, error.code, error.message, headers=headers)
    if error.code in CALLERS_FAULT:
        return _answer(status.HTTP_422_UNPROCESSABLE_ENTITY, error.code, CALLERS_FAULT[error.code])
    return _answer(status.HTTP_502_BAD_GATEWAY, error.code, error.message)


def _answer(
    status_code: int, code: str, detail, *, fields: dict | None = None, headers: dict | None = None
) -> Response:
    headers = {name: str(value) for name, value in (headers or {}).items()}
    return Response(_document(code, detail, fields), status=status_code, headers=headers)


def _document(code: str, detail, fields: dict | None) -> dict:
    document = {"code": code, "detail": str(detail)}
    if fields:
        document["fields"] = {name: [str(message) for message in messages] for name, messages in fields.items()}
    return document


def _code_of(exc: exceptions.APIException) -> str:
    codes = exc.get_codes()
    return (codes if isinstance(codes, str) else exc.default_code).replace("_", "-")
