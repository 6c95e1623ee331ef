"""Wrong passwords: who is slowed down, and who is not."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.test import RequestFactory
from django.urls import reverse

from ndc_portal.login import client_address
from tests.factories import PASSWORD, UserFactory

PROXY = "10.0.0.1"


def sign_in(client, username, password=None, address="203.0.113.5", **headers):
    data = {"username": username, "password": password or "wrong"}
    return client.post(reverse("login"), data, REMOTE_ADDR=address, **headers).status_code


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "expected"),
    [
        (False, "198.51.100.7", PROXY),
        (False, None, PROXY),
        (True, "198.51.100.7", "198.51.100.7"),
        (True, "1.2.3.4, 198.51.100.7", "198.51.100.7"),
        (True, "1.2.3.4,2001:db8::1 ", "2001:db8::1"),
        (True, None, PROXY),
        (True, "", PROXY),
        (True, "198.51.100.7, unknown", PROXY),
        (True, "' OR 1=1", PROXY),
    ],
)
def test_address_is_the_proxys_word_only_behind_the_proxy(settings, behind_proxy, forwarded, expected):
    settings.BEHIND_TLS_PROXY = behind_proxy
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=PROXY, **headers)) == expected


def test_account_is_paused_for_the_address_that_guesses_only(client, db, settings):
    settings.BEHIND_TLS_PROXY = True
    user = UserFactory()
    through = {"address": PROXY}
    codes = [sign_in(client, user.username, **through, HTTP_X_FORWARDED_FOR="198.51.100.7") for _try in range(6)]
    assert codes[:4] == [200] * 4
    assert codes[-1] == 429
    assert sign_in(client, user.username, PASSWORD, **through, HTTP_X_FORWARDED_FOR="198.51.100.7") == 429
    assert sign_in(client, user.username, PASSWORD, **through, HTTP_X_FORWARDED_FOR="198.51.100.8") == 302


def test_made_up_addresses_do_not_help_whoever_guesses(client, db, settings):
    settings.BEHIND_TLS_PROXY = True
    user = UserFactory()
    codes = [
        sign_in(client, user.username, address=PROXY, HTTP_X_FORWARDED_FOR=f"1.2.3.{number}, 198.51.100.7")
        for number in range(6)
    ]
    assert codes[-1] == 429


def test_address_that_tries_many_accounts_is_paused(client, db, settings):
    settings.LOGIN_FAILURES_PER_ADDRESS = 8
    user = UserFactory()
    codes = [sign_in(client, f"nobody{number}") for number in range(10)]
    assert codes == [200] * 8 + [429] * 2
    assert sign_in(client, user.username, PASSWORD) == 429
    assert sign_in(client, user.username, PASSWORD, address="203.0.113.6") == 302


def test_own_success_does_not_free_an_address_that_tries_others(client, db, settings):
    settings.LOGIN_FAILURES_PER_ADDRESS = 8
    own = UserFactory()
    for number in range(7):
        sign_in(client, f"nobody{number}")
    assert sign_in(client, own.username, PASSWORD) == 302
    client.logout()
    assert [sign_in(client, f"other{number}") for number in range(2)] == [200, 429]


def test_trying_while_paused_does_not_make_it_longer(client, db):
    codes = [sign_in(client, "nobody") for _try in range(8)]
    assert codes == [200] * 4 + [429] * 4
    assert AccessAttempt.objects.get().failures_since_start == 5


def test_paused_address_may_try_again_later(client, db, settings):
    settings.LOGIN_FAILURES_PER_ADDRESS = 2
    for number in range(3):
        sign_in(client, f"nobody{number}")
    for attempt in AccessAttempt.objects.all():
        AccessAttempt.objects.filter(pk=attempt.pk).update(attempt_time=attempt.attempt_time - timedelta(minutes=16))
    assert sign_in(client, UserFactory().username, PASSWORD) == 302
