"""Who is told of which move, as data beside the table of moves: a move that changes a state is either here or in SILENT."""

from dataclasses import dataclass
from enum import Enum, auto

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.choices import EndReason
from exchange.states import AgreementStatus as A
from exchange.states import DeliveryStatus as D
from exchange.states import RequestStatus as R
from registry import notice_kinds


class Who(Enum):
    """A part that people have in an exchange. Each is asked for as it is at the moment of the move."""

    # of the consumer agency
    AUTHORS = auto()  # who filed it, looks after it, or edited it last
    SIGNATURE = auto()  # who signed it
    SIGNATORIES = auto()  # everybody who may sign it
    NAMED = auto()  # whom the request names as users
    USERS = auto()  # whom the agreement names
    LATER_USERS = auto()  # the same, where the agreement begins on a later day than it was concluded
    ORDERED = auto()  # who ordered the package; else those who may fetch it
    # of the provider agency
    OFFICER = auto()  # who has taken the case on
    OFFICERS = auto()  # who may take it on
    REVIEWERS = auto()  # whose advice is needed
    APPROVERS = auto()  # who may decide, and who does so in their place today
    VOTERS = auto()  # who decided on the revision that counts


CONSUMER = frozenset({Who.AUTHORS, Who.SIGNATURE, Who.SIGNATORIES, Who.NAMED, Who.USERS, Who.LATER_USERS, Who.ORDERED})


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a move that led to a state is told as, and to whom: one notice for a person, one event for an agency's systems.

    `settled`: told only if it is still so after everything that the move led to.
    `inside`: what the owner of the data does not know of yet.
    `asks`: somebody has something to do, until the state is left.
    `event`: what a move that leaves the state as it is, is called as an event; else the state that was reached.
    """

    kind: notice_kinds.NoticeKind | None = None
    to: frozenset[Who] = frozenset()
    settled: bool = False
    inside: bool = False
    asks: bool = False
    event: str = ""


def asking_in(table: str, state: str) -> list[str]:
    """The kinds of notices that ask for something as long as the state lasts."""
    return [
        one.kind.code
        for (name, _move, target), one in ANNOUNCEMENTS.items()
        if one.asks and one.kind and (name, target) == (table, state)
    ]


UNCHANGED = ""  # the target of a move that leaves the state as it is
ANNOUNCEMENTS: dict[tuple[str, str, str], Announcement] = {}


def _tell(
    table: str, move: str, target: str, title: str | Promise, sentence: str | Promise, *to: Who, **how: bool
) -> None:
    kind = notice_kinds.define(f"exchange.{table}.{move}.{target}", title, sentence)
    ANNOUNCEMENTS[table, move, target] = Announcement(kind, frozenset(to), **how)


_tell(
    "request", "propose", R.PENDING_ENDORSEMENT,
    _("A request waits for a signature"),
    _("%(code)s about “%(dataset)s” waits for the signature of your agency."),
    Who.SIGNATORIES, inside=True, asks=True,
)  # fmt: skip
_tell(
    "request", "send_back", R.DRAFT,
    _("A request was sent back before it was signed"),
    _("%(code)s about “%(dataset)s” was not signed. Its page says why; correct it and send it again."),
    Who.AUTHORS, inside=True, asks=True,
)  # fmt: skip
_tell(
    "request", "endorse", R.SUBMITTED,
    _("A request arrived"),
    _("%(consumer)s asks for “%(dataset)s”: %(code)s can be taken on."),
    Who.OFFICERS, settled=True, asks=True,
)  # fmt: skip
_tell(
    "request", "release", R.SUBMITTED,
    _("A case was put back"),
    _("%(code)s of %(consumer)s about “%(dataset)s” can be taken on again."),
    Who.OFFICERS, asks=True,
)  # fmt: skip
_tell(
    "request", "lapse_claim", R.SUBMITTED,
    _("A case was put back because nobody went on with it"),
    _("%(code)s of %(consumer)s about “%(dataset)s” can be taken on again. Its clock goes on."),
    Who.OFFICERS, asks=True,
)  # fmt: skip
_tell(
    "request", "claim", R.UNDER_REVIEW,
    _("A case waits for you"),
    _("%(code)s: %(consumer)s asks for “%(dataset)s”, and the case was taken on. Your decision or advice is asked for."),
    Who.APPROVERS, Who.REVIEWERS, asks=True,
)  # fmt: skip
_tell(
    "request", "return", R.RETURNED,
    _("A request was returned for correction"),
    _("%(provider)s returned %(code)s about “%(dataset)s”. Its page says what to correct; the owner's clock stands still."),
    Who.AUTHORS, Who.SIGNATURE, asks=True,
)  # fmt: skip
_tell(
    "request", "reject", R.REJECTED,
    _("A request was rejected"),
    _("%(code)s of %(consumer)s about “%(dataset)s” was rejected. The letter says why."),
    Who.AUTHORS, Who.SIGNATURE, Who.OFFICER,
)  # fmt: skip
_tell(
    "request", "approve", R.APPROVED,
    _("A request was approved"),
    _("%(code)s of %(consumer)s about “%(dataset)s” was approved in full."),
    Who.AUTHORS, Who.SIGNATURE, Who.NAMED, Who.OFFICER,
)  # fmt: skip
_tell(
    "request", "approve", R.OFFERED,
    _("A request was approved in part"),
    _("%(provider)s offers a part of what %(code)s asks for of “%(dataset)s”. A signatory of your agency accepts or declines."),
    Who.AUTHORS, Who.SIGNATORIES, asks=True,
)  # fmt: skip
_tell(
    "request", "grant", R.APPROVED,
    _("A request was granted at once"),
    _("%(code)s of %(consumer)s lies wholly inside a standing permission for “%(dataset)s”."),
    Who.AUTHORS, Who.SIGNATURE, Who.NAMED,
)  # fmt: skip
_tell(
    "request", "accept", R.APPROVED,
    _("An offer was accepted"),
    _("%(consumer)s accepted what was offered for %(code)s about “%(dataset)s”."),
    Who.AUTHORS, Who.NAMED, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "request", "decline", R.WITHDRAWN,
    _("An offer was declined"),
    _("%(consumer)s declined what was offered for %(code)s about “%(dataset)s”."),
    Who.AUTHORS, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "request", "withdraw", R.WITHDRAWN,
    _("A request was withdrawn"),
    _("%(consumer)s withdrew %(code)s about “%(dataset)s”. Nothing is left to be done about it."),
    Who.AUTHORS, Who.SIGNATURE, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "request", "lapse", R.EXPIRED,
    _("A request lapsed"),
    _("Nobody went on with %(code)s about “%(dataset)s” in time. It can be copied as a new one."),
    Who.AUTHORS, Who.OFFICER,
)  # fmt: skip
_tell(
    "agreement", "activate", A.ACTIVE,
    _("An agreement is in force"),
    _("From today on %(code)s gives data of “%(dataset)s”."),
    Who.LATER_USERS,
)  # fmt: skip
_tell(
    "agreement", "activate", A.SUSPENDED,
    _("An agreement began, and is suspended"),
    _("%(code)s about “%(dataset)s” took the place of a suspended version and stays suspended until the owner resumes it."),
    Who.LATER_USERS,
)  # fmt: skip
_tell(
    "agreement", "suspend", A.SUSPENDED,
    _("An agreement was suspended"),
    _("%(code)s between %(consumer)s and %(provider)s about “%(dataset)s” gives no data for now. Its page says why."),
    Who.USERS, Who.AUTHORS, Who.SIGNATURE, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "agreement", "resume", A.ACTIVE,
    _("An agreement was resumed"),
    _("%(code)s between %(consumer)s and %(provider)s about “%(dataset)s” gives data again."),
    Who.USERS, Who.AUTHORS, Who.SIGNATURE, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "agreement", "revoke", A.REVOKED,
    _("An agreement was revoked"),
    _("%(code)s between %(consumer)s and %(provider)s about “%(dataset)s” was ended by the owner. Its page says why."),
    Who.USERS, Who.AUTHORS, Who.SIGNATURE, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "agreement", "carry_out", A.SUSPENDED,
    _("An agreement was suspended, as announced"),
    _("%(code)s between %(consumer)s and %(provider)s about “%(dataset)s” gives no data since today. Its page says why."),
    Who.USERS, Who.AUTHORS, Who.SIGNATURE, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "agreement", "carry_out", A.REVOKED,
    _("An agreement was revoked, as announced"),
    _("%(code)s between %(consumer)s and %(provider)s about “%(dataset)s” ended today. Its page says why."),
    Who.USERS, Who.AUTHORS, Who.SIGNATURE, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "agreement", "hold_unconfirmed", A.SUSPENDED,
    _("An agreement was suspended, as nobody confirmed it"),
    _("Nobody of %(consumer)s confirmed that %(code)s about “%(dataset)s” is still needed. A signatory there can do so still."),
    Who.USERS, Who.AUTHORS, Who.SIGNATORIES, Who.OFFICER,
)  # fmt: skip
_tell(
    "agreement", "reinstate", A.ACTIVE,
    _("An agreement is in force again"),
    _("%(consumer)s confirmed that %(code)s about “%(dataset)s” is still needed: it gives data again."),
    Who.USERS, Who.AUTHORS, Who.SIGNATORIES, Who.OFFICER,
)  # fmt: skip
_tell(
    "agreement", "relinquish", A.RELINQUISHED,
    _("An agreement was given up"),
    _("%(consumer)s gave up %(code)s about “%(dataset)s”: it gives no data any more."),
    Who.USERS, Who.AUTHORS, Who.SIGNATURE, Who.OFFICER, Who.VOTERS,
)  # fmt: skip
_tell(
    "agreement", "expire", A.EXPIRED,
    _("An agreement is over"),
    _("The period of %(code)s about “%(dataset)s” is over. Data that was received is kept no longer than agreed."),
    Who.USERS, Who.AUTHORS, Who.SIGNATURE,
)  # fmt: skip
_tell(
    "delivery", "complete", D.COMPLETED,
    _("A package is ready"),
    _("%(code)s with data of “%(dataset)s” can be downloaded."),
    Who.ORDERED,
)  # fmt: skip
_tell(
    "delivery", "terminate", D.TERMINATED,
    _("A package could not be delivered"),
    _("%(code)s with data of “%(dataset)s” ended without a file. Its page says why and what can be done."),
    Who.ORDERED,
)  # fmt: skip

# Systems learn of it; people are told by the service that makes it, in words of its own, or by what comes with it.
for _key in (
    ("request", "take_up", R.UNDER_REVIEW),
    ("agreement", "hold", A.SUSPENDED),
    ("agreement", "supersede", A.SUPERSEDED),
    ("delivery", "start", D.STARTED),
    ("delivery", "cancel", D.TERMINATED),
):
    ANNOUNCEMENTS[_key] = Announcement()
ANNOUNCEMENTS["agreement", "announce", UNCHANGED] = Announcement(event="stop-announced")
ANNOUNCEMENTS["agreement", "confirm", UNCHANGED] = Announcement(event="confirmed")
ANNOUNCEMENTS["agreement", "call_off", UNCHANGED] = Announcement(event="stop-called-off")

# Told to nobody: a vote is nobody's business before the quorum is met, and a case handed over stays where it is.
SILENT = {
    ("request", "approve", R.UNDER_REVIEW),
    ("request", "set_aside", R.UNDER_REVIEW),
    ("request", "hand_over", R.UNDER_REVIEW),
    ("request", "extend", UNCHANGED),  # who asked reads it on the request's page, with the reason
}
# Endings of a delivery of which people hear as something that became of its agreement.
QUIET_ENDINGS = {EndReason.STOPPED, EndReason.REPLACED}
