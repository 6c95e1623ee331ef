"""From a foreign database to a delivered file, through the pages that people use."""

import time
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exchange.fulfilment import run
from exchange.models import Agreement, Delivery, ExchangeRequest
from registry.choices import Masking, PersonalData, Role
from registry.models import Database, Dataset, SharingPolicy
from tests import factories
from tests.exchange.desk import press
from tests.factories import person
from tests.registry.pages import add, change, read_structure, url


class Cast:
    """The agencies and people of one exchange; they are there before the database is registered."""

    def __init__(self):
        self.provider, self.consumer = factories.AgencyFactory(), factories.AgencyFactory()
        self.basis = factories.LegalInstrumentFactory()
        self.operator = person(factories.AgencyFactory(), Role.OPERATOR)
        self.approver = person(self.provider, Role.APPROVER)
        self.officer = person(self.provider, Role.CASE_OFFICER)
        self.requester = person(self.consumer, Role.REQUESTER)
        self.endorser = person(self.consumer, Role.ENDORSER)


def _as(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _moved(response):
    """A form that is shown again was refused: say why."""
    if response.status_code != 302:
        forms = [response.context.get("adminform") and response.context["adminform"].form, response.context.get("form")]
        inlines = [form for one in response.context.get("inline_admin_formsets") or () for form in one.formset.forms]
        raise AssertionError([form.errors for form in (*forms, *inlines) if form is not None and form.errors])
    return response


def register(sample, cast: Cast) -> tuple[Database, float]:
    """The operator enters database and connection, checks it, and has its structure read."""
    client = _as(cast.operator)
    said = {"code": f"sample-{sample.name}", "name_vi": f"Cơ sở dữ liệu {sample.name}", "lifecycle": "active"}
    _moved(add(client, "database", owner=cast.provider.pk, legal_basis=cast.basis.pk, **said))
    database = Database.objects.get(code=said["code"])
    given = {"database": database.pk, "new_credential": sample.credential, **sample.connection}
    _moved(add(client, "connection", **given))
    connection = database.connection
    client.post(url("connection", "check", connection.pk))
    connection.refresh_from_db()
    assert connection.check_ok, connection.check_message
    began = time.monotonic()
    read_structure(client, connection)
    seconds = time.monotonic() - began
    assert database.datasets.exists(), connection.readings.get().message
    for permission in ("decide_requests", "handle_requests"):
        user = cast.approver if permission == "decide_requests" else cast.officer
        client.post(url("database", "duties", database.pk), {"permission": permission, "user": user.pk})
    return database, seconds


def describe(dataset: Dataset, cast: Cast, columns: list[str]) -> None:
    """The operator writes what the dataset is, judges its fields, and publishes it."""
    client = _as(cast.operator)
    page = client.get(url("dataset", "change", dataset.pk))
    changes = {"title_vi": f"Bảng {dataset.table_name}", "title_en": dataset.table_name, "is_published": "on"}
    changes |= {"description": "Bảng của một cơ sở dữ liệu mẫu.", "contact_email": "dulieu@example.vn"}
    for inline in page.context["inline_admin_formsets"]:
        for form in inline.formset.forms:
            if getattr(form.instance, "name", "") in columns and "personal_data" in form.fields:
                changes[form.add_prefix("personal_data")] = PersonalData.NONE
                changes[form.add_prefix("default_masking")] = Masking.KEEP
    _moved(change(client, "dataset", dataset, **changes))
    dataset.refresh_from_db()
    assert dataset.is_published


def offer(dataset: Dataset, cast: Cast, columns: list[str], masked: str) -> SharingPolicy:
    """The owner's approver says what may be shared: the columns, the last of them cut down to its end."""
    client = _as(cast.approver)
    fields = {field.name: field.pk for field in dataset.fields.shown().filter(name__in=columns)}
    lines = {"policy_fields-TOTAL_FORMS": 0}
    said = {
        "dataset": dataset.pk,
        "title": "Chia sẻ dữ liệu mẫu",
        "legal_basis": cast.basis.pk,
        "valid_from": "2026-01-01",
        "any_agency": "on",
        "purposes": ["statistics"],
        "modes": ["package"],
        **lines,
    }
    _moved(add(client, "sharingpolicy", **said))
    policy = SharingPolicy.objects.get(dataset=dataset)
    lines = {"policy_fields-TOTAL_FORMS": len(columns)}
    for number, name in enumerate(columns):
        lines[f"policy_fields-{number}-field"] = fields[name]
        lines[f"policy_fields-{number}-masking"] = Masking.PARTIAL if name == masked else Masking.KEEP
    _moved(change(client, "sharingpolicy", policy, **lines))
    assert policy.policy_fields.count() == len(columns)
    return policy


def ask(dataset: Dataset, cast: Cast, columns: list[str]) -> ExchangeRequest:
    """The clerk fills in the three screens, and the signatory signs."""
    client = _as(cast.requester)
    given = {"dataset": dataset.code, "agency": cast.consumer.code}
    _moved(client.post(reverse("exchange:request-create"), given))
    request = ExchangeRequest.objects.get(dataset=dataset)
    today = timezone.localdate()
    screens = [
        {
            "dataset": dataset.code, "field_names": columns, "mode": "package", "file_format": "csv",
            "frequency": "once", "row_limit": "",
        },
        {
            "letter_number": "1/BC", "letter_subject": "Đề nghị cung cấp dữ liệu", "urgency": "normal",
            "signatory_name": "Trần Thị B", "signatory_position": "Phó Chủ tịch", "focal_name": "Lê Văn C",
            "focal_position": "Chuyên viên", "focal_phone": "024 3333 4444", "focal_email": "c@example.vn",
            "legal_basis": cast.basis.number, "legal_article": "Điều 5", "purpose": "statistics",
            "reason": "Báo cáo thống kê", "consent_basis": "not-personal",
        },
        {
            "period_from": today.isoformat(), "period_to": (today + timedelta(days=30)).isoformat(),
            "retention_until": (today + timedelta(days=60)).isoformat(), "onward_sharing": "none",
            "security_measures": "Mã hóa", "system_level": "3", "named_users": [str(cast.requester.public_id)],
            "has_state_secret": "no", "undertaking": "on",
        },
    ]  # fmt: skip
    for number, screen in enumerate(screens, start=1):
        request.refresh_from_db()
        address = reverse("exchange:request-edit", args=[request.public_id, number])
        _moved(client.post(address, {"version": request.version, **screen}))
    _moved(client.post(reverse("exchange:request-propose", args=[request.public_id])))
    content_hash = request.revisions.first().content_hash
    endorse = reverse("exchange:request-endorse", args=[request.public_id])
    _moved(_as(cast.endorser).post(endorse, {"revision_hash": content_hash}))
    return request


def decide(request: ExchangeRequest, cast: Cast) -> Agreement:
    """The case officer takes the case, and the approver says yes, both in the admin."""
    case = request.cases.get()
    press(cast.officer, case, "claim")
    press(cast.approver, case, "approve")
    return Agreement.objects.get(case__request=request)


def deliver(agreement: Agreement, cast: Cast) -> tuple[Delivery, float]:
    """What a worker does with the delivery that the agreement begins with, or that the clerk orders."""
    delivery = agreement.deliveries.first()
    if delivery is None:
        _as(cast.requester).post(reverse("exchange:agreement-order", args=[agreement.public_id]))
        delivery = agreement.deliveries.get()
    began = time.monotonic()
    run.deliver(delivery.pk)
    seconds = time.monotonic() - began
    delivery.refresh_from_db()
    return delivery, seconds
