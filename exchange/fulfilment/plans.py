"""From an agreement to what the source is asked for, and the proof that this is still what was agreed."""

import hashlib
import hmac
import json

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from evidence.models import Entry, Outcome
from exchange.models import Agreement
from exchange.refusals import Refusal
from exchange.scope import Scope, sha256
from exchange.services import scopes
from registry.connectors import ExtractPlan


def plan_of(agreement: Agreement) -> ExtractPlan:
    """The extract plan of the agreement. Refuses when scope or registry no longer give the plan that was agreed.

    What was agreed is what the ledger says: whoever can write past the guards of the table cannot write there.
    """
    if sha256(agreement.scope) != agreement.scope_hash:
        raise Refusal("scope-altered", _("The agreement's scope does not match its hash."))
    if (agreement.scope_hash, agreement.plan_hash) not in _concluded(agreement):
        raise Refusal("not-as-agreed", _("The agreement is not what it was when it was concluded: tell the operator."))
    scope = Scope.from_text(agreement.scope)
    plan = scopes.extract_plan(scope, scopes.fields_of(agreement.dataset))
    if plan.digest() != agreement.plan_hash:
        raise Refusal("plan-changed", _("The dataset changed since the agreement: its owner has to review it."))
    return plan


def _concluded(agreement: Agreement) -> set[tuple[str, str]]:
    """Hashes of scope and plan with which the version was concluded, as the ledger has them: one pair, if it was."""
    entries = Entry.objects.about("agreement", agreement.code).filter(
        action="agreement.conclude", outcome=Outcome.SUCCESS
    )
    concluded = [json.loads(text) for text in entries.values_list("details", flat=True)]
    # Entries from before there were versions are about the first.
    return {
        (entry["scope_sha256"], entry["plan_sha256"])
        for entry in concluded
        if entry.get("version", 1) == agreement.version
    }


def pseudonym_key(agreement: Agreement) -> bytes:
    """32 bytes: the same for all deliveries of one agreement, unrelated between agreements."""
    return hmac.new(settings.PSEUDONYM_KEY, f"pseudonym:{agreement.code}".encode(), hashlib.sha256).digest()
