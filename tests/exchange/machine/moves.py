"""The machine: a population of several agencies, and every move that one of them could try at any moment."""

from collections import Counter
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import time_machine
from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exchange.choices import Frequency, RequestKind
from exchange.fulfilment import run
from exchange.models import Agreement, Delivery, ExchangeRequest
from exchange.refusals import Refusal
from exchange.services import agreements, amendments, cases, deliveries, downloads, lapsing, lookups, recusals, requests
from registry.choices import Mode, Role
from registry.permissions import DECIDE, HANDLE
from tests import factories
from tests.exchange.machine import watch
from tests.exchange.machine.watch import ask
from tests.scenarios import ROWS

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
FIELDS = ("citizen_id", "full_name", "born", "province", "phone")
MOST_DAYS = 25  # the clock of the database stands still meanwhile: less than the periods that are asked for
# What the portal does by itself, in its sweep.
UPKEEP = {
    "dates": agreements.follow_dates,
    "lapse": lapsing.lapse_stale,
    "claims": cases.lapse_claims,
    "queue": deliveries.nudge_due,
}
# What comes next, and whose turn it is.
NEXT = {
    "draft": ("propose", "requester"),
    "returned": ("propose", "requester"),
    "pending-endorsement": ("endorse", "endorser"),
    "submitted": ("claim", "officer"),
    "under-review": ("approve", "approver"),
    "offered": ("accept", "second endorser"),
}
MOVES = Counter()  # what was done, by name
REFUSALS = Counter()  # what was refused, by rule
STEPS = Counter()


def population(world) -> dict:
    """Everybody who tries something, by what they are there for."""
    delegate = factories.person(world.provider, Role.CASE_OFFICER)
    factories.DelegationFactory(agency=world.provider, delegator=world.approvers[0], delegate=delegate)
    both = factories.person(world.consumer, Role.REQUESTER, Role.ENDORSER)
    for role in (Role.CASE_OFFICER, Role.APPROVER):
        factories.MembershipFactory(user=both, agency=world.provider, role=role)
    return {
        "requester": world.requester,
        "editor": factories.person(world.consumer, Role.REQUESTER),
        "endorser": world.endorser,
        "second endorser": world.second_endorser,
        "officer": world.officer,
        "reviewer": factories.reviewer(world.database),
        "approver": world.approvers[0],
        "second approver": world.approvers[1],
        "mover": world.approvers[2],
        "both": factories.assign(both, world.database, DECIDE, HANDLE),
        "delegate": delegate,
        "root": factories.UserFactory(superuser=True),
        "operator": world.operator,
        "stranger": factories.person(world.stranger, Role.REQUESTER, Role.ENDORSER, Role.APPROVER),
    }


def beginnings(world) -> None:
    """How things stand when the machine begins: packages and look-ups agreed, others on their way to it."""
    for mode in (Mode.PACKAGE, Mode.LOOKUP):
        wish = {"mode": mode, "frequency": Frequency.ON_DEMAND}
        agreement = world.agreed(**wish)
        if mode == Mode.PACKAGE:
            world.ordered(agreement)
        world.under_review(**wish)
        world.offered(**wish)
        world.voted(votes=1, **wish)


# Somebody in particular, or (more often, so that requests get somewhere) whoever's turn it is.
people = st.one_of(
    st.none(), st.none(), st.sampled_from(("both", "editor", "mover", "delegate", "root", "stranger", "requester",
                                           "approver", "endorser", "officer", "reviewer", "operator"))
)  # fmt: skip
which = st.integers(0, 5)
some_fields = st.sets(st.sampled_from(FIELDS), min_size=1, max_size=3)


class Exchange(RuleBasedStateMachine):
    """One database with its people; `world` and `folder` are set by the test. Each run is taken back when it is over."""

    world = None
    everybody: dict = {}
    folder = None
    began_on = None

    @initialize()
    def begin(self):
        self.undo = transaction.savepoint()
        self.days = 0
        self.returned = {}  # request -> working days left when it was returned

    def teardown(self):
        if hasattr(self, "undo"):
            transaction.savepoint_rollback(self.undo)
        for path in self.folder.glob("*") if self.folder.exists() else ():
            path.unlink()

    # --- trying something

    def today(self):
        return (self.began + timedelta(days=self.days)).date()

    @property
    def began(self):
        return datetime.combine(self.began_on, time(10), HANOI)

    def attempt(self, name: str, act):
        """Do it at this machine's day. A Refusal changes nothing and is on record; a change is, too."""
        before, sequence = watch.states(), watch.last_entry()
        concluded = set(ask("SELECT id FROM exchange_agreement"))
        STEPS["moves tried"] += 1
        found = refusal = None
        with time_machine.travel(self.began + timedelta(days=self.days), tick=False):
            try:
                found = act()
                MOVES[name] += 1
            except Refusal as error:
                refusal = error
                REFUSALS[error.code] += 1
        after, entries = watch.states(), watch.entries_since(sequence)
        if refusal is not None:
            watch.demand(4, before == after, name, "refused, and yet something changed", refusal.code)
            watch.demand(4, any(entry[1] == "refused" for entry in entries), name, "refused without a record")
        watch.rule_4_each_change_has_its_entry(before, after, entries)
        for action, _outcome, _kind, code, details in entries:
            if action == "request.approve" and details.get("to") in ("approved", "offered"):
                watch.rule_1_nobody_of_the_asking_side(code, self.today())
        for (agreement,) in set(ask("SELECT id FROM exchange_agreement")) - concluded:
            watch.rule_3_within_the_policy(agreement)
        return found

    def who(self, name: str | None, in_turn: str):
        return self.everybody[name or in_turn]

    def pick(self, model, number: int, *states: str):
        """One of the newest rows, from those in the states where there are any."""
        rows = model.objects.order_by("-pk")
        found = list(rows.filter(status__in=states)[:6]) or list(rows[:6])
        return found[number % len(found)]

    def hash_of(self, request, is_old: bool = False) -> str:
        revisions = list(request.revisions.values_list("content_hash", flat=True))
        return "0" * 64 if not revisions else revisions[-1 if is_old else 0]

    has_requests = precondition(lambda self: ExchangeRequest.objects.exists())
    has_agreements = precondition(lambda self: Agreement.objects.exists())
    has_deliveries = precondition(lambda self: Delivery.objects.exists())

    # --- the asking side

    @rule(
        name=people,
        fields=some_fields,
        mode=st.sampled_from((Mode.PACKAGE, Mode.PACKAGE, Mode.LOOKUP)),
        days=st.integers(3, 40),
    )
    def file(self, name, fields, mode, days):
        by, start = self.who(name, "requester"), self.began_on
        content = self.world.content(
            field_names=sorted({"citizen_id", *fields}), mode=mode, frequency=Frequency.ON_DEMAND,
            period_from=start, period_to=start + timedelta(days=days), retention_until=start + timedelta(days=days + 30),
        )  # fmt: skip
        request = self.attempt("create", lambda: requests.create(consumer=self.world.consumer, by=by, content=content))
        if request is not None:
            self.attempt("propose", lambda: requests.propose(request=request, by=by))

    @has_requests
    @rule(name=people, number=which, fields=some_fields, is_stale=st.booleans())
    def edit(self, name, number, fields, is_stale):
        request = self.pick(ExchangeRequest, number, "draft", "returned")
        content = {
            "field_names": sorted(fields),
            "letter_number": "13/UBND",
            "undertaking": True,
            "has_state_secret": False,
        }
        version = request.version - (is_stale and number > 3)
        self.attempt(
            "edit",
            lambda: requests.save_draft(request=request, by=self.who(name, "editor"), version=version, content=content),
        )

    @has_requests
    @rule(name=people, number=which)
    def propose(self, name, number):
        request = self.pick(ExchangeRequest, number, "draft", "returned")
        self.attempt("propose", lambda: requests.propose(request=request, by=self.who(name, "requester")))

    @has_requests
    @rule(name=people, number=which, is_old=st.booleans())
    def endorse(self, name, number, is_old):
        request = self.pick(ExchangeRequest, number, "pending-endorsement")
        text = self.hash_of(request, is_old and number > 3)
        self.sign(request, self.who(name, "endorser"), text)

    def sign(self, request, by, text: str):
        signed = self.attempt("endorse", lambda: requests.endorse(request=request, by=by, revision_hash=text))
        if signed is not None and request.pk in self.returned:
            [(due_on,)] = ask("SELECT due_on FROM exchange_reviewcase WHERE request_id = %s", request.pk)
            watch.rule_6_the_clock_was_paused(self.returned.pop(request.pk), self.today(), due_on)

    @has_requests
    @rule(
        name=people,
        number=which,
        move=st.sampled_from(("send_back", "accept", "accept", "accept", "decline", "withdraw")),
    )
    def answer(self, name, number, move):
        state, in_turn = {
            "send_back": ("pending-endorsement", "second endorser"),
            "withdraw": ("submitted", "requester"),
        }.get(move, ("offered", "second endorser"))
        request = self.pick(ExchangeRequest, number, state)
        reason = {} if move == "accept" else {"reason": "Lý do"}
        self.attempt(move, lambda: getattr(requests, move)(request=request, by=self.who(name, in_turn), **reason))

    # --- the owner

    @has_requests
    @rule(name=people, number=which)
    def claim(self, name, number):
        request = self.pick(ExchangeRequest, number, "submitted")
        self.attempt("claim", lambda: cases.claim(request=request, by=self.who(name, "officer")))

    @has_requests
    @rule(
        name=people, number=which, is_old=st.booleans(), kept=st.one_of(st.none(), st.none(), some_fields),
        in_turn=st.sampled_from(("approver", "second approver", "mover")), rows=st.sampled_from((None, None, 7, 10**7)),
    )  # fmt: skip
    def approve(self, name, number, is_old, kept, in_turn, rows):
        request = self.pick(ExchangeRequest, number, "under-review")
        text = self.hash_of(request, is_old and number > 4)
        by, less = self.who(name, in_turn), {"fields": kept, "row_limit": rows, "reason": "Đủ"}
        self.attempt("approve", lambda: cases.approve(request=request, by=by, revision_hash=text, **less))

    @has_requests
    @rule(
        name=people,
        number=which,
        move=st.sampled_from(("return", "return", "reject", "release", "set_aside", "recuse")),
    )
    def handle(self, name, number, move):
        request, by = self.pick(ExchangeRequest, number, "under-review"), self.who(name, "officer")
        common = {"request": request, "by": by}
        told = {**common, "reason": "Xem lại", "revision_hash": self.hash_of(request)}
        act = {
            "return": lambda: cases.send_back(**told),
            "reject": lambda: cases.reject(**told, legal_basis=self.world.basis),
            "release": lambda: cases.release(**common),
            "set_aside": lambda: cases.set_aside(**common),
            "recuse": lambda: recusals.declare(**common, kind="family"),
        }[move]
        due = ask("SELECT due_on FROM exchange_reviewcase WHERE request_id = %s", request.pk)
        if self.attempt(move, act) is not None and move == "return":
            self.returned[request.pk] = watch.working_days(self.today(), due[0][0])

    @has_requests
    @rule(number=which, kept=st.one_of(st.none(), st.none(), some_fields))
    def go_on(self, number, kept):
        """Whoever's turn it is does what is to be done next, so that some requests get to their end."""
        request = self.pick(ExchangeRequest, number, *NEXT)
        if request.status not in NEXT:
            return
        rule_of, name = NEXT[request.status]
        if rule_of == "approve":
            given = ask(
                "SELECT count(*) FROM exchange_decision d JOIN exchange_reviewcase c ON c.id = d.case_id "
                "WHERE c.request_id = %s AND d.voided_at IS NULL", request.pk,
            )[0][0]  # fmt: skip
            in_turn = ("approver", "second approver", "mover")[given % 3]
            text = self.hash_of(request)
            less = {"fields": kept if given == 0 else None, "reason": "Đủ"}
            self.attempt(
                "approve",
                lambda: cases.approve(request=request, by=self.who(None, in_turn), revision_hash=text, **less),
            )
        elif rule_of == "accept":
            self.attempt("accept", lambda: requests.accept(request=request, by=self.who(None, name)))
        elif rule_of == "endorse":
            self.sign(request, self.who(None, name), self.hash_of(request))
        elif rule_of == "propose":
            self.attempt("propose", lambda: requests.propose(request=request, by=self.who(None, name)))
        else:
            self.attempt("claim", lambda: cases.claim(request=request, by=self.who(None, name)))

    # --- agreements and what they give

    @has_agreements
    @rule(name=people, number=which, move=st.sampled_from(("suspend", "resume", "resume", "revoke", "relinquish")))
    def stop(self, name, number, move):
        agreement = self.pick(Agreement, number, "suspended" if move == "resume" else "active")
        by = self.who(name, "endorser" if move == "relinquish" else "approver")
        self.attempt(move, lambda: getattr(agreements, move)(agreement=agreement, by=by, reason="Lý do"))

    @has_agreements
    @rule(name=people, number=which)
    def amend(self, name, number):
        agreement, by = self.pick(Agreement, number, "active"), self.who(name, "requester")
        self.attempt("amend", lambda: amendments.begin(agreement=agreement, kind=RequestKind.AMENDMENT, by=by))

    @has_agreements
    @rule(name=people, number=which)
    def order(self, name, number):
        agreement, by = self.pick(Agreement, number, "active"), self.who(name, "requester")
        self.attempt("order", lambda: deliveries.order(agreement=agreement, by=by))

    @has_deliveries
    @rule(number=which)
    def deliver(self, number):
        delivery = self.pick(Delivery, number, "requested", "started")
        was = delivery.status
        self.attempt("deliver", lambda: run.deliver(delivery.pk) or True)
        delivery.refresh_from_db()
        if was != "completed" and delivery.status == "completed":
            watch.rule_5_given_while_in_force(delivery.agreement_id, self.today())
            watch.rule_3_within_the_policy(delivery.agreement_id)
            header = (self.folder / delivery.file_name).read_text("utf-8").splitlines()[0].split(",")
            watch.rule_3_exactly_the_agreed_columns(delivery.agreement_id, header)
            STEPS["files read"] += 1

    @has_deliveries
    @rule(name=people, number=which, is_cancelled=st.sampled_from((False, False, True)))
    def fetch(self, name, number, is_cancelled):
        by = self.who(name, "requester")
        if is_cancelled:
            delivery = self.pick(Delivery, number, "requested")
            self.attempt("cancel", lambda: deliveries.cancel(delivery=delivery, by=by))
            return
        delivery = self.pick(Delivery, number, "completed")
        file = self.attempt("download", lambda: downloads.open_package(delivery=delivery, by=by))
        if file is not None:
            file.close()
            [(running,)] = ask(
                "SELECT max(id) FROM exchange_agreement WHERE code = %s AND status = 'active'", delivery.agreement.code
            )
            watch.demand(5, running, "downloaded without an agreement in force")
            watch.rule_5_given_while_in_force(running, self.today())

    @has_agreements
    @rule(name=people, number=which)
    def look_up(self, name, number):
        found = [one for one in Agreement.objects.order_by("-pk")[:6] if one.mode == Mode.LOOKUP]
        agreement = found[number % len(found)] if found else self.pick(Agreement, number)
        question = {"key": ROWS[number][0], "case_number": "HS-1", "purpose": agreement.purpose}
        by = self.who(name, "requester")
        answer = self.attempt("look up", lambda: lookups.look_up(agreement=agreement, by=by, **question))
        if answer is not None:
            watch.rule_5_given_while_in_force(answer.agreement.pk, self.today())
            watch.rule_3_exactly_the_agreed_columns(answer.agreement.pk, list(answer.record))

    # --- time, and people who move

    @precondition(lambda self: self.days < MOST_DAYS)
    @rule(days=st.sampled_from((1, 1, 2, 5)))
    def days_pass(self, days):
        self.days += days

    @rule(name=st.sampled_from(sorted(UPKEEP)))
    def sweep(self, name):
        given = ask("SELECT count(*) FROM exchange_exchangerequest WHERE status IN ('approved', 'offered')")
        self.attempt("sweep", lambda: UPKEEP[name]() or True)
        now = ask("SELECT count(*) FROM exchange_exchangerequest WHERE status IN ('approved', 'offered')")
        watch.demand(6, now <= given, "time alone approved something")

    @rule(is_back=st.booleans())
    def somebody_moves(self, is_back):
        """An approver takes up a post in the ministry above the asking agency; or comes back from there."""
        mover = self.everybody["mover"]
        posts = mover.memberships.filter(agency=self.world.ministry)
        if is_back:
            posts.delete()
        elif not posts.exists():
            factories.MembershipFactory(user=mover, agency=self.world.ministry, role=Role.AUDITOR)

    @invariant()
    def rules_hold(self):
        STEPS["steps"] += 1
        if hasattr(self, "undo"):
            watch.always(self.folder)
