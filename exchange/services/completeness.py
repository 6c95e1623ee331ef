"""What a request must say before it can be proposed: the fields of the form, and what each must hold."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.choices import ConsentBasis, Frequency, OnwardSharing
from exchange.models import ExchangeRequest
from exchange.refusals import Incomplete
from exchange.services import deadlines, scopes
from registry import citations
from registry.choices import AccessRights, Mode, PersonalData

REQUIRED = (
    "letter_number",
    "letter_subject",
    "signatory_name",
    "signatory_position",
    "focal_name",
    "focal_position",
    "focal_phone",
    "focal_email",
    "dataset",
    "field_names",
    "legal_basis",
    "legal_article",
    "purpose",
    "reason",
    "period_from",
    "period_to",
    "retention_until",
    "security_measures",
    "system_level",
)


def check(request: ExchangeRequest) -> None:
    """Raise Incomplete with every field that is missing or wrong, so that the clerk mends them in one go."""
    problems: dict[str, list] = {}
    for name in REQUIRED:
        if not getattr(request, name):
            problems[name] = [_("This field is needed.")]
    for name, message in _inconsistencies(request):
        problems.setdefault(name, []).append(message)
    if problems:
        raise Incomplete(
            "incomplete",
            _("The request is not complete: %(count)d points to mend.") % {"count": len(problems)},
            fields=problems,
        )


def _inconsistencies(request: ExchangeRequest):
    today = timezone.localdate()
    if request.has_state_secret is None:
        yield "has_state_secret", _("Declare whether state secrets are involved.")
    elif request.has_state_secret:
        yield (
            "has_state_secret",
            _("State secrets are not for this portal: use the channel of the law on state secrets."),
        )
    if not request.undertaking:
        yield "undertaking", _("The undertaking is needed.")
    for reason in basis_problems(request):
        yield "legal_basis", reason
    if request.period_to and request.period_to < today:
        yield "period_to", _("The period lies in the past.")
    if request.period_from and request.period_to and request.period_to < request.period_from:
        yield "period_to", _("The end lies before the start.")
    if request.retention_until and request.period_to and request.retention_until < request.period_to:
        yield "retention_until", _("Data is kept at least until the end of its use.")
    if request.onward_sharing == OnwardSharing.NAMED and not request.onward_agencies:
        yield "onward_agencies", _("Name the agencies.")
    if not request.named_users.exists():
        yield "named_users", _("Name at least one person or system who uses the data.")
    if request.dataset:
        yield from _about_dataset(request)
    if request.is_emergency:
        yield from _about_emergency(request, today)


def _about_emergency(request: ExchangeRequest, today):
    """Short, at once, and once."""
    if not request.emergency_ground:
        yield "emergency_ground", _("Say what the emergency is.")
    if not request.emergency_reason:
        yield "emergency_reason", _("Say why it cannot wait.")
    most = deadlines.longest_emergency()
    if request.period_from and request.period_to and (request.period_to - request.period_from).days >= most:
        yield "period_to", _("In an emergency access lasts %(days)d days at most.") % {"days": most}
    if request.period_from and request.period_from > today + timedelta(days=1):
        yield "period_from", _("What begins later than tomorrow is no emergency.")
    if request.mode == Mode.PACKAGE and request.frequency != Frequency.ONCE:
        yield "frequency", _("In an emergency a package is given once.")


def basis_problems(request: ExchangeRequest) -> list[str]:
    """Why the law that is cited does not carry the request: it has to be in force today and on the first day of use."""
    basis, today = request.legal_basis, timezone.localdate()
    if basis is None:
        return []
    days = [today]
    if request.period_from and request.period_from > today:
        days.append(request.period_from)
    reasons = [str(citations.warning(basis, day)) for day in days]
    return [reason for reason in reasons if reason][:1]


def check_basis(request: ExchangeRequest) -> None:
    """Refuse a signature under a law that has ended since the request was sent for it."""
    problems = basis_problems(request)
    if problems:
        raise Incomplete("basis-not-in-force", problems[0], fields={"legal_basis": problems})


def _about_dataset(request: ExchangeRequest):
    dataset = request.dataset
    if not type(dataset).objects.published().filter(pk=dataset.pk).exists():
        yield "dataset", _("This dataset is not offered at present.")
    if dataset.access_rights == AccessRights.NON_PUBLIC:
        yield "dataset", _("The owner does not share this dataset.")
    if dataset.database.owner_id == request.consumer_id:
        yield "dataset", _("This dataset belongs to your own agency.")
    asked = dataset.fields.shown().filter(name__in=scopes.asked_names(request))
    personal = asked.exclude(personal_data=PersonalData.NONE).exists()
    if personal and request.consent_basis in ("", ConsentBasis.NOT_PERSONAL):
        yield "consent_basis", _("Personal data is asked for: state the statutory ground or the consent.")
