"""Tables that say of themselves that they are state secrets are not taken over from a source."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from registry import credentials
from registry.choices import Engine
from registry.connectors import PermanentSourceError
from registry.models import Dataset
from registry.services import readings, structure
from tests import factories
from tests.registry.pages import details_of, read_structure, url
from tests.source_servers import source_database

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

SOURCE = f"{os.environ.get('NDC_TEST_NAME', 'test_ndc_portal')}_secrets_{os.getpid()}"


@pytest.fixture
def source():
    with source_database(SOURCE) as server:
        server.owner.execute("CREATE TABLE ho_so (id integer PRIMARY KEY, noi_dung text)")
        server.owner.execute("CREATE TABLE vu_viec (id integer PRIMARY KEY, noi_dung text)")
        server.owner.execute("COMMENT ON TABLE vu_viec IS 'Danh sách vụ việc. Độ mật: Tối mật'")
        yield server


@pytest.fixture
def connection(source):
    return factories.ConnectionFactory(
        database__code="justice",
        engine=Engine.POSTGRESQL,
        host=source.host,
        port=source.port,
        name=SOURCE,
        username=source.username,
        credential=credentials.encrypt(source.password),
        sslmode="prefer",
    )


def test_a_secret_table_is_skipped_and_said_so(client, operator, connection, source):
    client.force_login(operator)
    shown = read_structure(client, connection).content.decode()
    assert [dataset.table_name for dataset in Dataset.objects.all()] == ["ho_so"]
    assert "public.vu_viec" in shown
    details = details_of("registry.structure.read")
    assert details["state_secrets"] == 1
    assert "vu_viec" not in str(details)

    # A day later nothing in the portal tells its name any more.
    connection.readings.update(finished_at=timezone.now() - timedelta(days=1))
    assert readings.forget_secret_names() == 1
    assert readings.forget_secret_names() == 0
    shown = client.get(url("connection", "change", connection.pk)).content.decode()
    assert "public.vu_viec" not in shown
    assert "bí mật nhà nước" in shown

    # The name of a table or a column says it as well as a comment does.
    source.owner.execute('CREATE TABLE "HỒ SƠ MẬT" (id integer PRIMARY KEY)')
    source.owner.execute("CREATE TABLE phu_luc (id integer PRIMARY KEY, noi_dung_tuyet_mat text)")
    report = structure.read(connection=connection, by=None)
    assert (report.new, sorted(report.secret)) == ([], ["public.HỒ SƠ MẬT", "public.phu_luc", "public.vu_viec"])
    source.owner.execute('DROP TABLE "HỒ SƠ MẬT", phu_luc')

    # A table that becomes one later is gone from the catalogue, and nothing of it is delivered.
    source.owner.execute("COMMENT ON COLUMN ho_so.noi_dung IS 'Bí mật nhà nước'")
    dataset = Dataset.objects.get()
    with pytest.raises(PermanentSourceError) as raised:
        structure.matches_source(dataset=dataset, field_names=["id"])
    assert raised.value.code == "state-secret"
    assert structure.read(connection=connection, by=None).secret == ["public.ho_so", "public.vu_viec"]
    dataset.refresh_from_db()
    assert dataset.removed_at is not None
