"""How a person appears in the ledger: by public id, never by name."""

from evidence.ledger import SYSTEM, Actor
from registry.models import Agency, User


def actor_of(user: User | None, agency: Agency | None = None) -> Actor:
    """The person, and the agency for which the person acts; the system where there is no person."""
    if user is None:
        return SYSTEM
    return Actor(name=str(user.public_id), agency=agency.code if agency else "")
