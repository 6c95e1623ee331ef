"""What entries of the ledger say to auditors: words for every action, also for those that no timeline tells."""

from django.apps import apps
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from evidence.models import Entry
from exchange import timeline

OBJECTS: dict[str, Promise] = {
    "request": _("Request"),
    "agreement": _("Agreement"),
    "delivery": _("Delivery"),
}
FOR_AUDITORS: dict[str, Promise] = {
    "request.scan_file": _("A file was checked for viruses"),
    "request.erase_file": _("A file was destroyed"),
    "agreement.amendment": _("A change of the agreement was asked for"),
    "agreement.renewal": _("A renewal of the agreement was asked for"),
    "agreement.name-user": _("Naming a user of the agreement"),
    "agreement.remove-user": _("Taking a user off the agreement"),
    "letter.download": _("A letter was downloaded"),
    "letter.check": _("Somebody checked a letter"),
    "lookup.erase": _("Details of look-ups were erased, their time being over"),
    "paper.record": _("An exchange by letter was recorded"),
    "paper.correct": _("The record of an exchange by letter was corrected"),
    "paper.take_back": _("The record of an exchange by letter was taken back"),
    "template.save": _("A template was kept"),
    "template.publish": _("A template was published"),
    "template.rename": _("A template was renamed"),
    "template.archive": _("A template was put away"),
    "webhook.create": _("A webhook was set up"),
    "webhook.change": _("A webhook was changed"),
    "webhook.renew_secret": _("The secret of a webhook was renewed"),
    "webhook.disable": _("A webhook was switched off"),
    "webhook.enable": _("A webhook was switched on"),
    "webhook.test": _("A webhook was tried out"),
    "webhook.replay": _("Events were sent again to a webhook"),
}
# What happens to rows that are kept in the admin: the last part of an action.
DEEDS: dict[str, Promise] = {
    "add": _("added"),
    "change": _("changed"),
    "delete": _("deleted"),
    "refuse": _("change refused"),
    "appoint": _("role given"),
    "end": _("role ended"),
    "end-early": _("ended early"),
    "take-over": _("taken over"),
    "stop": _("what rested on it was stopped"),
    "copy": _("copied as new"),
    "credential": _("credential stored"),
    "check": _("connection checked"),
    "rotate": _("encryption key changed"),
    "read": _("structure read"),
    "review": _("change of the structure judged"),
    "password": _("password set"),
    "ask": _("asked for"),
    "finish": _("finished"),
    "fail": _("failed"),
    "cancel": _("cancelled"),
    "protect": _("protection set"),
    "accept": _("suggestion accepted"),
    "decline": _("suggestion refused"),
    "reopen": _("decision on a suggestion taken back"),
    "publish": _("published"),
    "unpublish": _("taken out of the public catalogue"),
    "undecided": _("nobody can decide any more"),
    "decided": _("somebody can decide again"),
    "confirm": _("confirmed"),
    "apply": _("carried out"),
    "propose": _("proposed"),
    "withdraw": _("withdrawn"),
    "consent-giving": _("the agency above until now agreed"),
    "consent-taking": _("the new agency above agreed"),
}


def kinds() -> dict[str, str]:
    """What entries are about, by the word that the ledger has for it."""
    registered = {
        model._meta.model_name: str(capfirst(model._meta.verbose_name))
        for app in ("exchange", "registry")
        for model in apps.get_app_config(app).get_models()
    }
    return registered | {name: str(label) for name, label in OBJECTS.items()}


def said(entry: Entry) -> str:
    """What was done, in words; an action that has none by its code."""
    words = timeline.SENTENCES.get(entry.action) or FOR_AUDITORS.get(entry.action)
    if words:
        return str(words)
    app, _dot, rest = entry.action.partition(".")
    name, _dot, deed = rest.partition(".")
    if app in ("registry", "exchange") and deed in DEEDS:
        return f"{kinds().get(name, kinds().get(entry.subject_type, name))}: {DEEDS[deed]}"
    return entry.action
