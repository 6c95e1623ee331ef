"""Datasets about which everything and nearly nothing is said."""

from datetime import date

import pytest

from registry.choices import AccessRights, Frequency, Mode, Theme
from tests.factories import (
    AgencyFactory,
    DatabaseFactory,
    DatasetFactory,
    FieldFactory,
    LegalInstrumentFactory,
    SharingPolicyFactory,
)

BASE = "https://portal.example.gov.vn"
NASTY = 'dấu "nháy" \\ <&> \r\n dòng\ttab \x0b\x1f\u2028 \U0001f600 ]]> \u202e\u0301'


@pytest.fixture(autouse=True)
def address(settings):
    settings.PORTAL_URL = BASE


@pytest.fixture
def dataset(db):
    """A dataset about which everything is said."""
    law = LegalInstrumentFactory(number="278/2025/NĐ-CP")
    old = LegalInstrumentFactory(number="47/2019/NĐ-CP", ended=True, replaced_by=law)
    found = DatasetFactory(
        code="dan-cu-cong-dan",
        title_vi="Công dân",
        title_en="Citizens",
        description=NASTY,
        database=DatabaseFactory(code="dan-cu", legal_basis=law, contact="Phòng CSDL", contact_email="a@example.vn"),
        applicable_legislation=old,
        access_rights=AccessRights.RESTRICTED,
        themes=[Theme.SOCIETY, Theme.GOVERNMENT],
        keywords=["căn cước", NASTY[:30]],
        spatial="VN",
        temporal_from=date(2025, 7, 1),
        temporal_to=date(2026, 7, 1),
        frequency=Frequency.DAILY,
    )
    FieldFactory(dataset=found, name='họ "tên" <x>/\u202e', title_vi="Họ tên", title_en="Name", sensitive=True)
    FieldFactory(dataset=found, name="id", description=NASTY, key=True)
    SharingPolicyFactory(dataset=found, valid_to=date(2099, 1, 1))
    SharingPolicyFactory(
        dataset=found, any_agency=False, recipients=[AgencyFactory(kind="province")], modes=[Mode.LOOKUP]
    )
    return found


@pytest.fixture
def others(db):
    """Datasets about which as little is said as may be."""
    DatasetFactory(title_en="", access_rights=AccessRights.PUBLIC)
    DatasetFactory(access_rights=AccessRights.NON_PUBLIC, spatial="01", database__owner__kind="socio-political")
