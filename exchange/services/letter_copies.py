"""Handing out a letter as a file: known by its hash from then on, and on record."""

import hashlib

from django.db import transaction

from evidence import ledger
from exchange import rules
from exchange.models import Letter, LetterCopy
from exchange.printing.typesetting import pdf_of
from exchange.states import Side
from registry.actors import actor_of
from registry.models import User


def hand_out(*, letter: Letter, language: str, by: User, side: Side, base: str) -> bytes:
    """The letter as PDF in `language`, for a person who may see it, of the agency that asked or of the one that decided."""
    pdf = pdf_of(letter, language=language, base=base)
    digest = hashlib.sha256(pdf).hexdigest()
    request = letter.case.request
    with transaction.atomic():
        LetterCopy.objects.get_or_create(sha256=digest, defaults={"letter": letter, "language": language})
        ledger.record(
            action="letter.download",
            actor=actor_of(by, rules.acting_agency(side, request, by)),
            subject=("letter", str(letter.public_id)),
            correlation_id=request.code,
            details={"language": language, "sha256": digest},
        )
    return pdf
