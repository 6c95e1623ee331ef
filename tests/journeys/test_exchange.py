"""The main job in a browser: a clerk files, a signatory signs, the owner decides in the admin, a worker delivers."""

import csv
import hashlib
import io
import json
import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from evidence import ledger
from exchange.models import Delivery, ExchangeRequest
from registry.models import User
from tests.portal.test_worker import worker

pytestmark = pytest.mark.browser

FIELDS = ["citizen_id", "full_name", "born"]
PHONE = {"width": 390, "height": 844}


def in_days(days: int) -> str:
    return (timezone.localdate() + timedelta(days=days)).isoformat()


def ask_for_data(page: Page, world) -> None:
    """First screen: three fields, one province."""
    for name in FIELDS:
        page.check(f"input[name=field_names][value={name}]")
    page.select_option("[name=filter0-field]", "province")
    page.select_option("[name=filter0-operator]", "eq")
    page.fill("[name=filter0-values]", "79")
    page.get_by_role("button", name="Lưu và tiếp tục").click()


def state_letter_and_basis(page: Page, world) -> None:
    page.fill("[name=letter_number]", "15/UBND-VP")
    page.fill("[name=letter_subject]", "Đề nghị cung cấp dữ liệu")
    page.fill("[name=signatory_name]", "Người ký")
    page.fill("[name=signatory_position]", "Phó Chủ tịch")
    for name, value in (
        ("name", "Đầu mối"),
        ("position", "Chuyên viên"),
        ("phone", "024 3333"),
        ("email", "a@example.vn"),
    ):
        page.fill(f"[name=focal_{name}]", value)
    page.fill("[name=legal_basis]", world.basis.number.lower())
    page.fill("[name=legal_article]", "Điều 5")
    page.check("[name=purpose][value=procedure]")
    page.fill("[name=reason]", "Giải quyết thủ tục hành chính")
    page.check("[name=consent_basis][value=statutory]")
    page.get_by_role("button", name="Lưu và tiếp tục").click()


def promise_protection(page: Page, world) -> None:
    page.check("[name=has_state_secret][value=no]")
    page.fill("[name=period_from]", in_days(0))
    page.fill("[name=period_to]", in_days(30))
    page.fill("[name=retention_until]", in_days(60))
    page.fill("[name=security_measures]", "Mã hoá khi lưu trữ")
    page.select_option("[name=system_level]", "3")
    page.check("[name=undertaking]")
    page.get_by_role("button", name="Lưu và kiểm tra").click()


def file_request(page: Page, world) -> ExchangeRequest:
    """From the catalogue to the signatory's desk."""
    page.get_by_role("link", name="Danh mục dữ liệu").first.click()
    page.get_by_role("link", name=world.dataset.title_vi).first.click()
    page.get_by_role("link", name="Yêu cầu dữ liệu này").first.click()
    page.get_by_role("button", name="Bắt đầu dự thảo").click()
    ask_for_data(page, world)
    state_letter_and_basis(page, world)
    promise_protection(page, world)
    page.get_by_role("button", name="Trình ký").click()
    expect(page.locator("main")).to_contain_text("Chờ ký")
    return ExchangeRequest.objects.get()


def sign(page: Page, request: ExchangeRequest) -> None:
    page.get_by_role("link", name="Chờ ký").first.click()
    page.locator(f"main a[href*='{request.public_id}']").first.click()
    expect(page.locator("main")).to_contain_text(request.revisions.get().content_hash[:8])
    page.get_by_role("button", name="Ký", exact=True).click()
    expect(page.locator("main")).to_contain_text("Đã gửi")


def open_case(page: Page, portal: str, request: ExchangeRequest) -> None:
    page.goto(f"{portal}/admin/exchange/reviewcase/")
    page.get_by_role("link", name=request.code).first.click()
    expect(page.locator("#content")).to_contain_text("15/UBND-VP")


def decide(page: Page, move: str) -> None:
    page.locator(f"a.move-{move}").click()
    page.locator(f"button.move-{move}").click()


def expected_rows(world) -> list[list[str]]:
    """What a query of our own gives, masked by hand: name and number as they are, the year of birth only."""
    with sqlite3.connect(world.source) as source:
        rows = source.execute("SELECT citizen_id, full_name, born FROM citizens WHERE province = '79'").fetchall()
    return sorted([number, name, born[:4]] for number, name, born in rows)


def test_a_request_becomes_a_file_with_exactly_what_was_agreed(served_world, portal, visitor):
    world = served_world
    clerk = visitor(world.requester)
    request = file_request(clerk.page, world)
    sign(visitor(world.endorser).page, request)

    officer = visitor(world.officer).page
    open_case(officer, portal, request)
    decide(officer, "claim")
    for approver in world.approvers[:2]:
        page = visitor(approver).page
        open_case(page, portal, request)
        decide(page, "approve")
    expect(page.locator("#content")).to_contain_text("Đã phê duyệt")

    clerk.visit(f"/requests/{request.public_id}/")
    delivery = Delivery.objects.get()
    page = clerk.visit(f"/deliveries/{delivery.public_id}/")
    expect(page.locator("main")).to_contain_text("Đang chờ")
    with worker(world):
        # Nobody reloads: the page itself shows how far it is.
        expect(page.get_by_role("button", name=re.compile("Tải"))).to_have_count(2, timeout=30_000)
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Tải")).first.click()
    content = Path(download.value.path()).read_bytes()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Tải")).last.click()
    manifest = json.loads(Path(download.value.path()).read_bytes())

    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows[0] == FIELDS
    assert sorted(rows[1:]) == expected_rows(world)
    shown = page.locator("main").inner_text()
    assert hashlib.sha256(content).hexdigest() in shown
    assert manifest["file"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert list(ledger.tampered()) == []


def test_clerk_sees_what_is_wrong_and_loses_nothing(served_world, visitor):
    world = served_world
    page = visitor(world.requester).page
    page.goto(f"{page.url}requests/new/?dataset={world.dataset.code}")
    page.get_by_role("button", name="Bắt đầu dự thảo").click()
    page.check("input[name=field_names][value=born]")
    page.select_option("[name=filter0-field]", "province")
    page.select_option("[name=filter0-operator]", "between")
    page.fill("[name=filter0-values]", "chỉ một giá trị")
    page.get_by_role("button", name="Lưu và tiếp tục").click()

    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.locator("input[name=field_names][value=born]")).to_be_checked()
    expect(page.locator("[name=filter0-values]")).to_have_value("chỉ một giá trị")
    assert ExchangeRequest.objects.get().field_names == []


def test_signed_out_clerk_comes_back_to_what_was_typed(served_world, visitor):
    world = served_world
    clerk = visitor(world.requester)
    page = clerk.visit(f"/requests/new/?dataset={world.dataset.code}")
    page.get_by_role("button", name="Bắt đầu dự thảo").click()
    page.get_by_role("button", name="Lưu và tiếp tục").click()
    page.fill("[name=reason]", "Một lý do dài, gõ mất công")
    page.context.clear_cookies(name="session")
    page.get_by_role("button", name="Lưu và tiếp tục").click()
    page.fill("input[name=username]", world.requester.username)
    page.fill("input[name=password]", "correct horse battery staple")
    page.locator("main button[type=submit]").click()

    restore = page.locator("[data-keep-restore]")
    expect(restore).to_be_visible()
    restore.click()
    expect(page.locator("[name=reason]")).to_have_value("Một lý do dài, gõ mất công")


def test_pages_fit_a_phone(served_world, visitor):
    world = served_world
    world.proposed()
    request = ExchangeRequest.objects.get()
    clerk = visitor(world.requester, viewport=PHONE)
    for path in (
        "/",
        "/catalogue/",
        f"/catalogue/datasets/{world.dataset.code}/",
        "/requests/",
        f"/requests/{request.public_id}/",
        "/lookups/",
    ):
        page = clerk.visit(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], path


def test_sign_in_and_language_work_without_a_mouse(served_world, visitor):
    user: User = served_world.requester
    page = visitor().visit("/accounts/login/")
    page.locator("input[name=username]").focus()
    page.keyboard.type(user.username)
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery staple")
    page.keyboard.press("Enter")
    expect(page.locator("header")).to_contain_text(user.full_name)
    page.get_by_role("button", name="EN").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="My requests").first).to_be_visible()
