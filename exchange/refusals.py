"""Why something cannot be done, as an error that each edge maps once: message for a person, 403 or 409 for a machine."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SUSPENDED = _(
    "Sharing of this dataset is suspended: its source changed, and the owner has to review that first. Follow the dataset "
    "to be told of changes, or ask whoever looks after it."
)


class Refusal(Exception):
    """A rule forbids what was asked. `code` is stable; `message` says what to do next."""

    status = 403
    retry_after: int | None = None  # seconds, where waiting helps

    def __init__(self, code: str, message: str | Promise, *, fields: dict | None = None):
        super().__init__(code, str(message))
        self.code = code
        self.message = message
        self.fields = fields or {}

    def __str__(self) -> str:
        return str(self.message)


class WrongState(Refusal):
    """The object has moved on: somebody was faster, or the button was pressed twice."""

    status = 409

    def __init__(self, current: str | Promise):
        super().__init__(
            "wrong-state",
            _("This is no longer possible: the state is now “%(state)s”. Reload the page to see what happened.")
            % {"state": current},
        )


class Suspended(Refusal):
    """What is asked for is on offer, and waits until its owner has reviewed a change of the source."""

    status = 409


class Incomplete(Refusal):
    """Something is missing or does not fit; `fields` names each form field and what is wrong with it."""

    status = 422
