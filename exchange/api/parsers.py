"""Reading request bodies without letting a hostile one do harm."""

import json

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from exchange.api.errors import TooLarge

LARGEST = 16 * 1024  # bytes: a look-up is three short texts


class SmallJSONParser(JSONParser):
    """One JSON object of a few members: bounded, in UTF-8, each name once, no NaN."""

    def parse(self, stream, media_type=None, parser_context=None) -> dict:
        body = stream.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise TooLarge
        try:
            document = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        except (ValueError, RecursionError):
            # Without the cause: its text and traceback quote what was sent.
            raise ParseError from None
        if not isinstance(document, dict):
            raise ParseError
        return document


def _unique(pairs: list[tuple]) -> dict:
    # Two readers may each take another one of two members with the same name.
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name occurs twice")
    return document


def _refuse(constant: str):
    raise ValueError(constant)
