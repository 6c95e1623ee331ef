"""Rules 1 to 7 of the exchange, asked of the tables with queries of their own: nothing here calls the code that is watched.

The legal ways from state to state are written down once more on purpose, as the design has them.
"""

import hashlib
import json
from collections import Counter
from datetime import date, timedelta

from django.db import connection

WAYS = {
    "request": {
        "draft": {"pending-endorsement", "withdrawn", "expired"},
        "pending-endorsement": {"draft", "submitted", "withdrawn"},
        "submitted": {"under-review", "approved", "withdrawn"},
        "under-review": {"submitted", "returned", "rejected", "offered", "approved", "withdrawn"},
        "returned": {"pending-endorsement", "withdrawn", "expired"},
        "offered": {"approved", "withdrawn", "expired"},
    },
    "agreement": {
        "agreed": {"active", "suspended", "revoked", "relinquished", "expired", "superseded"},
        "active": {"suspended", "revoked", "relinquished", "expired", "superseded"},
        "suspended": {"active", "revoked", "relinquished", "expired", "superseded"},
    },
    "delivery": {"requested": {"started", "terminated"}, "started": {"completed", "terminated"}},
}
BIRTHS = {
    "request.create": ("request", "draft"),
    "agreement.conclude": ("agreement", "agreed"),
    "delivery.order": ("delivery", "requested"),
}


class Broken(AssertionError):
    """A rule does not hold; the message begins with its number."""


def ask(query: str, *values) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def demand(rule: int, holds, *told) -> None:
    if not holds:
        raise Broken(f"rule {rule}: {told}")


# --- how things stand, and what the ledger says of the way there


def states() -> dict[str, Counter]:
    """How many of each kind and number are in which state: versions of an agreement share their number."""
    found = {}
    for kind, table in (
        ("request", "exchange_exchangerequest"), ("agreement", "exchange_agreement"), ("delivery", "exchange_delivery"),
    ):  # fmt: skip
        for code, status in ask(f"SELECT code, status FROM {table}"):  # noqa: S608 - constants
            found.setdefault((kind, code), Counter())[status] += 1
    return found


def last_entry() -> int:
    return ask("SELECT coalesce(max(sequence), 0) FROM evidence_entry")[0][0]


def entries_since(sequence: int) -> list[tuple]:
    return [
        (action, outcome, kind, code, json.loads(details))
        for action, outcome, kind, code, details in ask(
            "SELECT action, outcome, subject_type, subject_id, details FROM evidence_entry WHERE sequence > %s "
            "ORDER BY sequence",
            sequence,
        )
    ]


def rule_4_each_change_has_its_entry(before: dict, after: dict, entries: list[tuple]) -> None:
    """Replay the ledger upon how things stood: it must lead to how they stand, over legal ways only."""
    replayed = {key: Counter(found) for key, found in before.items()}
    for action, outcome, kind, code, details in entries:
        if outcome != "success":
            continue
        if action in BIRTHS:
            replayed.setdefault((kind, code), Counter())[BIRTHS[action][1]] += 1
        if "from" not in details or details["from"] == details["to"]:
            continue
        source, target = details["from"], details["to"]
        demand(4, target in WAYS[kind].get(source, ()), "no such way", kind, code, source, target)
        demand(4, replayed[kind, code][source] > 0, "not where the ledger says", kind, code, source)
        replayed[kind, code].subtract([source])
        replayed[kind, code][target] += 1
    tidy = {key: +found for key, found in replayed.items()}
    demand(4, tidy == after, "changed without an entry", [key for key in after if tidy.get(key) != after[key]])


# --- what holds at any moment


def rule_1_different_people() -> None:
    rows = ask(
        """SELECT r.code, r.created_by_id, r.last_edited_by_id, v.proposed_by_id, v.endorsed_by_id,
                  array(SELECT d.made_by_id FROM exchange_decision d WHERE d.revision_id = v.id AND d.voided_at IS NULL
                        AND d.verdict IN ('approve', 'reject')),
                  array(SELECT g.delegator_id FROM exchange_decision d JOIN registry_delegation g
                        ON g.id = d.delegation_id WHERE d.revision_id = v.id AND d.voided_at IS NULL)
           FROM exchange_exchangerequest r JOIN exchange_revision v ON v.request_id = r.id
           WHERE v.number = (SELECT max(number) FROM exchange_revision x WHERE x.request_id = r.id)"""
    )
    for code, author, editor, proposer, endorser, voters, absent in rows:
        filers = {author, editor, proposer}
        demand(1, endorser is None or endorser not in filers, code, "signed by who filed")
        demand(1, not {*voters, *absent} & (filers | {endorser}), code, "decided by who took part")
        everybody = [*voters, *absent]
        demand(2, len(everybody) == len(set(everybody)), code, "somebody decided twice")


def rule_1_nobody_of_the_asking_side(request: str, today: date) -> None:
    """Asked when a request is decided: none of its approvers belongs to the consumer or an agency above it that day.

    Who moves there while the asking agency thinks an offer over decided before, and changes nothing of it any more.
    """
    rows = ask(
        """WITH RECURSIVE above AS (
               SELECT a.id, a.parent_id FROM registry_agency a
               JOIN exchange_exchangerequest r ON r.consumer_id = a.id WHERE r.code = %s
               UNION SELECT a.id, a.parent_id FROM registry_agency a JOIN above ON a.id = above.parent_id)
           SELECT d.id FROM exchange_decision d JOIN exchange_reviewcase c ON c.id = d.case_id
           JOIN exchange_exchangerequest r ON r.id = c.request_id
           LEFT JOIN registry_delegation e ON e.id = d.delegation_id
           JOIN registry_membership m ON m.user_id IN (d.made_by_id, e.delegator_id)
           WHERE r.code = %s AND d.voided_at IS NULL AND d.verdict = 'approve' AND m.agency_id IN (SELECT id FROM above)
             AND m.valid_from <= %s AND coalesce(m.valid_to, 'infinity') >= %s""",
        request, request, today, today,
    )  # fmt: skip
    demand(1, not rows, "approved by somebody of the asking side", rows)


def rule_2_votes_name_the_latest_text() -> None:
    stale = ask(
        """SELECT d.id FROM exchange_decision d JOIN exchange_reviewcase c ON c.id = d.case_id
           JOIN exchange_revision v ON v.request_id = c.request_id
           WHERE d.voided_at IS NULL
             AND v.number = (SELECT max(number) FROM exchange_revision x WHERE x.request_id = c.request_id)
             AND (d.revision_id <> v.id OR d.revision_hash <> encode(sha256(convert_to(v.content, 'UTF8')), 'hex'))"""
    )
    demand(2, not stale, "a live vote about another text", stale)


def _beyond(inner: dict, outer: dict) -> list[str]:
    """In what one scope goes beyond another one, told apart by the letter."""
    shown = {field["name"]: field["masking"] for field in outer["fields"]}
    found = [field["name"] for field in inner["fields"] if shown.get(field["name"]) != field["masking"]]
    found += [name for name in ("dataset", "mode", "purpose", "file_format", "filters") if inner[name] != outer[name]]
    found += [name for name in ("row_limit", "period_to", "retention_until") if inner[name] > outer[name]]
    return found + (["period_from"] if inner["period_from"] < outer["period_from"] else [])


def rule_3_agreed_within_approved_within_asked() -> None:
    rows = ask(
        """SELECT g.code, g.version, g.scope, g.scope_hash, v.content,
                  array(SELECT d.scope FROM exchange_decision d WHERE d.case_id = g.case_id AND d.voided_at IS NULL
                        AND d.verdict = 'approve')
           FROM exchange_agreement g JOIN exchange_reviewcase c ON c.id = g.case_id
           JOIN exchange_revision v ON v.request_id = c.request_id
           WHERE v.number = (SELECT max(number) FROM exchange_revision x WHERE x.request_id = c.request_id)"""
    )
    for code, version, text, digest, content, votes in rows:
        agreed, asked = json.loads(text), json.loads(content)["scope"]
        demand(3, hashlib.sha256(text.encode()).hexdigest() == digest, code, version, "another hash")
        demand(3, votes, code, version, "agreed without a vote")
        for vote in map(json.loads, votes):
            demand(3, not _beyond(vote, asked), code, version, "approved beyond what was asked", _beyond(vote, asked))
            demand(
                3, not _beyond(agreed, vote), code, version, "agreed beyond what was approved", _beyond(agreed, vote)
            )


def rule_3_within_the_policy(agreement: int) -> None:
    """Asked when something is agreed or delivered: each field is offered today, masked in that way."""
    ((text, fields, most),) = ask(
        """SELECT g.scope, array(SELECT f.name || '=' || l.masking FROM registry_policyfield l
                                 JOIN registry_field f ON f.id = l.field_id WHERE l.policy_id = p.id), p.max_rows
           FROM exchange_agreement g JOIN registry_sharingpolicy p ON p.id = g.policy_id WHERE g.id = %s""",
        agreement,
    )
    scope = json.loads(text)
    given = {f"{field['name']}={field['masking']}" for field in scope["fields"]}
    demand(3, given <= set(fields), "beyond the policy", given - set(fields))
    demand(3, scope["row_limit"] <= most, "more rows than the policy offers")


def rule_6_nothing_approved_by_silence() -> None:
    short = ask(
        """SELECT r.code FROM exchange_exchangerequest r JOIN exchange_reviewcase c ON c.request_id = r.id
           WHERE r.status IN ('approved', 'offered') AND c.quorum > (
               SELECT count(DISTINCT d.made_by_id) FROM exchange_decision d
               WHERE d.case_id = c.id AND d.verdict = 'approve' AND d.voided_at IS NULL)"""
    )
    demand(6, not short, "approved with too few votes", short)


def rule_5_and_7_what_is_delivered(folder) -> None:
    """Each completed delivery has one completion on record, one attempt that gave it, and the file that was recorded."""
    for code, name, digest, status, ended in ask(
        "SELECT code, file_name, sha256, status, finished_at FROM exchange_delivery"
    ):
        shown = [path for path in folder.glob(f"{code}.*") if not path.name.endswith(".manifest.json")]
        if status != "completed":
            demand(5, not shown, code, status, "a file can be seen")
            continue
        demand(7, ended is not None, code)
        ((times,),) = ask(
            "SELECT count(*) FROM evidence_entry WHERE action = 'delivery.complete' AND outcome = 'success' "
            "AND subject_id = %s", code,
        )  # fmt: skip
        demand(7, times == 1, code, "completions on record", times)
        ((given,),) = ask(
            "SELECT count(*) FROM exchange_deliveryattempt a JOIN exchange_delivery d ON d.id = a.delivery_id "
            "WHERE d.code = %s AND a.outcome = 'delivered'", code,
        )  # fmt: skip
        demand(7, given == 1, code, "attempts that delivered", given)
        for path in shown:
            demand(7, path.name == name, code, "another name")
            demand(7, hashlib.sha256(path.read_bytes()).hexdigest() == digest, code, "another file than was recorded")


def always(folder) -> None:
    rule_1_different_people()
    rule_2_votes_name_the_latest_text()
    rule_3_agreed_within_approved_within_asked()
    rule_6_nothing_approved_by_silence()
    rule_5_and_7_what_is_delivered(folder)


# --- what holds when something happens


def rule_5_given_while_in_force(agreement: int, today: date) -> None:
    ((status, first, last),) = ask(
        "SELECT status, valid_from, gives_until FROM exchange_agreement WHERE id = %s", agreement
    )
    demand(5, status == "active" and first <= today <= last, "given outside an agreement in force", status, last, today)


def rule_3_exactly_the_agreed_columns(agreement: int, header: list[str]) -> None:
    ((text,),) = ask("SELECT scope FROM exchange_agreement WHERE id = %s", agreement)
    agreed = [field["name"] for field in json.loads(text)["fields"]]
    demand(3, header == agreed, "other columns than were agreed", header, agreed)


def working_days(start: date, end: date) -> int:
    """Weekdays after the one day up to the other: the calendar of these tests has no days off."""
    days = (start + timedelta(days=number) for number in range(1, (end - start).days + 1))
    return sum(day.weekday() < 5 for day in days)


def rule_6_the_clock_was_paused(left: int, today: date, due_on: date) -> None:
    """What was left of the term when it was returned is left when it is back."""
    demand(6, working_days(today, due_on) == max(left, 1), "the clock went on", left, today, due_on)
