"""The daily digest as a mail: once, in the person's language, without anything that only the sign-in may open."""

import smtplib
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from exchange.choices import MailState
from exchange.models import DailyDigest
from exchange.services import digests, mailing
from registry.choices import Mode
from registry.models import Notice
from tests.exchange.desk import as_user, told

MORNING = "2026-11-30 08:00+07:00"  # a Monday


@pytest.fixture(autouse=True)
def mail_server(settings):
    settings.IS_MAIL_SENT = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.PORTAL_URL = "https://portal.example.gov.vn"


@pytest.fixture
def request_waiting(world):
    """A request that waits for a signature, so on a Monday both signatories are told of work."""
    for person in (world.endorser, world.second_endorser):
        person.email = f"{person.pk}@example.vn"
        person.save()
    with time_machine.travel("2026-11-30 07:00+07:00"):
        return world.proposed()


def sent_at(moment: str = MORNING) -> int:
    with time_machine.travel(moment):
        digests.send_due()
        return mailing.send_due()


def test_each_person_gets_one_mail_with_counts_and_titles(world, request_waiting):
    assert sent_at() == 2
    assert sent_at("2026-11-30 09:00+07:00") == 0
    message = next(one for one in mail.outbox if one.to == [world.endorser.email])
    assert message.subject == "Cổng NDC: công việc của Ông/Bà ngày 30/11/2026"
    assert "Đang chờ Ông/Bà: 1" in message.body
    assert "Một yêu cầu đang chờ ký" in message.body
    assert "https://portal.example.gov.vn/desk/" in message.body
    digest = DailyDigest.objects.get(person=world.endorser)
    assert (digest.mail, digest.mail_attempts) == (MailState.SENT, 1)


def test_mail_names_nobody_and_nothing(world, request_waiting):
    sent_at()
    for message in mail.outbox:
        for secret in (request_waiting.code, world.dataset.title, world.endorser.full_name, world.requester.full_name):
            assert secret not in message.body + message.subject


def test_mail_is_in_the_language_of_the_person(world, request_waiting):
    world.endorser.language = "en"
    world.endorser.save()
    sent_at()
    message = next(one for one in mail.outbox if one.to == [world.endorser.email])
    assert message.subject == "NDC Portal: your work on 30/11/2026"
    assert "Waiting for you: 1" in message.body
    assert "A request waits for a signature" in message.body


def test_links_lead_somewhere_on_ones_own_machine_too(world, request_waiting, settings):
    settings.PORTAL_URL = ""
    sent_at()
    assert "http://127.0.0.1:8000/desk/" in mail.outbox[0].body


def test_mail_says_that_a_machine_wrote_it_and_how_to_stop_it(world, request_waiting):
    sent_at()
    headers = mail.outbox[0].message()
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Unsubscribe"] == "<https://portal.example.gov.vn/notices/settings/>"
    assert headers["Message-ID"].startswith("<digest.20261130.")


def test_nobody_gets_a_mail_who_wants_none_or_has_no_address(world, request_waiting):
    world.endorser.wants_mail = False
    world.endorser.save()
    world.second_endorser.email = ""
    world.second_endorser.save()
    assert sent_at() == 0
    assert Notice.objects.filter(
        kind=digests.DIGEST.code, recipient=world.endorser
    ).exists()  # in the portal all the same


def test_nothing_is_sent_without_a_server(world, request_waiting, settings):
    settings.IS_MAIL_SENT = False
    assert sent_at() == 0
    assert not DailyDigest.objects.exclude(mail=MailState.NONE).exists()


def test_decision_reaches_the_clerk_by_mail_though_nothing_waits(world):
    world.requester.email = "clerk@example.vn"
    world.requester.save()
    with time_machine.travel("2026-11-30 16:00+07:00"):
        world.agreed(
            mode=Mode.LOOKUP, period_from=timezone.localdate(), period_to=timezone.localdate() + timedelta(days=30)
        )
    sent_at("2026-12-01 08:00+07:00")
    [message] = [one for one in mail.outbox if one.to == ["clerk@example.vn"]]
    assert "Một yêu cầu được phê duyệt" in message.body
    assert "đang chờ" not in message.body.lower()
    sent_at("2026-12-02 08:00+07:00")
    assert [one for one in mail.outbox if one.to == ["clerk@example.vn"]] == [message]  # told once


def test_notice_that_was_read_is_in_no_mail(world):
    with time_machine.travel("2026-11-30 16:00+07:00"):
        world.agreed(
            mode=Mode.LOOKUP, period_from=timezone.localdate(), period_to=timezone.localdate() + timedelta(days=30)
        )
        Notice.objects.update(read_at=timezone.now())
    assert sent_at("2026-12-01 08:00+07:00") == 0


class Failing:
    """A mail server that answers with an error."""

    def __init__(self, error):
        self.error = error

    def send_messages(self, messages):
        raise self.error

    def close(self):
        """Nothing is open."""


def test_server_that_is_away_is_asked_again_and_given_up_in_the_end(world, request_waiting, monkeypatch):
    moment = timezone.datetime(2026, 11, 30, 1, 0, tzinfo=timezone.get_fixed_timezone(0))
    monkeypatch.setattr(mailing, "get_connection", lambda: Failing(ConnectionRefusedError()))
    with time_machine.travel(moment):
        digests.send_due()
    for pause in (timedelta(0), *mailing.PAUSES):
        moment += pause + timedelta(seconds=1)
        with time_machine.travel(moment, tick=False):
            assert mailing.send_due() == 0
            assert mailing.send_due() == 0  # not again before the pause is over
    digest = DailyDigest.objects.get(person=world.endorser)
    assert (digest.mail, digest.mail_attempts) == (MailState.FAILED, 5)


def test_server_that_comes_back_gets_the_mail(world, request_waiting, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(mailing, "get_connection", lambda: Failing(smtplib.SMTPServerDisconnected()))
        assert sent_at() == 0
    assert sent_at("2026-11-30 08:06+07:00") == 2


@pytest.mark.parametrize(("code", "state"), [(550, MailState.FAILED), (450, MailState.WAITING)])
def test_address_that_is_refused_for_good_is_given_up_at_once(world, request_waiting, monkeypatch, code, state):
    error = smtplib.SMTPRecipientsRefused({"x@example.vn": (code, b"no such user")})
    monkeypatch.setattr(mailing, "get_connection", lambda: Failing(error))
    assert sent_at() == 0
    assert DailyDigest.objects.get(person=world.endorser).mail == state


def test_mail_that_cannot_be_made_keeps_no_other_back(world, request_waiting):
    world.endorser.email = "a@example.vn\nBcc: b@example.vn"
    world.endorser.save()
    assert sent_at() == 1
    assert DailyDigest.objects.get(person=world.endorser).mail == MailState.FAILED


def test_worker_that_died_while_sending_leaves_it_for_minutes_only(world, request_waiting, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(mailing, "get_connection", lambda: Failing(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            sent_at()
    assert sent_at("2026-11-30 08:01+07:00") == 1  # the other one
    assert sent_at("2026-11-30 08:12+07:00") == 1


def test_one_task_is_enough_for_all_that_is_due(world, request_waiting):
    with time_machine.travel(MORNING):
        digests.send_due()
        OrmQ.objects.all().delete()
        assert (mailing.nudge_due(), mailing.nudge_due()) == (1, 0)


def test_person_chooses_language_and_whether_there_are_mails(world):
    client = as_user(world.requester)
    page = reverse("notices:settings")
    assert client.get(page).status_code == 200
    answer = client.post(page, {"language": "en"}, follow=True)
    world.requester.refresh_from_db()
    assert (world.requester.language, world.requester.wants_mail) == ("en", False)
    assert told(answer)
    assert client.post(page, {"language": "fr"}).status_code == 422
    assert client.get(page).context["form"]["language"].value() == "en"


def test_settings_are_for_people_who_are_signed_in(client):
    assert client.get(reverse("notices:settings")).status_code == 302


def test_database_keeps_state_and_time_of_a_mail_together(world):
    today = timezone.localdate()
    for wrong in ({"mail": MailState.SENT}, {"mail": MailState.WAITING}, {"mailed_at": timezone.now()}, {"mail": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            DailyDigest.objects.create(person=world.requester, day=today, was_told=False, **wrong)
