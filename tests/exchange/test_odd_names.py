"""Names of columns and tables as a source may have them, byte for byte from the reading to the delivered file."""

import csv
import io
import os
import sqlite3

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import escape

from exchange.forms.inputs import Choices, as_sent
from exchange.services import holding
from exchange.states import AgreementStatus, DeliveryStatus
from registry import credentials
from registry.choices import Engine, Masking, PersonalData
from registry.models import Connection, Dataset, SchemaChange, SharingPolicy
from registry.services import structure
from tests import factories
from tests.registry.pages import change as save_page
from tests.registry.pages import url
from tests.scenarios import agreement_of
from tests.source_servers import source_database

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

SOURCE = f"{os.environ.get('NDC_TEST_NAME', 'test_ndc_portal')}_odd_{os.getpid()}"
LONG = "Ngo\u0302 Ba\u0309o " * 5 + "xyz"  # NFD, and as long as PostgreSQL allows
ODD = [
    'quo"te',
    "new\nline",
    "\u202e\u05e2\u05d1\u05e8\u05d9\u05ea",
    "😀 mặt cười",
    "tên",
    "te\u0302n",
    "per%cent (s) %s",
    "'; DROP TABLE x; --",
    LONG,
]
CASES = ["Tên", "TÊN"]  # the same as another name to SQLite, which ignores the case of a to z
TABLE = 'bảng "lạ"\n😀'


def test_the_long_name_is_as_long_as_postgresql_allows():
    assert len(LONG.encode()) == 63


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def statements(names):
    columns = ", ".join(f"{quoted(name)} varchar(20)" for name in names)
    values = ", ".join(f"'{number}'" for number, _name in enumerate(names))
    return [f"CREATE TABLE {quoted(TABLE)} ({columns})", f"INSERT INTO {quoted(TABLE)} VALUES ({values})"]  # noqa: S608


@pytest.fixture
def sqlite_source(world):
    def run(*all_statements):
        with sqlite3.connect(world.source) as file:
            for statement in all_statements:
                file.execute(statement)
        file.close()

    run(*statements(ODD))
    return ODD, run


@pytest.fixture
def postgresql_source(world):
    with source_database(SOURCE) as server:
        for statement in statements([*ODD, *CASES]):
            server.owner.execute(statement)
        Connection.objects.filter(database=world.database).update(
            engine=Engine.POSTGRESQL,
            host=server.host,
            port=server.port,
            name=SOURCE,
            username=server.username,
            credential=credentials.encrypt(server.password),
            sslmode="prefer",
        )
        yield [*ODD, *CASES], server.owner.execute


@pytest.fixture(params=["sqlite", "postgresql"])
def source(request):
    return request.getfixturevalue(f"{request.param}_source")


def shared(world, names):
    """The dataset as the source has it, published and offered to everybody."""
    structure.read(connection=Connection.objects.get(database=world.database), by=None)
    dataset = Dataset.objects.get(table_name=TABLE)
    assert [field.name for field in dataset.fields.order_by("position")] == names
    Dataset.objects.filter(pk=dataset.pk).update(is_published=True)
    dataset.fields.update(personal_data=PersonalData.NONE, default_masking=Masking.KEEP)
    fields = dataset.fields.order_by("position")
    return dataset, factories.SharingPolicyFactory(dataset=dataset, field_list=fields, any_agency=True)


def test_odd_names_survive_from_the_source_to_the_file(client, world, source):
    names, run = source
    dataset, policy = shared(world, names)

    page = client.get(reverse("registry:dataset-detail", args=[dataset.code])).content.decode()
    assert [name for name in names if escape(name) not in page] == []

    client.force_login(world.approver)
    assert save_page(client, "sharingpolicy", policy, title="Chính sách khác").status_code == 302
    assert SharingPolicy.objects.get(pk=policy.pk).policy_fields.count() == len(names)

    client.force_login(world.requester)
    draft = world.draft(dataset=dataset, field_names=[])
    sent = {
        "version": draft.version,
        "dataset": dataset.code,
        "field_names": [as_sent(name) for name in names],
        "mode": "package",
        "file_format": "csv",
        "frequency": "on-demand",
    }
    assert client.post(reverse("exchange:request-edit", args=[draft.public_id, 1]), sent).status_code == 302
    draft.refresh_from_db()
    assert sorted(draft.field_names) == sorted(names)

    agreement = agreement_of(world.voted(world.under_review(world.submitted(world.proposed(draft)))))
    delivery = world.delivered(agreement)
    assert delivery.status == DeliveryStatus.COMPLETED, delivery.message
    header, row = csv.reader(io.StringIO(world.path_of(delivery).read_bytes().decode(), newline=""))
    assert header == names
    assert row == [str(number) for number, _name in enumerate(names)]

    gone = names[5]  # whose composed form stays
    run(f"ALTER TABLE {quoted(TABLE)} DROP COLUMN {quoted(gone)}")
    structure.read(connection=Connection.objects.get(database=world.database), by=None)
    change = SchemaChange.objects.get(dataset=dataset)
    assert change.columns == [gone]
    holding.hold_changed()
    agreement.refresh_from_db()
    assert agreement.status == AgreementStatus.SUSPENDED
    client.force_login(world.approver)
    assert escape(gone) in client.get(url("schemachange", "change", change.pk)).content.decode()


def test_two_names_that_a_browser_sends_alike_are_not_mistaken():
    field = Choices(choices=[("a\nb", "1"), ("a\rb", "2"), ("c\nd", "3")])
    assert field.clean(["c\r\nd"]) == ["c\nd"]
    assert field.clean(["a\rb"]) == ["a\rb"]
    with pytest.raises(ValidationError):
        field.clean(["a\r\nb"])
