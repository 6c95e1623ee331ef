"""What can go wrong while the demonstration is built."""


class SourceError(Exception):
    """A source database cannot be built here; the message says what the operator has to change."""
