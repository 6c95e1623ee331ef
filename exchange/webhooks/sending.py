"""One POST to an agency's system. Whatever that system does, it ends within the deadline and little is read of it."""

import time
from dataclasses import dataclass
from datetime import timedelta

import requests

from exchange.choices import SendOutcome
from exchange.webhooks import addresses
from registry.outgoing import CheckedAddressAdapter, Deadline, WatchedAdapter

SECONDS = 15  # for everything, from the connection to the last header
CONNECT_SECONDS = 5
LONGEST_WAIT = timedelta(hours=6)  # that a system can ask for


@dataclass(frozen=True, slots=True)
class Answer:
    """What a try came to; `wait` where the system said how long to leave it alone."""

    outcome: SendOutcome
    status: int | None = None
    wait: timedelta | None = None
    duration_ms: int = 0


def post(url: str, agency: str, body: bytes, headers: dict[str, str]) -> Answer:
    """Send it to a system of the agency of this code, following no redirect and using no proxy. Never raises for what the other side does."""
    began = time.monotonic()
    outcome, status, wait = _post(url, agency, body, headers, began + SECONDS)
    return Answer(outcome, status, wait, int((time.monotonic() - began) * 1_000))


def _post(url, agency, body, headers, moment) -> tuple[SendOutcome, int | None, timedelta | None]:
    try:
        target = addresses.parse(url)
        hostaddrs = addresses.resolve(target, agency)
    except (addresses.BadAddress, addresses.ForbiddenAddress):
        return SendOutcome.FORBIDDEN, None, None
    except OSError:
        return SendOutcome.UNREACHABLE, None, None
    deadline = Deadline(moment)
    try:
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", WatchedAdapter(deadline))
            session.mount("https://", CheckedAddressAdapter(deadline, target.host))
            return _first_answer(session, target, hostaddrs, body, headers, deadline)
    finally:
        deadline.cancel()


def _first_answer(session, target, hostaddrs, body, headers, deadline):
    """Of the host's addresses the first that lets us connect; once something was sent, no other is tried."""
    for hostaddr in hostaddrs:
        host = f"[{hostaddr}]" if ":" in hostaddr else hostaddr
        try:
            answer = session.post(
                f"{target.scheme}://{host}:{target.port}{target.path}",
                data=body,
                headers={"Host": target.authority, "Accept-Encoding": "identity", **headers},
                timeout=(CONNECT_SECONDS, SECONDS),
                allow_redirects=False,
                stream=True,  # the body of the answer is of no interest, and can be endless
            )
        except requests.exceptions.SSLError:
            return SendOutcome.CERTIFICATE, None, None
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ConnectionError) as error:
            if deadline.is_over or isinstance(error, requests.exceptions.ReadTimeout):
                return SendOutcome.SLOW, None, None
            continue
        except (requests.exceptions.RequestException, ValueError) as error:
            slow = deadline.is_over or isinstance(error, requests.exceptions.Timeout)
            return (SendOutcome.SLOW if slow else SendOutcome.UNREACHABLE), None, None
        answer.close()
        return _judged(answer)
    return SendOutcome.UNREACHABLE, None, None


def _judged(answer: requests.Response) -> tuple[SendOutcome, int, timedelta | None]:
    status = answer.status_code if 100 <= answer.status_code <= 599 else 599
    if 200 <= status < 300:
        return SendOutcome.TAKEN, status, None
    if status == 410:
        return SendOutcome.GONE, status, None
    if status in (429, 502, 503, 504):
        return SendOutcome.BUSY, status, _asked_to_wait(answer.headers.get("Retry-After", ""))
    return SendOutcome.REFUSED, status, None


def _asked_to_wait(text: str) -> timedelta | None:
    """Retry-After in seconds; the form with a date is read as nothing, and our own patience counts."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return None
    return min(timedelta(seconds=int(text)), LONGEST_WAIT)
