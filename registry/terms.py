"""A sharing policy in words: who may ask, how much in which time, who decides. The same for readers and for owners."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registry.choices import AgencyKind, Limit, Mode
from registry.models import SharingPolicy


def grouped(number: int) -> str:
    """With a narrow space between the thousands, the same in every language."""
    return f"{number:,}".replace(",", "\u202f")


def recipients(policy: SharingPolicy) -> list[str]:
    """Who may ask, way by way; reads `recipients`, which lists prefetch."""
    if policy.any_agency:
        return [_("Any state agency")]
    found = [
        _("Every agency of the kind “%(kind)s”") % {"kind": AgencyKind(one).label} for one in policy.recipient_kinds
    ]
    if named := sorted(agency.name for agency in policy.recipients.all()):
        names = ", ".join(named)
        found.append(_("%(names)s, with the units below") % {"names": names} if policy.includes_units else names)
    return found


def limits(policy: SharingPolicy) -> list[str]:
    """How much in which time, for the ways in which the policy gives data."""
    found: dict[Limit, int] = {}
    for mode in policy.modes:
        found.update(policy.limits_for(mode))
    return limit_sentences(found)


def limit_sentences(found: Mapping[str, int]) -> list[str]:
    return [limit_sentence(limit, found[limit]) for limit in Limit if limit in found]


def limit_sentence(limit: Limit, most: int) -> str:
    sentence = {
        Limit.ROWS_PER_MONTH: lambda: ngettext(
            "at most %(most)s row in all packages of a month", "at most %(most)s rows in all packages of a month", most
        ),
        Limit.DELIVERIES_PER_MONTH: lambda: ngettext(
            "at most %(most)s package a month", "at most %(most)s packages a month", most
        ),
        Limit.LOOKUPS_PER_DAY: lambda: ngettext(
            "at most %(most)s look-up a day", "at most %(most)s look-ups a day", most
        ),
        Limit.LOOKUPS_PER_MINUTE: lambda: ngettext(
            "at most %(most)s look-up a minute", "at most %(most)s look-ups a minute", most
        ),
    }[limit]()
    return sentence % {"most": grouped(most)}


def decision(policy: SharingPolicy) -> list[str]:
    """Who decides on a request under the policy."""
    if policy.is_standing:
        return [_("Standing permission: a request that keeps wholly to these terms is granted without a new decision.")]
    found = [
        ngettext(
            "%(quorum)d approver of the owner decides on each request.",
            "%(quorum)d approvers of the owner decide on each request.",
            policy.quorum,
        )
        % {"quorum": policy.quorum}
    ]
    if policy.reviews_needed:
        found.append(
            ngettext(
                "Before that, %(count)d reviewer gives advice.",
                "Before that, %(count)d reviewers give advice.",
                policy.reviews_needed,
            )
            % {"count": policy.reviews_needed}
        )
    if policy.blind_review:
        found.append(_("No approver or reviewer sees the votes and the advice of others before all of them are in."))
    return found


def modes(policy: SharingPolicy) -> list[str]:
    return [str(mode.label) for mode in Mode if mode in policy.modes]
