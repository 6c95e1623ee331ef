"""Which changes of a source stand against an agreement. The registry's rows decide, whatever the agreement's own state."""

from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.models import Agreement
from exchange.refusals import SUSPENDED, Refusal, Suspended
from exchange.scope import Scope
from exchange.services import scopes
from exchange.states import AgreementStatus
from registry.choices import Mode, Review
from registry.models import Field, SchemaChange
from registry.services import drift, policies


def names_of(agreement: Agreement) -> set[str]:
    """The fields that the agreement needs in the source: given out, filtered by, or looked up by."""
    scope = Scope.from_text(agreement.scope)
    names = {*scope.field_names, *(condition.field for condition in scope.filters)}
    if agreement.mode == Mode.LOOKUP:
        lines = scopes.shared_lines(agreement.policy)
        names |= {line.field.name for line in lines if line.field.is_key and line.is_filterable}
    return names


def standing_against(agreement: Agreement):
    """Breaking changes of what the agreement needs that nobody reviewed, or upon which the owner ended it."""
    ended = Q(decision=Review.END, reviewed_at__gt=agreement.agreed_at)
    found = SchemaChange.objects.filter(
        Q(reviewed_at__isnull=True) | ended, dataset=agreement.dataset_id, is_breaking=True
    )
    if not found.exists():
        return found.none()
    return found.touching(names_of(agreement)).select_related("dataset").order_by("pk")


def in_words(changes) -> str:
    return " ".join(sentence for one in changes for sentence in drift.sentences_of(one, breaking_only=True))


def check(agreement: Agreement) -> None:
    """Refuse while the source is not what was agreed, as far as its owner did not say that it is still sound."""
    changes = list(standing_against(agreement))
    if any(change.reviewed_at is None for change in changes):
        raise Suspended("source-changed", f"{SUSPENDED} {in_words(changes)}")
    if changes:
        raise Refusal(
            "source-changed",
            _("The source changed, and its owner ended sharing under it. %(changes)s") % {"changes": in_words(changes)},
        )


def check_changed(agreement: Agreement) -> None:
    if not standing_against(agreement).exists():
        raise Refusal("source-unchanged", _("Nothing changed in the source that the agreement needs."))


def check_plan(agreement: Agreement, fields: dict[str, Field] | None = None) -> None:
    """Refuse where the source would be asked for something else than was agreed; `fields` of the dataset, if at hand."""
    fields = scopes.fields_of(agreement.dataset) if fields is None else fields
    plan = scopes.extract_plan(Scope.from_text(agreement.scope), fields)
    if plan.digest() != agreement.plan_hash:
        raise Refusal(
            "plan-changed",
            _("What the source would be asked for is no longer what was agreed. Revoke it; the consumer asks anew."),
        )


@dataclass(frozen=True, slots=True)
class Story:
    """What became of an agreement's source, for the page of the agreement: what changed, what the owner said, what is left."""

    change: SchemaChange
    sentences: list[str]
    gone: list[Field]  # what the agreement needs and the source no longer has
    is_same: bool  # the source would still be asked for what was agreed
    may_ask_anew: bool  # something of it is left, and offered to the consumer

    @property
    def is_ended(self) -> bool:
        return self.change.decision == Review.END


def story_of(agreement: Agreement) -> Story | None:
    """Why a suspended or revoked agreement gives nothing, where its source is why."""
    if agreement.status not in (AgreementStatus.SUSPENDED, AgreementStatus.REVOKED):
        return None
    names = names_of(agreement)
    since = SchemaChange.objects.filter(
        dataset=agreement.dataset_id, is_breaking=True, found_at__gt=agreement.agreed_at
    )
    change = since.touching(names).select_related("dataset", "reviewed_by").order_by("-pk").first()
    if change is None:
        return None
    try:
        check_plan(agreement)
    except Refusal:
        is_same = False
    else:
        is_same = True
    gone = list(agreement.dataset.fields.filter(name__in=gone_of(agreement)).order_by("position"))
    left = set(Scope.from_text(agreement.scope).field_names) - {field.name for field in gone}
    is_revoked = agreement.status == AgreementStatus.REVOKED
    may_ask = change.reviewed_at is not None and (is_revoked or not is_same) and bool(left) and is_offered(agreement)
    return Story(change, drift.sentences_of(change, breaking_only=True), gone, is_same, may_ask)


def gone_of(agreement: Agreement) -> set[str]:
    """Names of the fields that the agreement needs and the source no longer has."""
    return names_of(agreement) - set(scopes.fields_of(agreement.dataset))


def is_offered(agreement: Agreement) -> bool:
    return policies.policies_for(dataset=agreement.dataset, recipient=agreement.consumer).exists()
