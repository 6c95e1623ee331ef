"""docs/states.md, written from the transition tables: who may make which move, under which rules, and a picture of each table."""

from django.utils.translation import override

from exchange.joint_states import JointState, state_of
from exchange.states import REQUEST, TABLES, Move, Side, Table

INTRODUCTION = """\
# States and moves

Written from `exchange/states.py` by `manage.py write_states`; a test fails when the two differ.
A move that is not listed here is refused, recorded in the ledger, and refused by the database as well.
States marked with ● are final.
"""
# What a rule asks for, in the words of a sentence "Only if …".
RULES = {
    "complete": "every field of the form is filled in, no state secret is involved, and the law cited is in force",
    "basis_in_force": "the law cited is in force today and on the first day of use",
    "within_policy": "a sharing policy offers today all that is asked for",
    "agreement_followed": "the agreement that it is about, if any, is in its latest version and was not ended",
    "endorser_did_not_file": "the mover neither filed, proposed nor ever edited the request",
    "mover_served_not_owner": "the mover never had a part in the request for the owner: neither decided, in person or through a delegate, nor advised, handled it, lengthened its term, wrote for the desk, or declared a conflict there",
    "officer_assigned_to_database": "the mover is assigned to handle requests for the database",
    "mover_assigned_to_database": "the mover is assigned to handle or to decide requests for the database",
    "approver_assigned_to_database": "the mover is assigned to decide requests for the database",
    "approver_took_no_part": "the mover neither filed nor proposed the request, and never edited or signed any of its revisions",
    "claim_void": "the case officer left the desk, declared a conflict, or did nothing for the days of a claim",
    "no_declared_conflict": "the mover has declared no conflict with the request",
    "approver_not_of_consumer": "the mover belongs neither to the consumer agency nor to one above it, today or when the request was proposed or signed",
    "decides_once": "the mover has not yet decided on this revision, in person or through a delegate",
    "nobody_decided": "nobody has decided on this revision yet; in a blind review people cannot make the move at all, so that it tells nothing of votes",
    "approver_gave_no_advice": "the mover gave no advice on this revision as a reviewer",
    "advice_is_in": "as many reviewers as the policy asks for have given advice on this revision; in an emergency afterwards",
    "term_can_be_lengthened": "the term of the case is not over, and was not lengthened before",
    "is_emergency": "the request is marked and signed as an emergency",
    "voter_moved": "somebody whose approval counts has joined the asking side since, and could not give it today",
    "within_standing_permission": "the owner decided beforehand to grant exactly this, by an approver without conflict",
    "within_dates": "today lies within the dates of the agreement",
    "source_changed": "the source of the data changed in what the agreement needs, and its owner has not accepted that",
    "source_sound": "no such change stands against the agreement, and the source would be asked for what was agreed",
    "agreement_live": "the agreement is in force today, and the owner still shares all that was agreed",
    "mover_uses_nothing": "the mover is not named as a user of the agreement",
    "not_confirmed_today": "nobody confirmed the agreement today",
    "confirmation_overdue": "the day has passed by which the consumer had to confirm that the agreement is still needed",
    "confirmed_in_time": "the consumer has confirmed the need for the agreement, as far as that was due",
    "suspended_unconfirmed": "the agreement was suspended last because nobody had confirmed it",
    "nothing_announced": "no stop of the agreement is announced already",
    "stop_still_to_come": "a stop of the agreement is announced, and its day has not come",
    "announced_day_came": "a stop of the agreement is announced, and its day has come",
    "newer_agreed": "a later version of the agreement was agreed and has not ended",
}


def document() -> str:
    """The whole file, in English whatever the language of the moment."""
    with override("en"):
        return "\n".join([INTRODUCTION, *(_section(table) for table in TABLES), _joint(), "", _rules()])


def _section(table: Table) -> str:
    lines = [
        f"## {table.name.capitalize()}",
        "",
        "| from | move | by | to | rules |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [_row(table, move) for move in table.moves.values()]
    return "\n".join([*lines, "", *_diagram(table), ""])


def _row(table: Table, move: Move) -> str:
    sources = ", ".join(_named(table, status) for status in table.statuses.values if status in move.sources)
    targets = "unchanged" if move.stays else " or ".join(_named(table, status) for status in move.targets)
    return f"| {sources} | {move.label} (`{move.name}`) | {_mover(move)} | {targets} | {_conditions(move)} |"


def _named(table: Table, status: str) -> str:
    return f"{status}{' ●' if status in table.terminal else ''}"


def _mover(move: Move) -> str:
    if move.side == Side.SYSTEM:
        return "the portal"
    by = f"{' or '.join(str(role.label).lower() for role in move.roles)} of the {str(move.side.label).lower()}"
    return f"{by}, or in an emergency an NDC operator" if move.also_operator else by


def _conditions(move: Move) -> str:
    names = [f"`{name}`" for name in move.rules]
    return ", ".join([*(["a reason is given"] if move.needs_reason else []), *names]) or "–"


def _diagram(table: Table) -> list[str]:
    states = {status: status.replace("-", "_") for status in table.statuses.values}
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{status}" as {alias}' for status, alias in states.items() if status != alias]
    lines += [f"    [*] --> {states[status]}" for status in table.initial]
    for source, target in _edges(table):
        names = [m.name for m in table.moves.values() if source in m.sources and target in _targets(m, source)]
        lines.append(f"    {states[source]} --> {states[target]}: {', '.join(names)}")
    lines += [f"    {states[status]} --> [*]" for status in table.terminal]
    return [*lines, "```"]


def _edges(table: Table) -> list[tuple[str, str]]:
    """Every arrow, also one that leads back to its state, in the order of the states."""
    order = {status: number for number, status in enumerate(table.statuses.values)}
    pairs = {(s, t) for move in table.moves.values() for s in move.sources for t in _targets(move, s)}
    return sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))


def _targets(move: Move, source: str) -> tuple[str, ...]:
    return (source,) if move.stays else move.targets


def _joint() -> str:
    """The states of joint requests, by the pairs of states that two parts can be in."""
    example = {}
    for one in REQUEST.statuses.values:
        for other in REQUEST.statuses.values:
            example.setdefault(state_of([one, other]), []).append(f"{one} + {other}")
    lines = [
        "## Joint requests",
        "",
        "One letter may ask several owners: each part is a request of its own, with its own case, letter and agreement.",
        "The state of the whole is not stored. It is computed from its parts: whoever has to act comes first, the asking",
        "agency before the owners; then the outcome.",
        "",
        "| the whole | for example |",
        "| --- | --- |",
    ]
    lines += [f"| {state.label} | {', '.join(example[state][:3])} |" for state in JointState if state in example]
    return "\n".join(lines)


def _rules() -> str:
    lines = ["## Rules", "", "A move is made only if", ""]
    lines += [f"- `{name}`: {words}." for name, words in RULES.items()]
    closing = (
        "Rules about a person hold for whoever decides, and for whoever gave the delegation under which it is done."
    )
    return "\n".join([*lines, "", closing, ""])
