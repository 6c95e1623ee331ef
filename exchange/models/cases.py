"""The provider's side of a request: the case, the decisions of its approvers, the letter that tells the outcome."""

import uuid
from datetime import date

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange import check_codes
from exchange.choices import Verdict
from exchange.models.requests import ExchangeRequest, Revision
from exchange.states import RequestStatus
from exchange.terms import DECIDING, Ground, Term
from registry.choices import Role
from registry.fields import TextBlock
from registry.models import Agency, Delegation, LegalInstrument, Membership, SharingPolicy, User
from registry.models.people import Lineage

# States in which the owner's clock runs.
CLOCK_RUNS = (RequestStatus.SUBMITTED, RequestStatus.UNDER_REVIEW)


class ReviewCaseQuerySet(models.QuerySet):
    def running(self):
        """Cases whose clock runs, at the desk of the owner of what is asked for today."""
        here = models.F("request__dataset__database__owner")
        return self.filter(request__status__in=CLOCK_RUNS, provider=here)

    def overdue(self, today=None):
        return self.running().filter(due_on__lt=today or timezone.localdate())

    def due_between(self, first, last):
        """Running cases that are due on one of the days, both included."""
        return self.running().filter(due_on__gte=first, due_on__lte=last)

    def to_be_reviewed(self):
        """Granted in an emergency, and not reviewed since."""
        return self.filter(review_due_on__isnull=False, reviewed_at__isnull=True)

    def review_overdue(self):
        return self.to_be_reviewed().filter(review_due_on__lt=timezone.localdate())

    def visible_to(self, user: User):
        """The cases of the agencies for which the person handles, advises or decides today, also in another's place."""
        if not user.is_authenticated:
            return self.none()
        roles = [Role.CASE_OFFICER, Role.REVIEWER, Role.APPROVER]
        works_in = Membership.objects.today().filter(user=user)
        agencies = works_in.filter(role__in=roles).values("agency")
        delegated = Delegation.objects.today().filter(delegate=user, agency__in=works_in.values("agency"))
        return self.filter(Q(provider__in=agencies) | Q(provider__in=delegated.values("agency")))

    def for_desk_of(self, user: User):
        """Those of `visible_to` in which the person has no part on the other side, and declared no conflict: what the desk
        says among itself is not for whoever filed or signed, or works for the asking agency or above it."""
        filed = Q(request__created_by=user) | Q(request__last_edited_by=user) | Q(request__endorsed_by=user)
        works = ArraySubquery(Membership.objects.today().filter(user=user).values("agency"))
        apart = self.visible_to(user).exclude(filed).exclude(request__editors=user)
        apart = apart.exclude(request__recusals__person=user)
        return apart.annotate(asking=Lineage("request__consumer")).exclude(asking__overlap=works)

    def with_moved_votes(self):
        """`has_moved_vote`: an approval counts of somebody who works today for the asking agency or above it."""
        voter = Q(user=OuterRef("made_by")) | Q(user=OuterRef("delegation__delegator"))
        works = ArraySubquery(Membership.objects.today().filter(voter).values("agency"))
        votes = Decision.objects.live().filter(case=OuterRef("pk"), verdict=Verdict.APPROVE)
        votes = votes.annotate(above=Lineage("case__request__consumer"), works=works).filter(above__overlap=F("works"))
        return self.annotate(has_moved_vote=Exists(votes))


class ReviewCase(models.Model):
    """The desk of one provider for one request: who handles it, under which policy, until when."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    request = models.ForeignKey(
        ExchangeRequest, verbose_name=_("request"), on_delete=models.PROTECT, related_name="cases"
    )
    provider = models.ForeignKey(Agency, verbose_name=_("provider"), on_delete=models.PROTECT, related_name="cases")
    policy = models.ForeignKey(
        SharingPolicy, verbose_name=_("sharing policy"), on_delete=models.PROTECT, related_name="cases"
    )
    quorum = models.PositiveSmallIntegerField(_("approvers needed"))
    reviews_needed = models.PositiveSmallIntegerField(_("advice needed from reviewers"), default=0)
    blind_review = models.BooleanField(_("blind review"), default=False)
    opened_at = models.DateTimeField(_("received at"), auto_now_add=True)
    due_on = models.DateField(_("due on"))
    term = models.CharField(_("term"), max_length=40, choices=Term, default=Term.SIMPLE)
    term_grounds = ArrayField(
        models.CharField(max_length=30, choices=Ground), verbose_name=_("grounds of the term"), default=list, blank=True
    )
    paused_days = models.PositiveIntegerField(_("working days with the clock stopped"), default=0)
    extended_days = models.PositiveSmallIntegerField(_("working days added"), default=0)
    extended_at = models.DateTimeField(_("lengthened at"), null=True, blank=True)
    extended_by = models.ForeignKey(
        User, verbose_name=_("lengthened by"), on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    extension_reason = TextBlock(_("reason of the lengthening"), max_length=1_000, blank=True)
    claimed_at = models.DateTimeField(_("taken on at"), null=True, blank=True)
    claimed_by = models.ForeignKey(
        User, verbose_name=_("case officer"), on_delete=models.PROTECT, null=True, blank=True, related_name="cases"
    )

    # Only of an emergency that was granted: until when it is reviewed, and when that was done.
    review_due_on = models.DateField(_("review afterwards due on"), null=True, blank=True)
    reviewed_at = models.DateTimeField(_("reviewed afterwards at"), null=True, blank=True)

    objects = ReviewCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("review case")
        verbose_name_plural = _("review cases")
        ordering = ["due_on", "pk"]
        indexes = [
            models.Index(  # a handful among all the cases there ever were, asked for by every desk
                fields=["review_due_on"],
                condition=Q(review_due_on__isnull=False, reviewed_at__isnull=True),
                name="exchange_reviewcase_to_review",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["request", "provider"], name="exchange_reviewcase_one_per_provider"),
            models.CheckConstraint(condition=Q(quorum__gte=1), name="exchange_reviewcase_quorum"),
            models.CheckConstraint(condition=Q(term__in=DECIDING), name="exchange_reviewcase_term"),
            models.CheckConstraint(
                condition=Q(extended_at__isnull=True, extended_by__isnull=True, extended_days=0, extension_reason="")
                | (
                    Q(extended_at__isnull=False, extended_by__isnull=False, extended_days__gte=1)
                    & ~Q(extension_reason="")
                ),
                name="exchange_reviewcase_extended_paired",
            ),
            models.CheckConstraint(
                condition=Q(claimed_by__isnull=True, claimed_at__isnull=True)
                | Q(claimed_by__isnull=False, claimed_at__isnull=False),
                name="exchange_reviewcase_claimed_paired",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at__isnull=True) | Q(review_due_on__isnull=False),
                name="exchange_reviewcase_reviewed_was_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request} → {self.provider.code}"

    @property
    def is_running(self) -> bool:
        return self.request.status in CLOCK_RUNS

    @property
    def is_overdue(self) -> bool:
        return self.is_running and self.due_on < timezone.localdate()

    @property
    def ground_labels(self) -> list:
        return [Ground(ground).label for ground in self.term_grounds if ground in Ground.values]

    @property
    def votes_needed(self) -> int:
        """How many approvals close it. In an emergency one does; as many others as the quorum review it afterwards."""
        return 1 if self.request.is_emergency else self.quorum

    @property
    def waits_until(self) -> date:
        """The day that counts at its desk: that of the review afterwards, once there is something to review."""
        return self.review_due_on or self.due_on

    @property
    def is_review_overdue(self) -> bool:
        return bool(self.review_due_on) and not self.reviewed_at and self.review_due_on < timezone.localdate()

    @property
    def is_blind(self) -> bool:
        """Whether votes are hidden now: the review goes on, so not all of them are in."""
        return self.blind_review and self.request.status == RequestStatus.UNDER_REVIEW


class DecisionQuerySet(models.QuerySet):
    def live(self):
        return self.filter(voided_at__isnull=True)

    def readable_by(self, user: User | None):
        """In blind review only the own votes, also those made in the person's place, until the review is over."""
        hidden = Q(case__blind_review=True, case__request__status=RequestStatus.UNDER_REVIEW, voided_at__isnull=True)
        own = Q(made_by=user) | Q(delegation__delegator=user) if user else Q(pk__in=[])
        return self.filter(~hidden | own)


class Decision(models.Model):
    """What one officer of the provider decided on one revision. Written once; a new revision voids it."""

    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="decisions")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="decisions")
    revision_hash = models.CharField(_("hash of the revision"), max_length=64)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict)
    scope = models.TextField(_("scope"), blank=True)  # canonical JSON: what this approver lets out
    scope_hash = models.CharField(_("hash of the scope"), max_length=64, blank=True)
    reason = TextBlock(_("reason"), blank=True)
    field_reasons = models.JSONField(_("reasons per field"), default=dict, blank=True)
    legal_basis = models.ForeignKey(
        LegalInstrument,
        verbose_name=_("legal basis"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    made_at = models.DateTimeField(_("decided at"), auto_now_add=True)
    made_by = models.ForeignKey(User, verbose_name=_("decided by"), on_delete=models.PROTECT, related_name="decisions")
    agency = models.ForeignKey(
        Agency, verbose_name=_("agency at that time"), on_delete=models.PROTECT, related_name="+"
    )
    delegation = models.ForeignKey(
        Delegation,
        verbose_name=_("under delegation"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    voided_at = models.DateTimeField(_("voided at"), null=True, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["made_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="exchange_decision_verdict"),
            models.UniqueConstraint(
                fields=["revision", "made_by"],
                condition=Q(voided_at__isnull=True),
                name="exchange_decision_one_live_per_person",
                violation_error_message=_("This person has already decided on this revision."),
            ),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.APPROVE) | ~Q(scope=""), name="exchange_decision_approval_has_scope"
            ),
            models.CheckConstraint(
                condition=~Q(verdict=Verdict.REJECT) | (~Q(reason="") & Q(legal_basis__isnull=False)),
                name="exchange_decision_rejection_has_basis",
                violation_error_message=_("A rejection needs a reason and a legal basis."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.revision}: {self.get_verdict_display()} ({self.made_by})"


class LetterCounter(models.Model):
    """The last number that an agency gave to a letter in a year. Its row is locked while a number is taken: no gaps."""

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["agency", "year"], name="exchange_lettercounter_once")]

    def __str__(self) -> str:
        return f"{self.agency.code} {self.year}: {self.last}"


class LetterQuerySet(models.QuerySet):
    def visible_to(self, user: User):
        """Those to the agencies in which the person files or signs today."""
        return self.filter(case__request__in=ExchangeRequest.objects.visible_to(user))

    def for_lists(self):
        return self.select_related("agency__parent", "case__provider__parent", "case__request__consumer")


class Letter(models.Model):
    """The numbered letter that tells the consumer what a provider decided. Text and hash never change."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="letters")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="letters")
    year = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    content = models.TextField()  # canonical JSON: what the letter says
    content_hash = models.CharField(_("SHA-256"), max_length=64)
    check_code = models.CharField(_("check code"), max_length=check_codes.LENGTH, editable=False)
    issued_at = models.DateTimeField(_("issued at"))

    objects = LetterQuerySet.as_manager()

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ["-issued_at"]
        constraints = [
            models.UniqueConstraint(fields=["agency", "year", "number"], name="exchange_letter_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="exchange_letter_number_positive"),
            models.CheckConstraint(
                condition=Q(check_code__regex=f"^[{check_codes.ALPHABET}]{{{check_codes.LENGTH}}}$"),
                name="exchange_letter_check_code",
            ),
        ]

    def __str__(self) -> str:
        return self.notation

    @property
    def notation(self) -> str:
        return f"{self.number}/{self.agency.code}-CSDL"


class LetterCopy(models.Model):
    """A file in which a letter was handed out, by its SHA-256, so that whoever has the file can learn that it is one.

    The file itself is made anew each time, and is the same as long as layout, wording and type-setting are. After a
    change of those a letter has another copy, and the former one is still known.
    """

    letter = models.ForeignKey(Letter, on_delete=models.PROTECT, related_name="copies")
    language = models.CharField(_("language"), max_length=2)
    sha256 = models.CharField(_("SHA-256"), max_length=64, unique=True)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)

    class Meta:
        verbose_name = _("file of a letter")
        verbose_name_plural = _("files of letters")
        ordering = ["made_at"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="exchange_lettercopy_sha256"),
            models.CheckConstraint(condition=Q(language__in=["vi", "en"]), name="exchange_lettercopy_language"),
        ]

    def __str__(self) -> str:
        return f"{self.letter} ({self.language})"
