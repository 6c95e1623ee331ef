"""Checking a letter in a browser, without an account."""

import pytest
from playwright.sync_api import expect

from exchange.models import Letter

pytestmark = pytest.mark.browser


def test_whoever_holds_a_letter_checks_it(portal, make_world, visitor):
    make_world().agreed()
    letter = Letter.objects.get()
    page = visitor().visit("/check/")
    page.locator("main form button[type=submit]").click()
    expect(page.locator(".error-summary")).to_be_focused()
    page.fill("input[name=notation]", letter.notation)
    page.fill("input[name=code]", letter.check_code)
    page.locator("main form button[type=submit]").click()
    expect(page.locator("main")).to_contain_text(letter.case.request.code)
