"""Why a file is not taken."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Unacceptable(Exception):
    """The file is not taken. `code` is stable; `message` says what is wrong with it."""

    def __init__(self, code: str, message: str | Promise):
        super().__init__(code)
        self.code = code
        self.message = message


def damaged() -> Unacceptable:
    return Unacceptable("file-damaged", _("The file is damaged or not complete. Save it anew and attach that."))
