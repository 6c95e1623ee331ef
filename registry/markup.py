"""XML that others wrote. Entities are made in a document type, and none of our formats has one: it is refused unread."""

from xml.parsers import expat


class DocumentTypeFound(Exception):
    """The document declares a type, and with it what its text stands for."""


class Gate:
    """Takes the bytes of one document, in pieces and in whatever encoding it declares, before another parser does.

    Raises DocumentTypeFound. What is no XML passes: the parser after it, of the same kind, will stop where this one did.
    """

    def __init__(self):
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._is_open = True

    def feed(self, piece: bytes, *, is_last: bool = False) -> None:
        if not self._is_open:
            return
        try:
            self._parser.Parse(piece, is_last)
        except expat.ExpatError:
            self._is_open = False

    def _refuse(self, *_declaration):
        raise DocumentTypeFound
