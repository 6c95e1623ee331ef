"""From what is known of one field to a suggestion, with a score and the reasons."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.choices import Classification, FieldKind, Masking, PersonalData
from registry.classifying import rules
from registry.classifying.rules import Rule
from registry.classifying.words import Words, words_of

LEAST_SCORE = 40  # below it nothing is suggested
IN_TITLE = 0.9  # what a phrase in a comment weighs beside one in the name
IN_SENTENCE = 0.6  # and one in a longer text, which may speak of something else
WRONG_KIND = 0.4
IN_CODE_LIST = 0.35
SENTENCE = 8  # words from which on a title counts as one


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is known of a field, without any of its values."""

    name: str
    kind: FieldKind
    title: str = ""
    description: str = ""
    table: str = ""
    values: Mapping[str, int] = field(default_factory=dict)  # pattern -> per cent of a sample

    def fingerprint(self) -> str:
        """Changes when the field does; small shifts in a sample do not count."""
        shown = sorted(name for name, share in self.values.items() if share >= 60)
        known = [self.name, str(self.kind), self.title, self.description, self.table, shown]
        return hashlib.sha256(json.dumps(known, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class Judgement:
    """`reasons` are codes with what they need to be put into words: never a value of the field."""

    category: PersonalData
    masking: Masking
    classification: Classification
    score: int
    reasons: list[dict]
    rule: str = ""


def judge(subject: Subject) -> Judgement | None:
    """What the field seems to hold; None where nothing points anywhere."""
    found = [(*_weigh(rule, subject), rule) for rule in rules.RULES]
    score, reasons, rule = max(found, key=lambda one: one[0] + 5 * (one[2].category == rules.SENSITIVE))
    neutral, said = _neutral(subject)
    if score >= LEAST_SCORE:
        if score < neutral - 20:
            return None  # name and description disagree: nobody should open a field on that
        level = Classification.RESTRICTED if rule.category == rules.SENSITIVE else Classification.INTERNAL
        return Judgement(rule.category, _masking(rule, subject.kind), level, score, reasons, rule.code)
    neutral = max(0, neutral - score // 2)
    if neutral >= LEAST_SCORE:
        return Judgement(rules.NONE, Masking.KEEP, Classification.INTERNAL, neutral, said)
    return None


def _weigh(rule: Rule, subject: Subject) -> tuple[int, list[dict]]:
    left, reasons = 1.0, []
    for code, words, factor in _texts(subject):
        weight, phrase = _best_phrase(rule, words)
        if weight:
            left *= 1 - weight * factor / 100
            reasons.append({"code": code, "rule": rule.code, "words": phrase})
    for pattern, weight in rule.values.items():
        share = subject.values.get(pattern, 0)
        if share:
            left *= 1 - weight * share / 10_000
            reasons.append({"code": "values", "rule": rule.code, "pattern": pattern, "share": share})
    score = 100 * (1 - left)
    if score and subject.kind not in rule.kinds:
        score *= WRONG_KIND
        reasons.append({"code": "kind", "rule": rule.code, "kind": str(subject.kind)})
    if score and _in_code_list(subject):
        score *= IN_CODE_LIST
        reasons.append({"code": "code-list"})
    return round(score), reasons


def _texts(subject: Subject):
    yield "name", words_of(subject.name), 1.0
    for text in (subject.title, subject.description):
        words = words_of(text)
        if words.count and text != subject.name:
            yield "title", words, IN_TITLE if words.count < SENTENCE else IN_SENTENCE


def _best_phrase(rule: Rule, words: Words) -> tuple[int, str]:
    weight, phrase = max(((w, p) for p, w in rule.names.items() if words.has(p)), default=(0, ""))
    if weight and any(words.has(other) and other not in phrase for other in (*rule.unless, *rules.COUNTS)):
        return 0, ""
    return weight, phrase


def _neutral(subject: Subject) -> tuple[int, list[dict]]:
    best, reasons = 0, []
    for code, words, factor in _texts(subject):
        weight, phrase = max(((w, p) for p, w in rules.NEUTRAL.items() if words.has(p)), default=(0, ""))
        if round(weight * factor) > best:
            best, reasons = round(weight * factor), [{"code": f"neutral-{code}", "words": phrase}]
    if _in_code_list(subject):
        best, reasons = max(best, 75), [*reasons, {"code": "code-list"}]
    if not best and subject.kind == FieldKind.BOOLEAN:
        best, reasons = 45, [{"code": "neutral-kind", "kind": str(subject.kind)}]
    if reasons and subject.values:
        # The values show what the name does not say.
        best = max(0, best - max(subject.values.values()) // 2)
    return best, reasons


def _in_code_list(subject: Subject) -> bool:
    words = words_of(subject.table).first(3)
    return any(words.has(phrase) for phrase in rules.CODE_LISTS)


def _masking(rule: Rule, kind: FieldKind) -> Masking:
    """The rule's masking where values of this kind can have it."""
    dates = (FieldKind.DATE, FieldKind.DATETIME)
    if rule.masking == Masking.YEAR and kind not in dates:
        return Masking.NULL
    if rule.masking in (Masking.PARTIAL, Masking.PSEUDONYM) and kind not in (FieldKind.TEXT, FieldKind.INTEGER):
        return Masking.NULL
    return rule.masking
