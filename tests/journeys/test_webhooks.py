"""A signatory gives the address of a system, keeps the secret, and sees that a real request was told to it."""

from ipaddress import ip_network

import pytest
from playwright.sync_api import expect
from standardwebhooks.webhooks import Webhook

from exchange.models import WebhookEndpoint
from exchange.services import dispatching
from tests.exchange.receiver import Receiver

pytestmark = pytest.mark.browser


def test_a_system_is_told_of_a_request_and_proves_who_sent_it(portal, make_world, visitor, settings):
    settings.DEBUG, settings.WEBHOOK_PRIVATE_NETWORKS = True, [("", ip_network("127.0.0.0/8"))]
    world = make_world()
    signatory = visitor(world.endorser)
    page = signatory.visit("/notices/")
    with Receiver().serving() as receiver:
        page.get_by_role("link", name="Điểm nhận sự kiện của hệ thống").click()
        page.get_by_role("link", name="Tạo điểm nhận sự kiện").click()
        page.get_by_label("Địa chỉ").fill(receiver.url)
        page.get_by_label("Dùng để làm gì").fill("Hệ thống văn bản")
        page.get_by_role("button", name="Tạo và hiện khóa ký").click()
        secret = page.get_by_label("Khóa của “Hệ thống văn bản”").input_value()
        request = world.proposed()
        dispatching.send_due(WebhookEndpoint.objects.get().pk)
        headers, body = receiver.taken[0]
        assert Webhook(secret).verify(body, headers)["subject"] == request.code

        page.get_by_role("link", name="Tôi đã lưu khóa").click()
        message = page.locator("li", has_text=request.code)
        expect(message).to_contain_text("Yêu cầu: Chờ ký")
        expect(message).to_contain_text("Đã nhận")
        message.get_by_text("lần gửi gần nhất").click()
        expect(message).to_contain_text("(204)")
        message.get_by_role("button", name="Gửi lại").press("Enter")
        expect(page.get_by_role("status")).to_contain_text("cùng mã định danh")
        dispatching.send_due(WebhookEndpoint.objects.get().pk)
        assert receiver.taken[1][0]["webhook-id"] == headers["webhook-id"]
