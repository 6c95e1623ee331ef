"""From an agreement to what the source is asked for, and the proof that this is still what was agreed."""

import hashlib
import hmac

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from exchange.models import Agreement
from exchange.refusals import Refusal
from exchange.scope import Scope, sha256
from exchange.services import scopes
from registry.connectors import ExtractPlan


def plan_of(agreement: Agreement) -> ExtractPlan:
    """The extract plan of the agreement. Refuses when scope or registry no longer give the plan that was agreed."""
    if sha256(agreement.scope) != agreement.scope_hash:
        raise Refusal("scope-altered", _("The agreement's scope does not match its hash."))
    scope = Scope.from_text(agreement.scope)
    plan = scopes.extract_plan(scope, scopes.fields_of(agreement.dataset))
    if plan.digest() != agreement.plan_hash:
        raise Refusal("plan-changed", _("The dataset changed since the agreement: its owner has to review it."))
    return plan


def pseudonym_key(agreement: Agreement) -> bytes:
    """32 bytes: the same for all deliveries of one agreement, unrelated between agreements."""
    return hmac.new(settings.PSEUDONYM_KEY, f"pseudonym:{agreement.code}".encode(), hashlib.sha256).digest()
