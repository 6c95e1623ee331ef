"""Requests, cases and decisions; comments and files; agreements; deliveries; deadlines."""

from exchange.models.advice import Advice
from exchange.models.agreements import Agreement
from exchange.models.attachments import Attachment
from exchange.models.attestations import Attestation
from exchange.models.cases import Decision, Letter, LetterCopy, LetterCounter, ReviewCase
from exchange.models.comments import Comment
from exchange.models.deadlines import CalendarDay, DeadlineProfile
from exchange.models.deliveries import Delivery, DeliveryAttempt
from exchange.models.destruction import DestructionCertificate
from exchange.models.digests import DailyDigest, Escalation
from exchange.models.emergencies import AfterReview
from exchange.models.joint import JointRequest
from exchange.models.lookups import Lookup, LookupRate, LookupUsage
from exchange.models.outbox import OutboxEvent, WebhookAttempt, WebhookEndpoint, WebhookMessage
from exchange.models.paper import PaperExchange
from exchange.models.recusals import Recusal
from exchange.models.requests import ExchangeRequest, Revision
from exchange.models.saved_searches import SavedSearch
from exchange.models.stops import StopNotice
from exchange.models.templates import RequestTemplate

__all__ = [
    "Advice",
    "AfterReview",
    "Agreement",
    "Attachment",
    "Attestation",
    "CalendarDay",
    "Comment",
    "DailyDigest",
    "DeadlineProfile",
    "Decision",
    "Delivery",
    "DeliveryAttempt",
    "DestructionCertificate",
    "Escalation",
    "ExchangeRequest",
    "JointRequest",
    "Letter",
    "LetterCopy",
    "LetterCounter",
    "Lookup",
    "LookupRate",
    "LookupUsage",
    "OutboxEvent",
    "PaperExchange",
    "Recusal",
    "RequestTemplate",
    "ReviewCase",
    "Revision",
    "SavedSearch",
    "StopNotice",
    "WebhookAttempt",
    "WebhookEndpoint",
    "WebhookMessage",
]
