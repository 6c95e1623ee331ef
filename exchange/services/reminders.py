"""Telling a consumer in time that an agreement ends, while another period can still be asked for and decided."""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange import workflow
from exchange.choices import Frequency, StopKind
from exchange.models import Agreement, DeadlineProfile, ExchangeRequest
from exchange.services import deadlines, sweeping
from exchange.states import AGREEMENT, AgreementStatus
from registry import notice_kinds
from registry.choices import Mode, Role
from registry.models import Membership, Notice, User
from registry.services import notices

ENDS_SOON = notice_kinds.define(
    "agreement-ends-soon",
    _("An agreement ends soon"),
    _(
        "%(agreement)s about “%(dataset)s” ends on %(day)s. A requester of your agency can ask for another period on its page."
    ),
)
PROFILE = "renewal-reminder"  # the deadline whose working days count, where there is one


def ending():
    """What ends soon and gave data until now, and nothing follows or is asked for. Data that is given once needs no more."""
    today = timezone.localdate()
    profile = DeadlineProfile.objects.filter(code=PROFILE).first()
    last = deadlines.due_on(today, profile.working_days if profile else settings.RENEWAL_REMINDER_DAYS)
    newer = Agreement.objects.filter(code=OuterRef("code"), version__gt=OuterRef("version"), status__in=AGREEMENT.open)
    asked = ExchangeRequest.objects.open().filter(amends=OuterRef("pk"))
    once = Q(mode=Mode.PACKAGE, case__request__frequency=Frequency.ONCE)
    found = Agreement.objects.filter(
        ~Exists(newer), ~Exists(asked), status=AgreementStatus.ACTIVE, valid_to__gte=today, valid_to__lte=last
    )
    return found.exclude(once).exclude(stops_as=StopKind.REVOKE).for_lists().order_by("valid_to", "pk")


def remind() -> int:
    """Tell of each agreement that ends soon, each person once for each version; of how many agreements."""
    return sweeping.each(ending().iterator(chunk_size=500), _remind)


@transaction.atomic
def _remind(agreement: Agreement) -> bool:
    # Of a short period people know the end: it is told in its second half.
    if agreement.valid_to - timezone.localdate() > (agreement.valid_to - agreement.valid_from) / 2:
        return False
    workflow.lock(agreement)  # two sweeps tell once
    path = agreement.get_absolute_url()
    people = _concerned(agreement)
    told = Notice.objects.filter(recipient__in=people, kind=ENDS_SOON.code, path=path).values("recipient")
    left = people.exclude(pk__in=told)
    sent = notices.tell(
        kind=ENDS_SOON,
        to=left,
        path=path,
        agreement=agreement.code,
        dataset=agreement.dataset,
        day=agreement.valid_to,
    )
    return bool(sent)


def _concerned(agreement: Agreement):
    """Whoever asked for it, if still a requester there, else all requesters; and the signatories."""
    working = Membership.objects.today().filter(agency=agreement.consumer)
    requesters = working.filter(role=Role.REQUESTER)
    own = requesters.filter(user=agreement.case.request.responsible, user__is_active=True)
    askers = own if own.exists() else requesters
    signing = working.filter(role=Role.ENDORSER)
    return User.objects.filter(Q(pk__in=askers.values("user")) | Q(pk__in=signing.values("user")), is_active=True)
