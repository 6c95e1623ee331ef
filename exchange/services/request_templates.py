"""Templates for requests that come again: saving one, publishing one for a dataset, beginning a draft from one."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evidence import ledger
from exchange import offers, rules
from exchange.choices import TemplatePart
from exchange.models import ExchangeRequest, RequestTemplate, ReviewCase
from exchange.refusals import Incomplete, Refusal
from exchange.services import requests
from registry import permissions
from registry.actors import actor_of
from registry.choices import PersonalData, Role
from registry.models import Agency, Dataset, LegalInstrument, User
from registry.services import records

PARTS = {
    TemplatePart.DATA: ("field_names", "row_filter", "row_limit", "mode", "file_format", "frequency"),
    TemplatePart.BASIS: ("legal_basis", "legal_article", "purpose", "reason", "procedure_code", "consent_basis"),
    TemplatePart.LETTER: ("letter_subject", "urgency", "signatory_name", "signatory_position"),
    TemplatePart.USE: ("onward_sharing", "onward_agencies", "security_measures", "system_level"),
}
DAYS = {"period_to": "period_days", "retention_until": "retention_days"}  # counted from the first day of use
NOT_A_REQUESTER = gettext_lazy("Only a requester of %(agency)s keeps its templates.")
OF_THE_AGENCY = ("reason", "procedure_code")  # what an owner does not publish of somebody's request
PUBLIC_PARTS = (TemplatePart.DATA, TemplatePart.BASIS)


# Keeping


def save(*, request: ExchangeRequest, by: User, name: str, parts: Collection[str]) -> RequestTemplate:
    """Keep parts of a request for the agency that asks. Rows chosen by personal data are not kept."""
    agency = request.consumer
    if not permissions.has_role(by, Role.REQUESTER, agency=agency):
        refusal = Refusal("not-your-role", NOT_A_REQUESTER % {"agency": agency})
        _record_refusal("template.save", ("request", request.code), by, refusal)
        raise refusal
    content = _content(_plain(request), request.dataset, parts)
    dataset = request.dataset if TemplatePart.DATA in parts else None
    return _kept("template.save", by, agency=agency, name=name, parts=parts, dataset=dataset, content=content)


def publish(*, case: ReviewCase, by: User, name: str) -> RequestTemplate:
    """Say for a dataset what is usually asked for, from a request that was signed: its data and legal basis only."""
    try:
        check_publishing(case=case, by=by)
    except Refusal as refusal:
        _record_refusal("template.publish", ("request", case.request.code), by, refusal)
        raise
    signed = json.loads(case.request.revisions.first().content)
    dataset = case.request.dataset
    content = _content(signed, dataset, PUBLIC_PARTS)
    for one in OF_THE_AGENCY:
        content.pop(one, None)
    return _kept(
        "template.publish",
        by,
        agency=case.provider,
        name=name,
        parts=PUBLIC_PARTS,
        dataset=dataset,
        content=content,
        is_public=True,
    )


def check_publishing(*, case: ReviewCase, by: User) -> None:
    """Refuse unless the person decides for the database, which the request still asks."""
    database = case.request.dataset.database
    decides = permissions.has_role(by, Role.APPROVER, agency=case.provider)
    if not decides or not permissions.is_named(by, permissions.DECIDE, database) or database.owner != case.provider:
        raise Refusal(
            "not-assigned", _("Only an approver who is assigned to %(database)s publishes it.") % {"database": database}
        )


def can_publish(*, case: ReviewCase, by: User) -> bool:
    try:
        check_publishing(case=case, by=by)
    except Refusal:
        return False
    return True


def rename(*, template: RequestTemplate, by: User, name: str) -> RequestTemplate:
    with _changing("template.rename", template, by) as locked:
        rules.check_text(name=name)
        locked.name = name
        locked.save(update_fields=["name"])
    return locked


def archive(*, template: RequestTemplate, by: User) -> RequestTemplate:
    """Offer it no longer; drafts that began from it stay."""
    with _changing("template.archive", template, by) as locked:
        locked.archived_at, locked.archived_by = timezone.now(), by
        locked.save(update_fields=["archived_at", "archived_by"])
    return locked


def can_change(*, template: RequestTemplate, by: User) -> bool:
    role = Role.APPROVER if template.is_public else Role.REQUESTER
    return template.archived_at is None and permissions.has_role(by, role, agency=template.agency)


# Beginning a draft


def start(
    *, template: RequestTemplate, consumer: Agency, by: User, known: Mapping
) -> tuple[ExchangeRequest, list[str]]:
    """A new draft with what of the template is still offered, and sentences about what is not.

    `known` is what the portal knows of the clerk. A template of another agency begins nothing.
    """
    if template.archived_at or (not template.is_public and template.agency_id != consumer.pk):
        raise Refusal("template-archived", _("This template is no longer offered."))
    content, told = fitting(template, consumer)
    return requests.create(consumer=consumer, by=by, content={**known, **content}), told


def fitting(template: RequestTemplate, consumer: Agency) -> tuple[dict, list[str]]:
    """The template's content as far as the agency can ask for it today; the second part names what is left out."""
    content, told = dict(template.content), []
    if template.dataset:
        _fit_data(template.dataset, consumer, content, told)
    number = content.pop("legal_basis", "")
    basis = LegalInstrument.objects.filter(number=number).first() if number else None
    if basis and basis.is_in_force():
        content["legal_basis"] = basis
    elif number:
        told.append(_("%(number)s is not in force today: cite the law that is.") % {"number": number})
    _fit_days(content)
    return content, told


def _fit_data(dataset: Dataset, consumer: Agency, content: dict, told: list[str]) -> None:
    published = Dataset.objects.published().with_owner().filter(pk=dataset.pk).first()
    if published is None or offers.obstacle(consumer, published):
        for name in PARTS[TemplatePart.DATA]:
            content.pop(name, None)
        told.append(_("Its dataset is no longer offered to your agency: choose another one."))
        return
    content["dataset"] = published
    offer = offers.offer_to(consumer, published)
    gone = [name for name in content.get("field_names", ()) if name not in offer.fields]
    if gone:
        content["field_names"] = [name for name in content["field_names"] if name not in gone]
        told.append(_("No longer offered, and left out: %(fields)s.") % {"fields": _titles(gone, dataset)})
    filterable = {field.name for field in offer.filterable}
    lost = [line["field"] for line in content.get("row_filter", ()) if line["field"] not in filterable]
    if lost:
        content["row_filter"] = [line for line in content["row_filter"] if line["field"] not in lost]
        told.append(_("Rows can no longer be chosen by: %(fields)s.") % {"fields": _titles(lost, dataset)})
    for name, offered in (("mode", offer.methods), ("frequency", offer.frequencies), ("purpose", offer.purposes)):
        if content.get(name) and content[name] not in offered:
            del content[name]
            told.append(_("No longer offered like that: %(term)s. Choose anew.") % {"term": _term(name)})
    if content.get("row_limit") and offer.max_rows and content["row_limit"] > offer.max_rows:
        del content["row_limit"]
        told.append(_("The owner allows fewer rows than the template asks for."))


def _fit_days(content: dict) -> None:
    today = timezone.localdate()
    days = {name: content.pop(key, None) for name, key in DAYS.items()}
    if days["period_to"] is None:
        return
    content["period_from"] = today
    for name, count in days.items():
        if count is not None:
            content[name] = today + timedelta(days=count)


def _titles(names: list[str], dataset: Dataset) -> str:
    titles = {field.name: field.title for field in dataset.fields.all()}
    return ", ".join(titles.get(name, name) for name in names)


def _term(name: str) -> str:
    return str(ExchangeRequest._meta.get_field(name).verbose_name)


# Content


def _plain(request: ExchangeRequest) -> dict:
    """The row as the frozen text has it: plain values, the law by its number, days as text."""
    names = {name for part in PARTS.values() for name in part} | {"period_from", *DAYS}
    values = {name: getattr(request, name) for name in names}
    values["legal_basis"] = request.legal_basis.number if request.legal_basis else ""
    return {name: one.isoformat() if isinstance(one, date) else one for name, one in values.items()}


def _content(values: Mapping, dataset: Dataset | None, parts: Collection[str]) -> dict:
    names = [name for part in PARTS if part in parts for name in PARTS[part]]
    content = {name: values[name] for name in names if values.get(name)}
    if content.get("row_filter"):
        # A list of people is for one request: the next one asks about others.
        personal = set(dataset.fields.exclude(personal_data=PersonalData.NONE).values_list("name", flat=True))
        content["row_filter"] = [line for line in content["row_filter"] if line["field"] not in personal]
    if TemplatePart.USE in parts and values.get("period_from"):
        start = date.fromisoformat(values["period_from"])
        for name, key in DAYS.items():
            if values.get(name):
                content[key] = (date.fromisoformat(values[name]) - start).days
    return content


# Evidence


def _kept(action: str, by: User, *, name: str, parts: Collection[str], **fields) -> RequestTemplate:
    rules.check_text(name=name)
    if not parts:
        raise Incomplete(
            "nothing-kept", _("Choose at least one part."), fields={"parts": [_("Choose at least one part.")]}
        )
    chosen = [part for part in TemplatePart.values if part in parts]
    try:
        with transaction.atomic():
            template = RequestTemplate.objects.create(created_by=by, name=name, parts=chosen, **fields)
            _record(action, template, by)
    except IntegrityError as error:
        raise _name_taken(error) from None
    return template


@contextmanager
def _changing(action: str, template: RequestTemplate, by: User) -> Iterator[RequestTemplate]:
    """The template locked, for somebody who may change it; leaves evidence of the change or of the refusal."""
    try:
        if not can_change(template=template, by=by):
            raise Refusal(
                "not-your-role", _("Only people of the agency change its templates, and none that is archived.")
            )
        with transaction.atomic():
            rows = RequestTemplate.objects.current().select_related("agency").select_for_update(of=("self",))
            locked = rows.filter(pk=template.pk).first()
            if locked is None:
                raise Refusal("template-archived", _("This template is no longer offered."))
            yield locked
            _record(action, locked, by)
    except IntegrityError as error:
        raise _name_taken(error) from None
    except Refusal as refusal:
        _record_refusal(action, ("template", str(template.public_id)), by, refusal)
        raise


def _name_taken(error: IntegrityError) -> Exception:
    if "name_once" not in str(error):
        return error
    problem = _("There is a template of this name already.")
    return Incomplete("name-taken", problem, fields={"name": [problem]})


def _record(action: str, template: RequestTemplate, by: User) -> None:
    ledger.record(
        action=action,
        actor=actor_of(by, template.agency),
        subject=("template", str(template.public_id)),
        details={
            "parts": list(template.parts),
            "dataset": template.dataset.code if template.dataset_id else "",
            "public": template.is_public,
        },
    )


def _record_refusal(action: str, subject: tuple[str, str], by: User, refusal: Refusal) -> None:
    ledger.record_refusal(
        action=action, actor=actor_of(by, records.acting_agency(by)), subject=subject, details={"code": refusal.code}
    )
