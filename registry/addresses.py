"""Parts of addresses. Whatever a source calls its columns, the address of a field can be typed and sent."""

import base64
import binascii
import re

from django.urls import register_converter

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
SIGN = "~"  # in front of a name that is written in base 64


class ColumnName:
    """A path converter: plain names as they are; others (accents, slashes, spaces, right-to-left) in base 64."""

    regex = r"~?[A-Za-z0-9_.-]+"

    def to_python(self, value: str) -> str:
        if not value.startswith(SIGN):
            return value
        try:
            padded = value[1:] + "=" * (-len(value[1:]) % 4)
            return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError("no name of a column") from error

    def to_url(self, value: str) -> str:
        if SAFE.match(value):
            return value
        return SIGN + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


class AgencyCode:
    """A path converter: codes of agencies, which may hold letters of any script and dots."""

    regex = r"[\w.-]{1,30}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


# Here, once: two lists of addresses use them.
register_converter(ColumnName, "column")
register_converter(AgencyCode, "agency")
