"""The reasons of a suggestion in words. They name phrases and patterns of the rules, never a value of a field."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registry.choices import FieldKind
from registry.classifying import rules

PATTERNS: dict[str, str | Promise] = {
    "personal-number": gettext_lazy("personal numbers of twelve digits"),
    "phone": gettext_lazy("telephone numbers"),
    "email": gettext_lazy("e-mail addresses"),
    "person-name": gettext_lazy("names of people"),
    "tax-code": gettext_lazy("tax codes with a right check digit"),
    "card-number": gettext_lazy("bank card numbers with a right check digit"),
    "health-card": gettext_lazy("numbers of health insurance cards"),
    "passport": gettext_lazy("passport numbers"),
    "plate": gettext_lazy("licence plates"),
    "ethnic-group": gettext_lazy("names of ethnic groups"),
    "religion": gettext_lazy("names of religions"),
    "sex": gettext_lazy("words for a sex"),
    "disease-code": gettext_lazy("codes of diseases"),
    "network-address": gettext_lazy("network addresses"),
    "latitude": gettext_lazy("latitudes within Viet Nam"),
    "longitude": gettext_lazy("longitudes within Viet Nam"),
    "birth-dates": gettext_lazy("days of birth over generations"),
}
_RULES = {rule.code: rule for rule in rules.RULES}


def sentences(reasons: list[dict]) -> list[str]:
    """What was found, and under which article it counts; a rule that is no longer there is left out."""
    found = [_sentence(reason) for reason in reasons]
    rule = next((_RULES[reason["rule"]] for reason in reasons if reason.get("rule") in _RULES), None)
    if rule:
        told = {"kind": rule.label, "source": rule.source}
        found.insert(0, _("It seems to hold: %(kind)s (%(source)s).") % told)
    return [sentence for sentence in found if sentence]


def _sentence(reason: dict) -> str:
    match reason["code"]:
        case "name":
            return _("The name of the column says “%(words)s”.") % {"words": reason["words"]}
        case "title":
            return _("The title or description says “%(words)s”.") % {"words": reason["words"]}
        case "values":
            told = {"share": reason["share"], "pattern": PATTERNS.get(reason["pattern"], reason["pattern"])}
            return _("%(share)d %% of the values in a sample look like %(pattern)s.") % told
        case "kind":
            return _("Values of this type rarely hold it: %(kind)s.") % {"kind": FieldKind(reason["kind"]).label}
        case "code-list":
            return _("The table seems to be a list of codes.")
        case "neutral-name" | "neutral-title":
            return _("“%(words)s” is not about a person.") % {"words": reason["words"]}
        case "neutral-kind":
            return _("Neither name nor description points to a person, and the type is: %(kind)s.") % {
                "kind": FieldKind(reason["kind"]).label
            }
    return ""
