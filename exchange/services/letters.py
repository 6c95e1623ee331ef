"""Decision letters: numbered without gaps for each agency and year, with the hash of what they say."""

import json

from django.utils import timezone

from exchange import check_codes
from exchange.choices import Verdict
from exchange.models import Decision, DestructionCertificate, Letter, LetterCounter, ReviewCase, Revision
from exchange.scope import Scope, canonical, sha256
from exchange.services import scopes
from registry.models import Agency, LegalInstrument, User

CERTIFICATE = "destruction"  # the kind of a letter that is no decision


def issue(*, case: ReviewCase, content: dict, of: Agency | None = None) -> Letter:
    """Write the letter inside the caller's transaction: a number is taken only if the decision stands.

    It is one of the owner, or `of` the other agency of the case.

    With `content` it keeps the names that things have today, so that it reads the same for ever.
    """
    now = timezone.now()
    year = timezone.localdate(now).year
    agency = of or case.provider
    LetterCounter.objects.get_or_create(agency=agency, year=year)
    counter = LetterCounter.objects.select_for_update().get(agency=agency, year=year)
    text = canonical({**content, "names": names_of(case, content, agency)})
    return Letter.objects.create(
        case=case,
        agency=agency,
        year=year,
        number=counter.last + 1,  # the counter moves on with the letter, in the database
        content=text,
        content_hash=sha256(text),
        check_code=check_codes.new(),
        issued_at=now,
    )


def names_of(case: ReviewCase, content: dict, agency: Agency | None = None) -> dict:
    """What the things are called, in both languages, that `content` mentions by code, name or number."""
    request, sender = case.request, agency or case.provider
    agencies = [one for one in (sender, sender.parent, case.provider, request.consumer) if one]
    laws = LegalInstrument.objects.filter(number__in=[content.get("legal_basis"), content.get("sharing_basis")])
    mentioned = _fields_mentioned(content)
    return {
        "superior": sender.parent.code if sender.parent else "",
        "seat": sender.seat,
        "subject": request.letter_subject,
        "agencies": {agency.code: {"vi": agency.name_vi, "en": agency.name_en} for agency in agencies},
        "dataset": {"code": request.dataset.code, "vi": request.dataset.title_vi, "en": request.dataset.title_en},
        "fields": {
            field.name: {"vi": field.title_vi, "en": field.title_en, "personal_data": str(field.personal_data)}
            for field in request.dataset.fields.filter(name__in=mentioned)
        },
        "laws": {law.number: {"vi": law.title_vi, "en": law.title_en} for law in laws},
    }


def _fields_mentioned(content: dict) -> set[str]:
    scope = content.get("scope", {"fields": [], "filters": []})
    given = {field["name"] for field in scope["fields"]} | {one["field"] for one in scope["filters"]}
    return given | set(content.get("left_out", {}).get("fields", []))


def of_rejection(decision: Decision) -> dict:
    return _of_decision(decision, legal_basis=decision.legal_basis.number)


def of_approval(decision: Decision, requested: Scope, scope: Scope) -> dict:
    """The letter speaks for every approver: each may have narrowed, and said why."""
    votes = list(
        scopes.live_approvals(decision.case).select_related("made_by", "agency", "delegation__delegator").order_by("pk")
    )
    return _of_decision(
        decision,
        **_granted(decision.case, requested, scope),
        reason="\n".join(vote.reason for vote in votes if vote.reason),
        decided_by=[_office(vote) for vote in votes],
    )


def of_standing(case: ReviewCase, revision: Revision, scope: Scope) -> dict:
    """Nobody decides on this request: the letter names the decision that the owner took once, for all such requests."""
    policy = case.policy
    return _letter(
        case,
        verdict=str(Verdict.APPROVE),
        reason="",
        decided_by=[{"position": policy.decided_by.position, "agency": case.provider.code}],
        revision_sha256=revision.content_hash,
        standing={
            "permission": str(policy.public_id),
            "decided_on": timezone.localdate(policy.decided_at).isoformat(),
        },
        **_granted(case, scope, scope),
    )


def of_certificate(certificate: DestructionCertificate, by: User) -> dict:
    """What an agency tells the owner became of the data: the text that was signed, whole."""
    agreement, signed = certificate.agreement, json.loads(certificate.content)
    return {
        "kind": CERTIFICATE,
        "request": agreement.case.request.code,
        "from": agreement.consumer.code,
        "to": agreement.provider.code,
        "legal_basis": signed.get("kept_under"),
        "signed_by": {"position": by.position, "agency": agreement.consumer.code},
        "certificate": signed,
        "certificate_sha256": certificate.content_hash,
    }


def _granted(case: ReviewCase, requested: Scope, scope: Scope) -> dict:
    left_out: dict = {}
    if gone := [name for name in requested.field_names if name not in scope.field_names]:
        left_out["fields"] = gone
    if scope.row_limit != requested.row_limit:
        left_out["row_limit"] = requested.row_limit
    if scope.period_to != requested.period_to:
        left_out["period_to"] = requested.period_to.isoformat()
    return {
        "scope": scope.as_document(),
        "requested_scope_sha256": requested.digest,
        "left_out": left_out,
        "sharing_basis": case.policy.legal_basis.number,
    }


def _of_decision(decision: Decision, **content) -> dict:
    return _letter(
        decision.case,
        **{
            "verdict": str(decision.verdict),
            "reason": decision.reason,
            "decided_by": [_office(decision)],
            "revision_sha256": decision.revision_hash,
            **content,
        },
    )


def _letter(case: ReviewCase, **content) -> dict:
    request = case.request
    emergency = {"emergency": request.emergency_ground} if request.is_emergency else {}
    return {
        **emergency,
        "request": request.code,
        "your_letter": request.letter_number,
        "from": case.provider.code,
        "to": request.consumer.code,
        **content,
    }


def _office(decision: Decision) -> dict:
    """Who decided, by position: the letter is the agency's, and leaves the house."""
    office = {"position": decision.made_by.position, "agency": decision.agency.code}
    if decision.delegation:
        office["in_place_of"] = decision.delegation.delegator.position
    return office
