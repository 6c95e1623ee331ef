"""A browser, the portal served to it, and a worker: what people would have before them."""

import os
import shutil
from collections.abc import Iterator

import pytest
from django.contrib.staticfiles.testing import StaticLiveServerTestCase
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from registry.models import User
from tests.factories import PASSWORD
from tests.journeys.chromium import ARGUMENTS, PROGRAMS

# Playwright keeps an event loop in this thread, and Django then takes the test itself for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        message = "no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def portal(transactional_db, settings) -> Iterator[str]:
    """The address of the portal, on plain HTTP."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "session", "csrf"
    StaticLiveServerTestCase.host = "127.0.0.1"
    StaticLiveServerTestCase.setUpClass()
    yield StaticLiveServerTestCase.live_server_url
    StaticLiveServerTestCase.tearDownClass()


@pytest.fixture
def served_world(portal, make_world):
    """The portal with one owner, whose policy asks two approvers, and one agency that asks."""
    return make_world(quorum=2)


class Visitor:
    """One person at one browser. Anything that the browser complains about fails the test."""

    def __init__(self, context: BrowserContext, portal: str):
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.portal = portal

    def _note(self, message) -> None:
        # A form that comes back with its mistakes is answered with 422, which the browser lists as an error.
        if message.type in ("error", "warning") and "422" not in message.text:
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def visit(self, path: str) -> Page:
        self.page.goto(f"{self.portal}{path}")
        return self.page

    def sign_in(self, user: User) -> Page:
        page = self.visit("/accounts/login/")
        page.fill("input[name=username]", user.username)
        page.fill("input[name=password]", PASSWORD)
        page.locator("main button[type=submit]").click()
        page.wait_for_url(f"{self.portal}/")
        return page


@pytest.fixture
def visitor(chromium, portal) -> Iterator:
    """Begins a visit in a browser of its own: `visitor(user)` signs the person in; options go to the browser."""
    contexts, visitors = [], []

    def begin(user: User | None = None, **options) -> Visitor:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        contexts.append(chromium.new_context(locale="en-US", **options))
        visitors.append(Visitor(contexts[-1], portal))
        if user is not None:
            visitors[-1].sign_in(user)
        return visitors[-1]

    yield begin
    for context in contexts:
        context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
