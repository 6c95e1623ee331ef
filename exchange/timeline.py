"""What happened in an exchange, as sentences for people: read from the ledger, which itself knows no names."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evidence.models import Entry, Outcome
from exchange.models import Delivery, ExchangeRequest
from exchange.states import RequestStatus
from registry.models import Agency, User

LONGEST = 200  # entries on one page

SENTENCES: dict[str, Promise] = {
    "request.create": _("Draft begun"),
    "request.edit": _("Draft changed"),
    "request.join": _("Made part of a joint request"),
    "request.propose": _("Sent for signature"),
    "request.send_back": _("Sent back to the clerk"),
    "request.endorse": _("Signed for the agency and submitted"),
    "request.claim": _("Taken on by the owner of the data"),
    "request.hand_over": _("Handed over to a colleague"),
    "request.lapse_claim": _("Put back, as its case officer did nothing"),
    "request.extend": _("The term was lengthened"),
    "request.escalate": _("Overdue: brought before the next superior"),
    "request.release": _("Put back by the owner of the data, to be taken on anew"),
    "request.grant": _("Granted under a standing permission"),
    "request.return": _("Returned for correction"),
    "request.reject": _("Rejected"),
    "request.approve": _("Decided by the owner of the data"),
    "request.set_aside": _("A vote was set aside"),
    "request.votes_apart": _("All votes were set aside, as they left nothing in common"),
    "request.advise": _("Advice given by a reviewer of the owner"),
    "request.take_up": _("Taken up by an approver, as it is an emergency"),
    "request.review": _("Reviewed afterwards by somebody of the owner"),
    "request.recuse": _("Somebody of the owner stays out of it, because of a conflict"),
    "request.attach": _("A file was attached"),
    "request.attach_to_comment": _("A file came with a comment"),
    "request.detach": _("A file was taken off"),
    "request.open_file": _("A file was downloaded"),
    "request.comment": _("A comment was written"),
    "request.retract_comment": _("A comment was taken back"),
    "request.accept": _("Offer accepted"),
    "request.decline": _("Offer declined"),
    "request.withdraw": _("Withdrawn"),
    "request.take_over": _("Somebody else looks after it"),
    "request.lapse": _("Lapsed, as nobody acted on it"),
    "agreement.conclude": _("Agreement concluded"),
    "agreement.activate": _("Agreement put in force"),
    "agreement.suspend": _("Agreement suspended"),
    "agreement.hold": _("Agreement suspended, as its source changed"),
    "agreement.resume": _("Agreement in force again"),
    "agreement.revoke": _("Agreement revoked by the owner"),
    "agreement.confirm": _("Confirmed that the agreement is still needed"),
    "agreement.hold_unconfirmed": _("Agreement suspended, as nobody confirmed that it is needed"),
    "agreement.reinstate": _("Agreement in force again, as it was confirmed"),
    "agreement.announce": _("A stop of the agreement was announced"),
    "agreement.call_off": _("What was announced of the agreement was called off"),
    "agreement.carry_out": _("Agreement stopped, as announced"),
    "agreement.relinquish": _("Agreement given up"),
    "agreement.expire": _("Agreement ended"),
    "agreement.supersede": _("Agreement replaced"),
    "certificate.prepare": _("A certificate of what became of the data was prepared"),
    "certificate.drop": _("A certificate was given up before it was signed"),
    "certificate.sign": _("A certificate of what became of the data was signed"),
    "certificate.acknowledge": _("The certificate was acknowledged by the owner"),
    "certificate.refuse": _("The certificate was refused by the owner"),
    "certificate.overdue": _("The certificate is overdue: the owner was told"),
    "access.grant": _("A user of the agreement was named"),
    "access.withdraw": _("A user of the agreement was taken off"),
    "delivery.order": _("Delivery ordered"),
    "delivery.start": _("Delivery started"),
    "delivery.postpone": _("Attempt failed; it will be tried again"),
    "delivery.complete": _("Delivered"),
    "delivery.terminate": _("Ended without delivery"),
    "delivery.cancel": _("Delivery cancelled"),
    "delivery.download": _("Data downloaded"),
    "delivery.manifest": _("Manifest downloaded"),
    "delivery.remove": _("File deleted, its time being over"),
    "lookup.ask": _("A record was looked up"),
    "lookup.answer": _("The look-up was answered"),
}
NOT_FOR_REQUESTS = {"lookup.ask", "lookup.answer"}  # they may be many, and have a record of their own
INTERNAL = {
    "request.advise",
    "request.attach_to_comment",
    "request.comment",
    "request.hand_over",
    "request.open_file",
    "request.recuse",
    "request.retract_comment",
    "request.set_aside",
    "request.votes_apart",
}
OUTCOMES = {
    RequestStatus.APPROVED: _("Approved"),
    RequestStatus.OFFERED: _("Approved in part: an offer was made"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    at: datetime
    title: str | Promise
    actor: str
    detail: str = ""
    outcome: str = ""


def of_request(request: ExchangeRequest) -> list[Event]:
    """The whole exchange as the requesting agency may know it, the latest first."""
    return _events(Entry.objects.in_case(request.code), request.consumer, names_things=True)


def of_delivery(delivery: Delivery) -> list[Event]:
    return _events(Entry.objects.about("delivery", delivery.code), delivery.agreement.consumer, names_things=False)


def _events(entries, consumer: Agency, *, names_things: bool) -> list[Event]:
    # Refusals are for the person concerned and for auditors.
    told = set(SENTENCES) - NOT_FOR_REQUESTS
    found = list(entries.filter(outcome=Outcome.SUCCESS, action__in=told).order_by("-sequence")[:LONGEST])
    details = {entry.pk: json.loads(entry.details) for entry in found}
    shown = [entry for entry in found if not _is_internal(entry, details[entry.pk])]
    people = _people([*(entry.actor for entry in shown), *(details[entry.pk].get("to", "") for entry in shown)])
    agencies = {agency.code: agency.name for agency in Agency.objects.filter(code__in={e.agency for e in shown})}
    return [
        Event(
            at=entry.at,
            title=_title(entry, details[entry.pk]),
            actor=_actor(entry, consumer, people, agencies),
            detail=_detail(entry, details[entry.pk], people, names_things),
        )
        for entry in shown
    ]


def _is_internal(entry: Entry, details: dict) -> bool:
    """Who handles it, what a vote says before the last one, and what becomes of it concern only the owner, and so do
    advice and declared conflicts; comments stand in a list of their own, and who opens files is for auditors."""
    if entry.action in INTERNAL:
        return True
    return entry.action == "request.approve" and details.get("to") == RequestStatus.UNDER_REVIEW


def _title(entry: Entry, details: dict):
    if entry.action == "request.approve":
        return OUTCOMES.get(details.get("to"), SENTENCES[entry.action])
    return SENTENCES[entry.action]


def _actor(entry: Entry, consumer: Agency, people: dict[str, User], agencies: dict[str, str]) -> str:
    """Colleagues by name; people of another agency by their agency only, which is what answers for the act."""
    if entry.agency == consumer.code and entry.actor in people:
        return str(people[entry.actor])
    if entry.agency:
        return agencies.get(entry.agency, entry.agency)
    if entry.action.startswith("access.") and entry.actor in people:
        return str(people[entry.actor])
    return str(_("NDC Portal"))


def _detail(entry: Entry, details: dict, people: dict[str, User], names_things: bool) -> str:
    if entry.action.startswith("access.") or entry.action == "request.take_over":
        person = people.get(details.get("to", ""))
        return str(person) if person else ""
    if entry.action == "request.create" and details.get("copied_from"):
        return str(_("Copied from %(code)s") % {"code": details["copied_from"]})
    if entry.action == "request.propose":
        return str(_("Revision %(number)s") % {"number": details.get("revision")})
    if names_things and entry.subject_type in ("delivery", "agreement"):
        return entry.subject_id
    return ""


def _people(names: Iterable[str]) -> dict[str, User]:
    ids = {name for name in names if _is_uuid(name)}
    return {str(user.public_id): user for user in User.objects.filter(public_id__in=ids)}


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
