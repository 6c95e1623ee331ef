"""Model fields for text that people write: stored and compared in NFC, whatever the keyboard sends.

Identifiers of source databases use Django's own fields: they must stay byte for byte as the source has them.
"""

import unicodedata

from django.db import models


def nfc(value):
    """Text in NFC; anything that is not text unchanged."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


class TextLine(models.CharField):
    """One line of written text."""

    def get_prep_value(self, value):
        return nfc(super().get_prep_value(value))


class TextBlock(models.TextField):
    """Written text of any length."""

    def get_prep_value(self, value):
        return nfc(super().get_prep_value(value))
