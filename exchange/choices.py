"""The closed lists of the exchange, apart from the states. Values are stored and exchanged: they never change."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Urgency(TextChoices):
    """The urgency marks of an official letter. They order the queue; they change no legal deadline."""

    NORMAL = "normal", _("Normal")
    URGENT = "urgent", _("Urgent")
    VERY_URGENT = "very-urgent", _("Very urgent")
    EXPRESS = "express", _("Express")


class RequestKind(TextChoices):
    """What a request is about: something new, or an agreement that there is already."""

    NEW = "new", _("New request")
    AMENDMENT = "amendment", _("Change of an agreement")
    RENEWAL = "renewal", _("Another period of an agreement")


class Frequency(TextChoices):
    ONCE = "once", _("Once")
    ON_DEMAND = "on-demand", _("When needed during the period")


class EmergencyGround(TextChoices):
    """What makes it impossible to wait for the ordinary way."""

    DISASTER = "disaster", _("Flood, storm, fire or another disaster")
    EPIDEMIC = "epidemic", _("Epidemic or another danger to public health")
    LIFE = "life", _("Immediate danger to somebody's life or health")
    RESCUE = "rescue", _("Search and rescue of missing people")


class ReviewPart(TextChoices):
    """As what somebody reviews an emergency afterwards."""

    APPROVER = "approver", _("Approver")
    REVIEWER = "reviewer", _("Reviewer")


class AfterVerdict(TextChoices):
    CONFIRM = "confirm", _("Confirmed")
    OBJECT = "object", _("Objected")


class ConsentBasis(TextChoices):
    NOT_PERSONAL = "not-personal", _("No personal data is asked for")
    STATUTORY = "statutory", _("A statutory duty or exception applies")
    CONSENT = "consent", _("The persons concerned have consented")


class OnwardSharing(TextChoices):
    NONE = "none", _("Not passed on to anyone")
    NAMED = "named", _("Passed on to the agencies named")


class SystemLevel(TextChoices):
    """Security level of the system that will hold the data."""

    LEVEL_1 = "1", _("Level 1")
    LEVEL_2 = "2", _("Level 2")
    LEVEL_3 = "3", _("Level 3")
    LEVEL_4 = "4", _("Level 4")
    LEVEL_5 = "5", _("Level 5")


class Verdict(TextChoices):
    APPROVE = "approve", _("Approve")
    REJECT = "reject", _("Reject")
    RETURN = "return", _("Return for correction")


class Recommendation(TextChoices):
    """What a reviewer advises. It decides nothing."""

    FOR = "for", _("In favour")
    CONDITIONS = "conditions", _("In favour with conditions")
    AGAINST = "against", _("Against")


class Audience(TextChoices):
    """Who reads a comment, beside auditors."""

    INTERNAL = "internal", _("Colleagues only")
    BOTH = "both", _("Both agencies")


class FileKind(TextChoices):
    """What files people may attach, by content."""

    PDF = "pdf", "PDF"
    PNG = "png", "PNG"
    JPEG = "jpeg", "JPEG"
    TIFF = "tiff", "TIFF"
    DOCX = "docx", "Word (DOCX)"
    XLSX = "xlsx", "Excel (XLSX)"
    ODT = "odt", "OpenDocument (ODT)"
    ODS = "ods", "OpenDocument (ODS)"
    TEXT = "text", _("Plain text")
    CSV = "csv", "CSV"


class ScanState(TextChoices):
    """How far the search for viruses is. Where no scanner is set up, a file stays in the first state and says so."""

    QUARANTINED = "quarantined", _("Not checked for viruses yet")
    CLEAN = "clean", _("No virus found")
    INFECTED = "infected", _("Infected")


class ConflictKind(TextChoices):
    """Why somebody stays out of a request."""

    FAMILY = "family", _("A relative or friend is concerned")
    INTEREST = "interest", _("I have an interest in the outcome")
    EARLIER_PART = "earlier-part", _("I had a part in the matter before")
    OTHER = "other", _("Another reason")


class EndReason(TextChoices):
    """Why a delivery ended without data."""

    FAILED = "failed", _("The source could not be read")
    CHANGED = "changed", _("The source or the policy no longer matches the agreement")
    LIMIT = "limit", _("More rows than agreed")
    STOPPED = "stopped", _("The agreement is no longer in force")
    REPLACED = "replaced", _("A new version of the agreement took its place")
    CANCELLED = "cancelled", _("Cancelled by the consumer agency")


class StopKind(TextChoices):
    """How an agreement is to be stopped that gives data until a day that was announced."""

    SUSPEND = "suspend", _("Suspension")
    REVOKE = "revoke", _("Revocation")


class AttemptOutcome(TextChoices):
    RUNNING = "running", _("Running")
    DELIVERED = "delivered", _("Delivered")
    TEMPORARY = "temporary", _("Failed for now")
    PERMANENT = "permanent", _("Failed for good")
    LOST = "lost", _("Its worker died")
    STOPPED = "stopped", _("Stopped")


class DayKind(TextChoices):
    OFF = "off", _("Day off")
    WORKING = "working", _("Extra working day")
    SHORTENED = "shortened", _("Shortened day")


class Direction(TextChoices):
    """Who asked whom by letter, seen from the agency that records it."""

    SENT = "sent", _("We asked another agency")
    RECEIVED = "received", _("Another agency asked us")


class PaperReason(TextChoices):
    """Why it went by letter and not through the portal."""

    NOT_FOUND = "not-found", _("The data is not in the catalogue")
    NOT_SHARED = "not-shared", _("The owner does not share it with us here")
    LAW = "law", _("A law asks for a letter")
    ORIGINAL = "original", _("A signed and sealed original is needed")
    OUTSIDE = "outside", _("The other side does not use the portal")
    URGENT = "urgent", _("It was faster that way")
    UNKNOWN = "unknown", _("The portal was not thought of")
    OTHER = "other", _("Another reason")


class SearchPage(TextChoices):
    """The lists of which a person can keep a search."""

    REQUESTS = "requests", _("My requests")
    AGREEMENTS = "agreements", _("Agreements and deliveries")
    LETTERS = "letters", _("Letters")
    QUEUE = "queue", _("Review desk")

    @property
    def url_name(self) -> str:
        return {
            SearchPage.REQUESTS: "exchange:request-list",
            SearchPage.AGREEMENTS: "exchange:agreement-list",
            SearchPage.LETTERS: "exchange:paper-list",
            SearchPage.QUEUE: "admin:exchange_reviewcase_changelist",
        }[self]


class TemplatePart(TextChoices):
    """What of a request a template keeps. Letter number, declarations and people are made anew each time."""

    DATA = "data", _("Dataset, fields and rows")
    BASIS = "basis", _("Legal basis and purpose")
    LETTER = "letter", _("Subject of the letter and signing officer")
    USE = "use", _("Time and safety")


class MailState(TextChoices):
    """What became of a digest as a mail."""

    NONE = "none", _("Not sent by mail")
    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Could not be sent")


class MessageState(TextChoices):
    """What became of an event on its way to an agency's system."""

    WAITING = "waiting", _("Waiting")
    TAKEN = "taken", _("Taken")
    GIVEN_UP = "given-up", _("Not tried any more")


class SendOutcome(TextChoices):
    """What a try to send a message came to."""

    TAKEN = "taken", _("Taken")
    REFUSED = "refused", _("The system answered with an error")
    GONE = "gone", _("The system wants no more (410)")
    BUSY = "busy", _("The system asked to wait")
    UNREACHABLE = "unreachable", _("The system could not be reached")
    SLOW = "slow", _("No answer in time")
    CERTIFICATE = "certificate", _("The certificate is not valid")
    FORBIDDEN = "forbidden", _("The name leads to an address that is not allowed")


class DisabledBecause(TextChoices):
    """Why nothing is sent to an endpoint any more."""

    BY_HAND = "by-hand", _("Switched off by the agency")
    GONE = "gone", _("The system wants no more (410)")
    FAILING = "failing", _("Not reached for days")


class CertificateKind(TextChoices):
    """What an agency certifies about data that it received, once its agreement is over."""

    DESTROYED = "destroyed", _("Destroyed")
    KEPT = "kept", _("Kept longer, because a law asks for it")


class DestructionMethod(TextChoices):
    """How data was destroyed, in the three degrees of NIST SP 800-88."""

    CLEAR = (
        "clear",
        _("Cleared: overwritten, or deleted with the storage's own means, so that no usual tool brings it back"),
    )
    PURGE = (
        "purge",
        _("Purged: cryptographic erase, or the device's own sanitising, so that no laboratory brings it back"),
    )
    DESTROY = "destroy", _("Destroyed: the medium itself was shredded, melted or burnt")
