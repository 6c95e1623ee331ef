"""Agencies as others find them: codes with dates, contacts, pages."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from registry.choices import CodeScheme
from registry.models import Agency, AgencyCode, AgencyContact
from tests.factories import AgencyCodeFactory, AgencyContactFactory, AgencyFactory, DatabaseFactory, DatasetFactory
from tests.registry.pages import change, entries

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]
OLD, NEW = date(2024, 12, 31), date(2025, 1, 1)


def named(value: str, day: date) -> Agency | None:
    return Agency.objects.by_code(CodeScheme.ELECTRONIC, value, day).first()


def test_a_code_names_the_agency_that_had_it_on_the_day():
    before = AgencyCodeFactory(value="000.00.00.G09", valid_from=None, valid_to=OLD).agency
    after = AgencyCodeFactory(value="000.00.00.G09", valid_from=NEW).agency
    assert named("000.00.00.G09", OLD) == before
    assert named("000.00.00.G09", NEW) == after
    assert Agency.objects.by_code(CodeScheme.ELECTRONIC, "000.00.00.G09").get() == after
    assert not Agency.objects.by_code(CodeScheme.LEGACY, "000.00.00.G09")


@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (NEW, None), (None, NEW), (date(2025, 6, 1), date(2025, 6, 1))]
)
def test_two_agencies_never_have_one_code_on_one_day(start, end):
    AgencyCodeFactory(value="000.00.00.G09", valid_from=NEW)
    with pytest.raises(IntegrityError, match="registry_agencycode_one_agency_a_day"), transaction.atomic():
        AgencyCodeFactory(value="000.00.00.G09", valid_from=start, valid_to=end)
    AgencyCodeFactory(value="000.00.00.G09", scheme=CodeScheme.LEGACY, valid_from=start, valid_to=end)
    AgencyCodeFactory(value="000.00.00.G09", valid_to=OLD)


def test_a_code_ends_after_it_begins():
    with pytest.raises(IntegrityError, match="registry_agencycode_dates"):
        AgencyCodeFactory(valid_from=NEW, valid_to=OLD)


def test_an_electronic_identifier_has_its_form():
    agency = AgencyFactory()
    AgencyCode(agency=agency, scheme=CodeScheme.ELECTRONIC, value="000.00.18.G12").full_clean()
    AgencyCode(agency=agency, scheme=CodeScheme.LEGACY, value="G12").full_clean()
    for wrong in ("G09", "000.00.G09", "000.00.00.g09", "000.00.00.G09\n"):
        with pytest.raises(ValidationError):
            AgencyCode(agency=agency, scheme=CodeScheme.ELECTRONIC, value=wrong).full_clean()


def test_a_contact_can_be_reached():
    with pytest.raises(IntegrityError, match="registry_agencycontact_reachable"):
        AgencyContactFactory(phone="", email="")


def test_agency_page_shows_codes_contacts_databases_and_units(client):
    agency = AgencyFactory(parent=AgencyFactory())
    AgencyCodeFactory(agency=agency, value="000.00.00.G12")
    AgencyCodeFactory(agency=agency, value="000.00.00.G11", valid_to=OLD)
    AgencyContactFactory(agency=agency, name="Phòng Dữ liệu", email="du-lieu@example.vn")
    AgencyContactFactory(agency=agency, name="Người cũ", valid_to=OLD)
    database = DatasetFactory(database__owner=agency).database
    hidden = DatabaseFactory(owner=agency)
    unit = AgencyFactory(parent=agency)
    closed = AgencyFactory(parent=agency, is_active=False)
    page = client.get(reverse("registry:agency-detail", args=[agency.code]))
    for text in ("000.00.00.G12", "000.00.00.G11", "Phòng Dữ liệu", "du-lieu@example.vn"):
        assert text in page.text
    for shown in (database, unit, agency.parent):
        assert shown.name in page.text
    for absent in (hidden.name, closed.name, "Người cũ"):
        assert absent not in page.text
    assert client.get(reverse("registry:agency-detail", args=["nobody"])).status_code == 404


def test_agency_page_without_anything_says_so(client):
    page = client.get(reverse("registry:agency-detail", args=[AgencyFactory().code]))
    assert page.context["page_obj"].paginator.count == 0
    assert page.status_code == 200


def test_list_finds_agencies_by_name_without_accents_and_by_code(client):
    wanted = AgencyFactory(name_vi="Bộ Công an", code="BCA")
    AgencyCodeFactory(agency=wanted, value="000.00.00.G01")
    AgencyFactory(name_vi="Cơ quan đã đóng", is_active=False)
    other = AgencyFactory(name_vi="Bộ Y tế")
    page = reverse("registry:agency-list")
    for typed in ("bo cong an", "BCA", "000.00.00.g01"):
        assert list(client.get(page, {"q": typed}).context["agencies"]) == [wanted]
    assert set(client.get(page, {"kind": "ministry"}).context["agencies"]) == {wanted, other}
    assert not client.get(page, {"q": "da dong"}).context["agencies"]
    assert client.get(page, {"q": "\0"}).status_code == 400


def test_lists_cost_the_same_for_twenty_rows(client):
    top = AgencyFactory()
    addresses = [reverse("registry:agency-list"), reverse("registry:agency-detail", args=[top.code])]

    def queries() -> list[int]:
        counts = []
        for address in addresses:
            with CaptureQueriesContext(connection) as captured:
                assert client.get(address).status_code == 200
            counts.append(len(captured))
        return counts

    def more(count: int) -> None:
        for _number in range(count):
            unit = AgencyFactory(parent=top)
            AgencyContactFactory(agency=top)
            AgencyCodeFactory(agency=top)
            DatasetFactory(database__owner=unit)
            DatasetFactory(database__owner=top)

    more(2)
    few = queries()
    more(18)
    assert queries() == few


def test_operator_keeps_codes_and_contacts_on_record(client, operator):
    agency = AgencyFactory()
    client.force_login(operator)
    rows = {
        "codes-TOTAL_FORMS": 1, "codes-0-scheme": "electronic-id", "codes-0-value": "000.00.00.G30",
        "contacts-TOTAL_FORMS": 1, "contacts-0-purpose": "sharing", "contacts-0-name": "Văn phòng",
        "contacts-0-phone": "024 3333 4444", "contacts-0-valid_from": timezone.localdate().isoformat(),
    }  # fmt: skip
    assert change(client, "agency", agency, **rows).status_code == 302
    assert named("000.00.00.G30", timezone.localdate()) == agency
    assert AgencyContact.objects.get().agency == agency
    assert entries("registry.agency.change").get()
    again = change(client, "agency", AgencyFactory(), **{**rows, "contacts-TOTAL_FORMS": 0})
    assert again.status_code == 200  # the code is another agency's today
    assert AgencyCode.objects.count() == 1
