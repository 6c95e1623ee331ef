"""A source on MariaDB registered in a browser: the form asks for what the engine takes, then the source answers."""

import os

import pytest
from playwright.sync_api import expect

from registry import tasks
from registry.choices import Role
from registry.models import Connection
from tests import factories
from tests.source_servers import mariadb_server

pytestmark = pytest.mark.browser
PHONE = {"width": 360, "height": 740}
SHOTS = os.environ.get("NDC_TEST_SHOTS")


def test_source_on_mariadb_is_registered_checked_and_read(visitor, settings):
    database = factories.DatabaseFactory()
    operator = factories.MembershipFactory(role=Role.OPERATOR, user__is_staff=True).user
    with mariadb_server() as server, server.owner.cursor() as cursor:
        cursor.execute("CREATE TABLE people (id int PRIMARY KEY, full_name varchar(100) COMMENT 'Họ và tên')")
        settings.SOURCE_ALLOWED_ADDRESSES = [f"localhost:{server.port}"]
        visit = visitor(operator, viewport=PHONE)
        page = visit.visit(f"/admin/registry/connection/add/?database={database.pk}")
        page.select_option("[name=engine]", "sqlite")
        expect(page.locator("[name=host]")).to_be_hidden()
        expect(page.locator("[name=sslmode]")).to_be_hidden()
        page.select_option("[name=engine]", "mysql")
        expect(page.locator("[name=host]")).to_be_visible()
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/connection-360.png", full_page=True)
            page.set_viewport_size({"width": 1280, "height": 900})
            page.screenshot(path=f"{SHOTS}/connection-1280.png", full_page=True)
        page.fill("[name=name]", server.database)
        page.locator("input[name=_continue]").click()
        expect(page.locator(".field-host .errorlist")).to_be_visible()  # missing, and said so

        page.fill("[name=host]", server.host)
        page.fill("[name=port]", str(server.port))
        page.fill("[name=username]", server.username)
        page.fill("[name=new_credential]", server.password)
        page.select_option("[name=sslmode]", "prefer")
        page.locator("input[name=_continue]").click()
        page.locator("form[action$='/check/'] button").click()
        expect(page.locator(".messagelist .success")).to_contain_text("MariaDB")
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/connection-checked.png", full_page=True)
        page.locator("form[action$='/read-structure/'] button").click()
        expect(page.locator(".value-progress")).to_contain_text("Chờ đọc cấu trúc")
        page.fill("[name=_reason]", "đang gõ dở")
        tasks.read_structure(Connection.objects.get().readings.get().pk)  # what a worker does
        expect(page.locator("[aria-labelledby=last-reading]")).to_contain_text("1 mới")  # without a push of a button
        expect(page.locator(".value-progress")).to_have_count(0)
        expect(page.locator("[name=_reason]")).to_have_value("đang gõ dở")
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/connection-read.png", full_page=True)

    connection = Connection.objects.get()
    assert (connection.engine, connection.check_ok) == ("mysql", True)
    (dataset,) = database.datasets.all()
    assert [field.name for field in dataset.fields.order_by("position")] == ["id", "full_name"]
