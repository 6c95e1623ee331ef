"""What each role may do in the admin, as Django's model permissions, and whose rows it may see there.

Object permissions and the rules of separation come on top of it; nobody may delete what can be evidence.
"""

from django.db.models import QuerySet

from registry.choices import Role
from registry.models import Agency, Membership, User
from registry.permissions import has_role

REGISTRY = (
    "administrativeunit",
    "agency",
    "agencycode",
    "agencycontact",
    "agencymove",
    "amendment",
    "connection",
    "database",
    "dataset",
    "datasetprofile",
    "delegation",
    "field",
    "fieldprofile",
    "fieldsuggestion",
    "legalinstrument",
    "membership",
    "metadataimport",
    "notice",
    "policyfield",
    "registrychange",
    "schemachange",
    "schemasnapshot",
    "searchsynonym",
    "sharingpolicy",
    "stewardship",
    "structurewatch",
    "subscription",
    "unitcode",
    "user",
)
EXCHANGE = (
    "advice",
    "afterreview",
    "agreement",
    "attachment",
    "attestation",
    "calendarday",
    "comment",
    "deadlineprofile",
    "decision",
    "delivery",
    "deliveryattempt",
    "destructioncertificate",
    "exchangerequest",
    "jointrequest",
    "letter",
    "lookup",
    "lookuprate",
    "lookupusage",
    "outboxevent",
    "recusal",
    "paperexchange",
    "requesttemplate",
    "reviewcase",
    "revision",
    "savedsearch",
    "stopnotice",
    "webhookattempt",
    "webhookendpoint",
    "webhookmessage",
)
# Roles that work at the desk of a data owner, and see its rows only.
DESK_ROLES = (Role.CASE_OFFICER, Role.REVIEWER, Role.APPROVER)
# Roles that see the rows of every agency, as far as they may see the model at all.
WIDE_ROLES = (Role.OPERATOR, Role.AUDITOR)


def _permissions(app: str, actions: tuple[str, ...], models: tuple[str, ...]) -> set[str]:
    return {f"{app}.{action}_{model}" for action in actions for model in models}


# Snapshots come from reading a source; only an approver can delegate, or say what the owner shares.
_READ_BY_OPERATORS = (
    "datasetprofile",
    "delegation",
    "fieldprofile",
    "fieldsuggestion",
    "policyfield",
    "registrychange",
    "schemachange",
    "schemasnapshot",
    "sharingpolicy",
)
# What people are told is theirs; auditors see that they were.
_CLOSED_TO_OPERATORS = ("notice", "subscription")
_KEPT_BY_OPERATORS = tuple(model for model in REGISTRY if model not in (*_READ_BY_OPERATORS, *_CLOSED_TO_OPERATORS))

_DESK = _permissions(
    "registry",
    ("view",),
    (
        "administrativeunit",
        "agency",
        "agencycode",
        "agencycontact",
        "agencymove",
        "amendment",
        "database",
        "dataset",
        "datasetprofile",
        "delegation",
        "field",
        "fieldprofile",
        "fieldsuggestion",
        "legalinstrument",
        "policyfield",
        "schemachange",
        "schemasnapshot",
        "sharingpolicy",
        "stewardship",
        "unitcode",
    ),
) | _permissions(
    "exchange",
    ("view",),
    (
        "advice",
        "afterreview",
        "agreement",
        "comment",
        "decision",
        "destructioncertificate",
        "exchangerequest",
        "letter",
        "reviewcase",
        "revision",
    ),
)

ROLE_PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.REQUESTER: frozenset(),
    Role.ENDORSER: frozenset(),
    Role.CASE_OFFICER: frozenset(_DESK),
    Role.REVIEWER: frozenset(_DESK),
    Role.APPROVER: frozenset(
        _DESK
        | _permissions("registry", ("add", "change"), ("agencymove", "delegation", "sharingpolicy", "stewardship"))
        # Taking a field out of a policy only narrows what is shared.
        | _permissions("registry", ("add", "change", "delete"), ("policyfield",))
        | {"registry.view_user"}
    ),
    Role.OPERATOR: frozenset(
        _permissions("registry", ("add", "change", "view"), _KEPT_BY_OPERATORS)
        | _permissions("registry", ("view",), _READ_BY_OPERATORS)
        | _permissions("exchange", ("add", "change", "view"), ("calendarday", "deadlineprofile"))
        | _permissions("exchange", ("view",), ("agreement", "delivery", "deliveryattempt", "paperexchange"))
        # Whether what is sent arrives; the events themselves are the agencies'.
        | _permissions("exchange", ("view",), ("webhookattempt", "webhookendpoint", "webhookmessage"))
    ),
    Role.AUDITOR: frozenset(
        _permissions("registry", ("view",), REGISTRY)
        | _permissions("exchange", ("view",), EXCHANGE)
        | _permissions("axes", ("view",), ("accessattempt", "accessfailurelog", "accesslog"))
        | {"evidence.view_entry"}
    ),
    Role.SYSTEM: frozenset(),
}


def sees_every_agency(user: User) -> bool:
    """Whether lists are not narrowed to the own agencies; superusers see everything, and decide nothing by it."""
    return user.is_active and (user.is_superuser or has_role(user, *WIDE_ROLES))


def agencies_served(user: User) -> QuerySet[Agency]:
    """The agencies at whose desk the person works today."""
    return Agency.objects.filter(
        pk__in=Membership.objects.today().filter(user=user, role__in=DESK_ROLES).values("agency")
    )
