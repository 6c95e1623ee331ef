"""What a form needs not ask, because the portal knows it."""

from registry.models import User


def known_of(clerk: User) -> dict:
    """What the portal knows already of whoever fills in the form."""
    return {
        "focal_name": clerk.full_name,
        "focal_position": clerk.position,
        "focal_phone": clerk.phone,
        "focal_email": clerk.email,
    }
