"""What the registry says when it refuses."""

from django.utils.functional import Promise


class RegistryRefusal(Exception):
    """A rule of the registry stands against it. `code` is stable and goes on record; `str()` is for a person to read."""

    def __init__(self, code: str, message: str | Promise):
        super().__init__(code, str(message))
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return str(self.message)
