"""What each kind of error becomes, where no address shows it."""

import json

import pytest
from django.db import IntegrityError, OperationalError

from evidence.ledger import EvidenceError
from exchange.api.errors import handle
from exchange.refusals import Incomplete, Refusal, WrongState
from registry.connectors import PermanentSourceError, TemporarySourceError


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refusal("rule-1", "No."), 403, "rule-1"),
        (WrongState("active"), 409, "wrong-state"),
        (Incomplete("incomplete", "No.", fields={"key": ["No."]}), 422, "incomplete"),
        (TemporarySourceError("unreachable"), 503, "unreachable"),
        (PermanentSourceError("access-denied"), 502, "access-denied"),
        (EvidenceError("secret"), 503, "not-recorded"),
        (OperationalError("secret"), 503, "not-recorded"),
        (IntegrityError("Failing row contains (secret)"), 503, "not-recorded"),
    ],
)
def test_error_becomes(error, status, code, caplog):
    answer = handle(error, {})
    assert answer.status_code == status
    assert answer.data["code"] == code
    assert answer.has_header("Retry-After") is (status == 503)
    assert "secret" not in json.dumps(answer.data) + caplog.text


def test_defect_is_left_to_django():
    assert handle(ZeroDivisionError(), {}) is None
