"""Deciding many cases from the queue, as an approver's browser does it."""

import pytest
from playwright.sync_api import expect

from exchange.models import ExchangeRequest
from exchange.states import RequestStatus

pytestmark = pytest.mark.browser


def test_an_approver_decides_two_cases_at_once(portal, make_world, visitor):
    world = make_world()
    first, second = world.under_review(), world.under_review()
    approver = visitor(world.approver)
    page = approver.visit("/admin/exchange/reviewcase/?state=review")
    page.check("#action-toggle")
    page.select_option("select[name=action]", "bulk_approve")
    page.locator("button[name=index]").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("nhiều hồ sơ")
    for request in (first, second):
        expect(page.get_by_label(request.code)).to_be_checked()
    page.locator(".submit-row button[type=submit]").click()
    expect(page.get_by_role("status")).to_contain_text("2 trên 2 hồ sơ")
    assert set(ExchangeRequest.objects.values_list("status", flat=True)) == {RequestStatus.APPROVED}


def test_a_search_of_the_queue_is_kept_and_found_again(portal, make_world, visitor):
    world = make_world()
    world.under_review()
    page = visitor(world.approver).visit("/admin/exchange/reviewcase/?state=review")
    page.locator("summary", has_text="Lưu tìm kiếm này").click()
    page.locator("form[action*=searches] input[type=text]").fill("Đang xét")
    page.locator("form[action*=searches] button[type=submit]").click()
    expect(page.get_by_role("link", name="Đang xét", exact=True)).to_be_visible()
