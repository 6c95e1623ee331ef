"""Renews docs/screenshots from the running demonstration: make demo, make run, then make screenshots."""

import json
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.chromium import ARGUMENTS, PROGRAMS

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "docs" / "screenshots"
PORTAL = "http://127.0.0.1:8000"
DATASET = "/catalogue/datasets/dan-cu-dan-cu-cong-dan/"
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def signed_in(browser: Browser, accounts: dict[str, str], username: str, viewport: dict) -> Page:
    page = browser.new_context(viewport=viewport).new_page()
    page.goto(f"{PORTAL}/accounts/login/")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", accounts[username])
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{PORTAL}/")
    return page


def take(page: Page, name: str, path: str | None = None, *, whole: bool = False) -> None:
    if path is not None:
        page.goto(f"{PORTAL}{path}")
    page.screenshot(path=TARGET / f"{name}.png", full_page=whole)
    sys.stdout.write(f"{name}.png\n")


def first(page: Page, pattern: str) -> str:
    """The first link of the page whose address fits."""
    links = page.locator("main a, #content a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return next(link for link in links if link and re.search(pattern, link))


def whole_request(page: Page) -> str:
    """The oldest request of the list: it has gone the whole way."""
    links = page.locator("main h2 a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return links[-1]


def main() -> None:
    accounts = json.loads((ROOT / "var" / "demo" / "accounts.json").read_text())
    TARGET.mkdir(parents=True, exist_ok=True)
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        visitor = browser.new_context(viewport=DESK).new_page()
        take(visitor, "home", "/")
        take(visitor, "catalogue", "/catalogue/?q=cccd")
        take(visitor, "dataset", DATASET)
        take(visitor, "law", "/catalogue/laws/278-2025-ndcp/")
        clerk = signed_in(browser, accounts, "bhxh.chuyenvien", DESK)
        take(clerk, "my-desk", "/desk/")
        take(clerk, "requests", "/requests/")
        take(clerk, "request", whole_request(clerk))
        clerk.goto(f"{PORTAL}/requests/")
        take(clerk, "joint-request", first(clerk, r"^/joint-requests/[0-9a-f-]{36}/$"))
        clerk.goto(f"{PORTAL}/requests/new/?dataset={DATASET.split('/')[-2]}")
        clerk.locator("main form button[type=submit]").first.click()
        take(clerk, "form")
        take(clerk, "agreements", "/agreements/")
        agreement = first(clerk, r"^/agreements/[0-9a-f-]{36}/$")
        take(clerk, "agreement", agreement)
        take(clerk, "lookup", "/lookups/")
        signatory = signed_in(browser, accounts, "bhxh.lanhdao", DESK)
        take(signatory, "relinquish", f"{agreement}relinquish/")
        take(signatory, "notices", "/notices/")
        take(signatory, "webhook", "/webhooks/new/")
        officer = signed_in(browser, accounts, "bca.lanhdao", DESK)
        take(officer, "desk", "/admin/exchange/reviewcase/?state=all")
        take(officer, "case", first(officer, r"reviewcase/\d+/change/"))
        officer.goto(f"{PORTAL}/admin/exchange/reviewcase/?state=review")
        officer.check("#action-toggle")
        officer.select_option("select[name=action]", "bulk_approve")
        officer.locator("button[name=index]").click()
        officer.wait_for_url("**/bulk/approve/**")
        take(officer, "bulk")
        take(visitor, "check-letter", "/check/")
        officer.goto(f"{PORTAL}/admin/registry/schemachange/")
        take(officer, "source-change", first(officer, r"schemachange/\d+/change/"))
        take(officer, "waiting", "/catalogue/stewardship/")
        take(officer, "suggestions", first(officer, r"database/\d+/suggestions/"))
        operator = signed_in(browser, accounts, "ndc.vanhanh", DESK)
        operator.goto(f"{PORTAL}/admin/registry/dataset/?q=cong-dan")
        take(operator, "profile", first(operator, r"dataset/\d+/change/").replace("change/", "profile/"), whole=True)
        take(operator, "administration", "/admin/")
        phone = signed_in(browser, accounts, "bhxh.chuyenvien", PHONE)
        take(phone, "phone", "/requests/")
        take(phone, "phone-dataset", DATASET)
        browser.close()


if __name__ == "__main__":
    main()
