"""What must not change under a database whose data is shared."""

from django.utils.translation import gettext as _

from registry.errors import RegistryRefusal
from registry.models import Agency, Database, SharingPolicy


def check_owner(*, database: Database, owner: Agency) -> None:
    """Refuse another owner while policies speak for the present one: they would bind an agency that never decided."""
    if database.owner_id != owner.pk and _policies(database).exists():
        raise RegistryRefusal(
            "owner-bound",
            _("The owner cannot change while sharing policies are in force or to come. End them first."),
        )


def check_min_quorum(*, database: Database, min_quorum: int) -> None:
    """Refuse a floor above the quorum of a policy that is not over: what it offers would silently be gone."""
    below = _policies(database).filter(quorum__lt=min_quorum)
    if below:
        raise RegistryRefusal(
            "quorum",
            _("These policies ask for fewer approvers: %(titles)s. Let the owner raise or end them first.")
            % {"titles": ", ".join(policy.title for policy in below[:10])},
        )


def _policies(database: Database):
    return SharingPolicy.objects.not_over().filter(dataset__database=database)
