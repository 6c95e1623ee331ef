"""Everything that a case page tells, read from the frozen revision: what people sign and decide on, not the draft."""

from functools import cached_property

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evidence import ledger
from evidence.models import Entry
from exchange import overlap_words, revisions, rules
from exchange.admin import wording
from exchange.admin.asked import names_of
from exchange.admin.changed import Changed
from exchange.models import Agreement, ReviewCase, Revision
from exchange.scope import excess
from exchange.services import (
    blind_votes,
    deadlines,
    destruction,
    destruction_desk,
    emergencies,
    joint,
    overlaps,
    recusals,
    scopes,
    standing,
)
from exchange.services.requests import CONTENT
from exchange.states import REQUEST, RequestStatus
from exchange.terms import Term
from registry.models import SharingPolicy, User

HIDDEN_WHILE_BLIND = ("request.approve", "request.advise")
# What each side does on its own.
TALK = (
    "request.comment",
    "request.retract_comment",
    "request.attach",
    "request.attach_to_comment",
    "request.detach",
    "request.open_file",
    "request.scan_file",
    "request.erase_file",
)
TIMELINE_LENGTH = 100
DECISIONS_SHOWN = 50
EARLIER_SHOWN = 5


class Dossier(Changed):
    """One case, read for the person who looks at it."""

    def __init__(self, case: ReviewCase, reader: User | None = None) -> None:
        self.case = case
        self.reader = reader
        self.request = case.request

    @cached_property
    def is_current(self) -> bool:
        """Whether the request still asks this owner: it may have come back about another one's dataset."""
        return self.request.provider == self.case.provider

    @cached_property
    def revision(self) -> Revision:
        """The last one that the agency signed: what is being corrected there is not the owner's business yet."""
        if self.is_current and self.request.endorsed_at:
            return revisions.latest(self.request)
        decided = self.request.revisions.filter(decisions__case=self.case).first()
        return decided or self.request.revisions.first()

    @cached_property
    def emergency(self) -> emergencies.Rate | None:
        """How often the agency declared emergencies to this owner, where this is one."""
        return emergencies.rate_of(self.request.consumer, self.case.provider) if self.request.is_emergency else None

    @cached_property
    def after_reviews(self) -> list:
        """Who said what afterwards; in blind review the own until all of it is in."""
        found = self.case.after_reviews.select_related("made_by", "delegation__delegator")
        if self.case.blind_review and not self.case.reviewed_at:
            found = found.filter(made_by=self.reader)
        return list(found)

    @cached_property
    def voices_missing(self) -> list[tuple[str, int]]:
        """How many of whom have still to review it."""
        if not self.case.review_due_on or self.case.reviewed_at:
            return []
        return [(part.label, count) for part, count in emergencies.missing(self.case).items() if count]

    @cached_property
    def uncertified(self) -> list[destruction.Duty]:
        """What the asking agency owes this owner about data that it received before, while there is something to decide."""
        if self.request.status not in REQUEST.open:
            return []
        owed = destruction_desk.owed_by(self.request.consumer, self.case.provider)
        return destruction.duties(list(owed[:EARLIER_SHOWN]))

    @cached_property
    def agreed_scope(self):
        """What the approvers so far let out: the next one can only narrow it further. In blind review all of it."""
        if self.case.is_blind:
            return self.scope
        return scopes.approved_scope(self.case, self.scope)

    @cached_property
    def policy(self) -> SharingPolicy:
        found = SharingPolicy.objects.select_related("dataset", "legal_basis")
        return found.prefetch_related("policy_fields__field").get(pk=self.case.policy_id)

    @cached_property
    def also_asked(self) -> list[str]:
        """The other owners of whom the same joint request asks something."""
        return joint.other_owners(self.request)

    @cached_property
    def beside_standing(self) -> standing.Beside | None:
        """The nearest standing permission, while the case is open: what of the request needs people to decide."""
        if self.request.status in REQUEST.terminal or not self.is_current:
            return None
        return standing.beside(self.request, self.scope)

    @cached_property
    def beyond_policy(self) -> list[str]:
        """What the request has beyond the policy of today, one sentence for each thing."""
        beyond = [str(line) for line in excess(self.scope, scopes.policy_scope(self.policy, self.scope))]
        covering = SharingPolicy.objects.in_force().for_recipient(self.request.consumer)
        if not covering.filter(pk=self.policy.pk).exists():
            beyond.append(_("Today the policy is not in force for the requesting agency."))
        return beyond

    @cached_property
    def decisions(self) -> list[dict]:
        found = self.case.decisions.select_related("made_by", "revision", "legal_basis", "delegation__delegator")
        found = found.readable_by(self.reader)
        return [self._decision(decision) for decision in found.order_by("-pk")[:DECISIONS_SHOWN]]

    def _decision(self, decision) -> dict:
        narrowed = []
        if decision.scope:
            requested = scopes.scope_of_revision(decision.revision)
            narrowed = wording.narrowing(requested.from_text(decision.scope), requested, self.fields)
        return {
            "decision": decision,
            "is_void": decision.voided_at is not None,
            "narrowed": narrowed,
            "field_reasons": [
                (wording.term(name), decision.field_reasons[name])
                for name in [*CONTENT, "named_users"]
                if name in decision.field_reasons
            ],
        }

    @cached_property
    def moved_votes(self) -> list:
        """Approvals that count, of people who have joined the asking side since."""
        under_review = self.is_current and self.request.status == RequestStatus.UNDER_REVIEW
        return rules.moved_votes(self.request) if under_review else []

    @cached_property
    def votes_came_apart(self) -> bool:
        """Whether the last round of a blind review left nothing in common: its votes are void, and open to all."""
        return self.is_current and blind_votes.came_apart(self.case)

    @cached_property
    def approvals(self) -> int:
        return scopes.live_approvals(self.case).count()

    @cached_property
    def recusals(self) -> list:
        """Who declared a conflict, the last ones first."""
        return list(self.request.recusals.select_related("person").order_by("-pk")[:DECISIONS_SHOWN])

    @cached_property
    def too_few_deciders(self) -> bool:
        """Whether declared conflicts left fewer approvers than are needed: somebody has to be assigned."""
        return bool(self.recusals) and recusals.deciders_left(self.case) < self.case.votes_needed

    @cached_property
    def advice(self) -> list:
        """What reviewers advised, on earlier revisions, too; in blind review the own until all of it is in."""
        found = self.case.advice.select_related("made_by", "revision").readable_by(self.reader)
        return list(found.order_by("-pk")[:DECISIONS_SHOWN])

    @cached_property
    def advice_words(self) -> str:
        return _("%(count)s of %(needed)s") % {
            "count": self.revision.advice.count(),
            "needed": self.case.reviews_needed,
        }

    @cached_property
    def quorum_words(self) -> str:
        if self.case.is_blind:
            return _("%(needed)s needed; the votes are hidden until all are in") % {"needed": self.case.votes_needed}
        return _("%(count)s of %(needed)s") % {"count": self.approvals, "needed": self.case.votes_needed}

    @cached_property
    def is_last_vote(self) -> bool:
        return self.case.votes_needed - self.approvals <= 1

    @cached_property
    def summary(self) -> str:
        return wording.sum_up(self.agreed_scope, f"{self.request.consumer} ({self.request.consumer.code})")

    @cached_property
    def is_overdue(self) -> bool:
        return self.case.is_overdue

    @cached_property
    def closes_at(self):
        return deadlines.closes_at(self.case.due_on) if self.case.is_running else None

    @cached_property
    def has_no_calendar(self) -> bool:
        return self.case.is_running and not deadlines.has_calendar(self.case.due_on.year)

    @cached_property
    def completion_due(self):
        """Until when what is missing has to be asked for; None while the clock does not run."""
        if not self.case.is_running:
            return None
        received = timezone.localdate(self.request.endorsed_at)
        return deadlines.due_on(received, deadlines.working_days_of(Term.COMPLETION))

    @property
    def is_completion_over(self) -> bool:
        return self.completion_due is not None and self.completion_due < timezone.localdate()

    @cached_property
    def days_over(self) -> int:
        return (timezone.localdate() - self.case.due_on).days

    @cached_property
    def standing(self) -> str:
        """Whose turn it is, in one sentence."""
        if not self.is_current:
            return _("The request now asks another owner: this case is left behind.")
        status, consumer = self.request.status, self.request.consumer
        missing = self.case.votes_needed - (0 if self.case.is_blind else self.approvals)
        sentences = {
            RequestStatus.SUBMITTED: _("Waits for an approver to take it up.")
            if self.request.is_emergency
            else _("Waits for a case officer to take it on."),
            RequestStatus.UNDER_REVIEW: ngettext(
                "Waits for one more approval.", "Waits for %(count)s more approvals.", missing
            )
            % {"count": missing},
            RequestStatus.RETURNED: _("With %(agency)s for correction. The clock is stopped."),
            RequestStatus.DRAFT: _("With %(agency)s for correction. The clock is stopped."),
            RequestStatus.PENDING_ENDORSEMENT: _("Corrected, and waits for the signature of %(agency)s."),
            RequestStatus.OFFERED: _("Waits for %(agency)s to accept or decline what was offered."),
        }
        if status in REQUEST.terminal:
            return _("Closed on %(day)s.") % {"day": wording.day(timezone.localtime(self.request.closed_at).date())}
        return sentences[status] % {"agency": consumer} if "%(agency)s" in sentences[status] else sentences[status]

    @cached_property
    def agreement(self) -> Agreement | None:
        return self.case.agreements.first()

    @cached_property
    def letters(self) -> list:
        return list(self.case.letters.filter(certificate__isnull=True).select_related("agency")[:10])

    @cached_property
    def earlier(self) -> list[dict]:
        """The last cases of the same agency on the same dataset: what it asked for, and what became of it."""
        cases = (
            ReviewCase.objects.filter(
                provider=self.case.provider, request__consumer=self.request.consumer, request__dataset=self.dataset
            )
            .exclude(pk=self.case.pk)
            .select_related("request")
            .prefetch_related("agreements")
            .order_by("-pk")
        )
        return [{"case": case, "agreement": next(iter(case.agreements.all()), None)} for case in cases[:EARLIER_SHOWN]]

    @cached_property
    def overlaps(self) -> overlaps.Overlaps | None:
        """What the request repeats, and what it tells together with earlier packages."""
        return overlaps.of_case(self.case, self.revision) if self.is_current else None

    @cached_property
    def overlap_lines(self) -> list[overlap_words.Line]:
        return overlap_words.for_owner(self.overlaps) if self.overlaps else []

    @cached_property
    def warned(self) -> list[overlap_words.Warned]:
        return overlap_words.warnings_for_owner(self.overlaps) if self.overlaps else []

    @cached_property
    def officer_words(self) -> str:
        """Who handles it, since when, and when anybody last did something."""
        if self.case.claimed_by is None:
            return _("nobody yet")
        told = {"person": self.case.claimed_by, "day": wording.day(timezone.localdate(self.case.claimed_at))}
        return _("%(person)s, since %(day)s") % told

    @cached_property
    def last_activity(self) -> str:
        return wording.moment(self.timeline[0]["at"]) if self.timeline else ""

    @cached_property
    def timeline(self) -> list[dict]:
        """The last entries of the ledger about the exchange, newest first, refusals included."""
        entries = list(self._entries().order_by("-sequence")[:TIMELINE_LENGTH])
        names = names_of(wording.people_in(entries))
        return [
            {
                "at": entry.at,
                "actor": " · ".join(filter(None, [self._actor(entry, names), entry.agency])),
                "title": wording.action(entry),
                "detail": wording.outcome(entry, names),
                "outcome": entry.outcome,
            }
            for entry in entries
        ]

    def _entries(self):
        """Without what the asking agency says among itself, and, while the review is blind, without the votes and the
        advice of others: the ledger would tell them."""
        entries = Entry.objects.in_case(self.request.code)
        entries = entries.exclude(Q(action__in=TALK) & ~Q(agency=self.case.provider.code))
        if not self.case.is_blind:
            return entries
        own = str(self.reader.public_id) if self.reader else ""
        return entries.exclude(Q(action__in=HIDDEN_WHILE_BLIND) & ~Q(actor=own))

    @staticmethod
    def _actor(entry: Entry, names: dict[str, str]) -> str:
        return _("The portal") if entry.actor == ledger.SYSTEM.name else names.get(entry.actor, entry.actor)
