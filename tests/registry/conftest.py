import pytest

from registry.choices import Role
from tests import factories
from tests.factories import person


@pytest.fixture
def ndc(db):
    return factories.AgencyFactory(code="NDC")


@pytest.fixture
def operator(ndc):
    return person(ndc, Role.OPERATOR)


@pytest.fixture
def auditor(ndc):
    return person(ndc, Role.AUDITOR)
