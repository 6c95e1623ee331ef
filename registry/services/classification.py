"""Suggestions for how fields are protected: made by rules, decided by a steward, kept on record."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from registry import levels
from registry.choices import Classification, Masking, PersonalData, SuggestionState, WorkState
from registry.classifying import rules
from registry.classifying.judging import Judgement, Subject, judge
from registry.errors import RegistryRefusal
from registry.models import Database, Dataset, Field, FieldProfile, FieldSuggestion, User
from registry.services import protection, records


def suggest(*, dataset: Dataset | None = None, database: Database | None = None) -> int:
    """Make suggestions for the fields of a dataset, or of all datasets of a database; how many are new.

    What a person refused does not come back unless the rules or the field changed; what no longer holds is outdated.
    """
    fields = Field.objects.shown().select_related("dataset__database").order_by("dataset", "position")
    fields = fields.filter(dataset=dataset) if dataset else fields.filter(dataset__database=database)
    with transaction.atomic():
        locked = list(fields.select_for_update(of=("self",)))
        seen = _patterns_of(locked)
        earlier = _earlier(locked)
        new, outdated = [], []
        for field in locked:
            subject = subject_of(field, seen.get(field.pk, {}))
            made = _suggestion(field, subject)
            before = earlier.get(field.pk, [])
            mark = (rules.VERSION, subject.fingerprint())
            is_known = any((one.rules_version, one.fingerprint) == mark for one in before)
            outdated += [
                one.pk
                for one in before
                if one.state == SuggestionState.OPEN and (made is None or (one.rules_version, one.fingerprint) != mark)
            ]
            if made and not is_known:
                new.append(made)
        FieldSuggestion.objects.filter(pk__in=outdated).update(state=SuggestionState.OUTDATED)
        FieldSuggestion.objects.bulk_create(new)
    return len(new)


def subject_of(field: Field, patterns: dict[str, int]) -> Subject:
    return Subject(
        name=field.name,
        kind=field.kind,
        title=field.title_vi,
        description=field.description,
        table=field.dataset.table_name,
        values=patterns,
    )


def _patterns_of(fields: list[Field]) -> dict[int, dict]:
    """What values looked like in the latest profile of each field."""
    found = (
        FieldProfile.objects.filter(field__in=fields, profile__state=WorkState.DONE)
        .order_by("field", "-profile")
        .distinct("field")
    )
    return dict(found.values_list("field", "patterns"))


def _earlier(fields: list[Field]) -> dict[int, list[FieldSuggestion]]:
    found: dict[int, list[FieldSuggestion]] = {}
    for one in FieldSuggestion.objects.filter(field__in=fields).exclude(state=SuggestionState.OUTDATED):
        found.setdefault(one.field_id, []).append(one)
    return found


def _suggestion(field: Field, subject: Subject) -> FieldSuggestion | None:
    judgement = judge(subject)
    if judgement is None or not _says_something(field, judgement):
        return None
    masking, level = _fitting(field, judgement)
    return FieldSuggestion(
        field=field,
        personal_data=judgement.category,
        masking=masking,
        classification=level,
        score=min(100, judgement.score),
        reasons=judgement.reasons,
        rules_version=rules.VERSION,
        fingerprint=subject.fingerprint(),
    )


def _says_something(field: Field, judgement: Judgement) -> bool:
    """Whether it would change the field; and never against a person who called it sensitive."""
    if levels.CATEGORY_RANK[judgement.category] < levels.CATEGORY_RANK[field.personal_data]:
        return field.personal_data != PersonalData.SENSITIVE
    return judgement.category != field.personal_data or not field.classification


def _fitting(field: Field, judgement: Judgement) -> tuple[Masking, Classification]:
    masking = judgement.masking
    if judgement.category == field.personal_data:
        masking = Masking(field.default_masking)  # a person chose it for what the field is
    level = judgement.classification
    if judgement.category == PersonalData.NONE and field.dataset.database.classification == Classification.PUBLIC:
        level = Classification.PUBLIC
    return masking, level


def accept(*, suggestion: FieldSuggestion, by: User) -> FieldSuggestion:
    """Protect the field as suggested."""
    with transaction.atomic():
        suggestion = _locked(suggestion, by, SuggestionState.OPEN)
        field = suggestion.field
        suggestion.before = {name: getattr(field, name) for name in protection.PROTECTION}
        protection.protect(
            field=field,
            personal_data=suggestion.personal_data,
            masking=suggestion.masking,
            classification=suggestion.classification,
            by=by,
            suggested=suggestion,
        )
        return _decide(suggestion, SuggestionState.ACCEPTED, by)


def refuse(*, suggestion: FieldSuggestion, by: User, reason: str = "") -> FieldSuggestion:
    """Leave the field as it is; a reason is needed where that is less protected than suggested."""
    with transaction.atomic():
        suggestion = _locked(suggestion, by, SuggestionState.OPEN)
        field = suggestion.field
        # An empty level counts as the database's, which is never the lower one here.
        wanted = (suggestion.personal_data, suggestion.masking, "")
        is_less = levels.is_less_protected(wanted, (field.personal_data, field.default_masking, ""))
        if is_less and len(reason.strip()) < protection.SHORTEST_REASON:
            raise RegistryRefusal(
                "reason-needed",
                _("“%(field)s” would stay less protected than suggested: say why.") % {"field": field.name},
            )
        suggestion.remark = reason[:500]
        return _decide(suggestion, SuggestionState.REFUSED, by)


def reopen(*, suggestion: FieldSuggestion, by: User) -> FieldSuggestion:
    """Take a decision back: the field gets back what it was, unless somebody changed it since."""
    with transaction.atomic():
        suggestion = _locked(suggestion, by, SuggestionState.ACCEPTED, SuggestionState.REFUSED)
        field = suggestion.field
        if field.suggestions.open().exists():
            raise RegistryRefusal("newer", _("There is a newer suggestion for “%(field)s”.") % {"field": field.name})
        if suggestion.state == SuggestionState.ACCEPTED:
            now = tuple(getattr(field, name) for name in protection.PROTECTION)
            if now != (suggestion.personal_data, suggestion.masking, suggestion.classification):
                raise RegistryRefusal(
                    "changed-meanwhile", _("“%(field)s” was changed since. Change it by hand.") % {"field": field.name}
                )
            before = suggestion.before
            protection.protect(
                field=field,
                personal_data=before["personal_data"],
                masking=before["default_masking"],
                classification=before["classification"],
                by=by,
                reason=_("The acceptance of a suggestion was taken back."),
                suggested=suggestion,
            )
        was = suggestion.state
        suggestion.state, suggestion.decided_at, suggestion.decided_by = SuggestionState.OPEN, None, None
        suggestion.remark, suggestion.before = "", {}
        suggestion.save()
        _record("reopen", suggestion, by, {"was": was})
    return suggestion


def _locked(suggestion: FieldSuggestion, by: User, *states: SuggestionState) -> FieldSuggestion:
    suggestion = FieldSuggestion.objects.for_lists().select_for_update(of=("self",)).get(pk=suggestion.pk)
    dataset = suggestion.field.dataset
    protection.check_steward(database=dataset.database, dataset=dataset, by=by)
    if suggestion.state not in states:
        raise RegistryRefusal(
            "decided",
            _("The suggestion is in another state by now: %(state)s.") % {"state": suggestion.get_state_display()},
        )
    return suggestion


def _decide(suggestion: FieldSuggestion, state: SuggestionState, by: User) -> FieldSuggestion:
    suggestion.state, suggestion.decided_at, suggestion.decided_by = state, timezone.now(), by
    suggestion.save()
    _record("accept" if state == SuggestionState.ACCEPTED else "decline", suggestion, by, {"reason": suggestion.remark})
    return suggestion


def _record(what: str, suggestion: FieldSuggestion, by: User, more: dict) -> None:
    details = {
        "field": suggestion.field.name,
        "category": suggestion.personal_data,
        "score": suggestion.score,
        "rules": suggestion.rules_version,
    }
    dataset = suggestion.field.dataset
    records.record(action=f"registry.suggestion.{what}", thing=dataset, by=by, details=details | more)


def decide_all(*, suggestions: Iterable[FieldSuggestion], act: str, by: User, reason: str = "") -> list[tuple]:
    """Accept, refuse or reopen each on its own; with each the refusal that met it, or None."""
    arguments = {"reason": reason} if act == "refuse" else {}
    service = {"accept": accept, "refuse": refuse, "reopen": reopen}[act]
    results = []
    for suggestion in suggestions:
        refusal = None
        try:
            service(suggestion=suggestion, by=by, **arguments)
        except RegistryRefusal as error:
            refusal = error
            records.record_refusal(model=FieldSuggestion, thing=suggestion.field.dataset, by=by, error=error)
        results.append((suggestion, refusal))
    return results
