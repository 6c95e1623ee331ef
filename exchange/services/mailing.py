"""Sending digests by mail: claimed before it is sent, tried again where the server is away, given up where it refuses.

A mail says how much waits and where; who, what and why stand behind the sign-in. The same digest always has the same
Message-ID, so a mail program that gets it twice after a crash can show it once.
"""

import logging
import smtplib
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from exchange.choices import MailState
from exchange.models import DailyDigest
from registry.notice_kinds import KINDS
from registry.services import queued

logger = logging.getLogger(__name__)
TASK = "exchange.tasks.send_mails"
PAUSES = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
LEASE = timedelta(minutes=10)
AT_ONCE = 200
ON_THIS_MACHINE = "http://127.0.0.1:8000"  # where DEBUG has no address of its own
REFUSED = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, smtplib.SMTPSenderRefused)
PERMANENT = 500  # SMTP: a reply from here on means that trying again is in vain


def nudge_due() -> int:
    """Wake a worker if a mail is due and nothing waits for that already."""
    if not settings.IS_MAIL_SENT or not _due().exists():
        return 0
    if any(row.task.get("func") == TASK for row in queued.waiting()):
        return 0
    async_task(TASK)
    return 1


def send_due() -> int:
    """Send what is due over one connection; how many were sent."""
    if not settings.IS_MAIL_SENT:
        return 0
    digests = list(_due().select_related("person").order_by("mail_due_at", "pk")[:AT_ONCE])
    connection = get_connection()
    try:
        return sum(_send(digest, connection) for digest in digests)
    finally:
        connection.close()


def _due():
    return DailyDigest.objects.filter(mail=MailState.WAITING, mail_due_at__lte=timezone.now())


def _send(digest: DailyDigest, connection) -> bool:
    now = timezone.now()
    mine = DailyDigest.objects.filter(pk=digest.pk, mail=MailState.WAITING, mail_due_at=digest.mail_due_at)
    if not mine.update(mail_due_at=now + LEASE, mail_attempts=digest.mail_attempts + 1):
        return False
    claimed = DailyDigest.objects.filter(pk=digest.pk)
    if not digest.person.is_active or not digest.person.wants_mail or not digest.person.email:
        claimed.update(mail=MailState.NONE)
        return False
    try:
        message_of(digest, connection).send()
    except REFUSED as error:
        code = _reply(error)
        _failed(digest, now, is_final=code >= PERMANENT)
        logger.warning("digest %s was refused by the mail server: %s", digest.pk, code)
        return False
    except OSError as error:  # smtplib's own errors, too
        connection.close()
        _failed(digest, now, is_final=False)
        logger.warning("digest %s was not sent: %s", digest.pk, type(error).__name__)
        return False
    except Exception as error:  # a mail that cannot be made keeps no other back; its text may hold what was told
        claimed.update(mail=MailState.FAILED)
        logger.error("digest %s could not be made: %s", digest.pk, type(error).__name__)
        return False
    claimed.update(mail=MailState.SENT, mailed_at=timezone.now())
    return True


def _reply(error: smtplib.SMTPException) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max(code for code, _text in error.recipients.values())
    return error.smtp_code


def _failed(digest: DailyDigest, now, *, is_final: bool) -> None:
    """Put it off, or give it up: a digest of yesterday is worth nothing any more."""
    made = digest.mail_attempts + 1
    claimed = DailyDigest.objects.filter(pk=digest.pk)
    if is_final or made > len(PAUSES):
        claimed.update(mail=MailState.FAILED)
    else:
        claimed.update(mail_due_at=now + PAUSES[made - 1])


def message_of(digest: DailyDigest, connection=None) -> EmailMessage:
    """The mail, in the person's language: counts and titles, no names, no text of anybody."""
    person, base = digest.person, settings.PORTAL_URL.rstrip("/") or ON_THIS_MACHINE
    with translation.override(person.language):
        unread = digest.told.get("unread", {})
        context = {
            "told": digest.told if digest.was_told else {},
            "unread": [(KINDS[kind].title, count) for kind, count in sorted(unread.items()) if kind in KINDS],
            "desk_url": base + reverse("exchange:desk"),
            "notices_url": base + reverse("notices:list"),
            "settings_url": base + reverse("notices:settings"),
        }
        return EmailMessage(
            subject=_("NDC Portal: your work on %(day)s") % {"day": date_format(digest.day, "SHORT_DATE_FORMAT")},
            body=render_to_string("exchange/digest_mail.txt", context),
            to=[person.email],
            headers={
                "Message-ID": f"<digest.{digest.day:%Y%m%d}.{person.public_id}@{urlsplit(base).hostname}>",
                "Auto-Submitted": "auto-generated",
                "List-Unsubscribe": f"<{context['settings_url']}>",
            },
            connection=connection,
        )
