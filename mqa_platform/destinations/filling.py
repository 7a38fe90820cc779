"""Filling the outbox: what the published tables say is to be told is entered, and what is over is given up.

Belongs here: the order in which that is done, and which facts of the journal the rules are asked with. Does
not belong here: the rules (``core.outbox``, ``core.turns``, ``core.sla_messages``), what a message holds
(``payloads``), or sending it (``outbox``).

Nothing here calls anybody: it is done while the warehouse is open, and sending begins after it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from mqa_platform.core import outbox as core
from mqa_platform.core.sla_messages import sla_intents
from mqa_platform.core.turns import BUDGETED, Turns, Waiting, turns
from mqa_platform.destinations.channel import Message
from mqa_platform.destinations.digests import digests
from mqa_platform.destinations.entries import WAITING
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.payloads import payloads
from mqa_platform.destinations.told import Told
from mqa_platform.policy.models import Policy

Row = Mapping[str, Any]


@dataclass
class Filled:
    """What filling did: messages entered, released and given up, and who waits for what.

    ``over`` are messages that nobody needs any more and that may have been sent: key → reason. They are
    given up once the channel says that it has not got them.
    """

    entered: int = 0
    released: int = 0
    given_up: int = 0
    held: dict[str, str] = field(default_factory=dict)
    over: dict[str, str] = field(default_factory=dict)


def fill(
    session: Any,
    journal: Journal,
    policy: Policy,
    kinds: Mapping[str, Sequence[str]],
    now: datetime,
    notes: Sequence[str] = (),
) -> Filled:
    """Enters what is to be told, gives up what is over, and releases what may go out today.

    Args:
        session: an open session of the warehouse.
        journal: of the installation.
        policy: in force today, of all motions.
        kinds: of ``channels.kinds_of``.
        now: the moment.
        notes: what every digest says beside its reader's accounts.
    """
    days = session.days("stages")
    if not days:
        return Filled()
    handoffs = session.table("handoffs")
    open_now = session.keep(core.open_handoffs(handoffs, session.table("stages"), days[-1]))
    told = Told.of(session, journal, handoffs, open_now)
    filled = Filled(over=told.over(unanswered=True), given_up=journal.bury(told.over()))
    new_ones = list(_handoffs(session, open_now, policy, now))
    intents = [
        *new_ones,
        *_updates(session, told, policy, now),
        *_clocks(session, handoffs, policy, now, told.of_whom(new_ones, kinds)),
    ]
    new = list(_messages(intents, told, kinds))
    filled.entered = journal.enter(new, now, released=False)
    back = journal.take_back([*told.with_another(), *told.wanted_again(new_ones)])
    if filled.entered or filled.given_up or back:
        told = Told.of(session, journal, handoffs, open_now)
    turn = _turns(session, journal, told, policy, now)
    filled.held = turn.held
    ready = _with_payloads(session, journal, told, turn, policy, now)
    over = {k: "its handoff is not published any more" for k in turn.released if k not in ready}
    filled.given_up += journal.bury(over)
    journal.release(list(ready.values()), now)
    filled.released = len(ready)
    made = digests(session, journal, told, turn.held, policy, kinds, now, notes)
    filled.entered += journal.enter(made.messages, now)
    filled.released += len(made.messages)
    journal.bury(made.told_in_them)
    return filled


def _handoffs(session: Any, open_now: Any, policy: Policy, now: datetime) -> Iterator[Row]:
    decided = session.table("decisions")
    rows = list(session.rows(core.handoff_intents(open_now, decided, policy, now)))
    late = session.keep(core.known_late(open_now, decided, policy, now))
    if session.rows(late.limit(1)):
        looks_back = max(each.signals.lookback_days for each in policy.motions())
        since = core.oldest_news(policy, now).date() - timedelta(days=looks_back)
        arrived = _arrived(session, late, since)
        rows += session.rows(core.late_news(late, arrived, policy, now))
    for row in rows:
        yield {**row, "kind": "handoff", "subject": row["handoff_id"]}


def _arrived(session: Any, accounts: Any, since: date) -> Any:
    """Touchpoints of some accounts with when they arrived."""
    names = ("touchpoints", "signals", "landed_batches")
    touchpoints, signals, batches = map(session.table, names)
    return core.arrivals_of(touchpoints, signals, batches, accounts, since)


def _updates(session: Any, told: Told, policy: Policy, now: datetime) -> Iterator[Row]:
    """News on handoffs of which somebody was told already."""
    waiting = told.last_told()
    if not waiting:
        return
    schema = {
        "handoff_id": "string", "account_id": "string", "motion": "string", "rep_id": "string",
        "created_on": "date", "told_at": "timestamp('UTC')",
    }  # fmt: skip
    known = told.constant(session, "told_of", waiting, schema)
    arrived = session.keep(_arrived(session, known, core.oldest_news(policy, now).date()))
    for motion in policy.motions():
        mine = known.filter(known["motion"] == motion.program.motion)
        for row in session.rows(core.update_intents(mine, arrived, motion, now)):
            subject = f"{row['handoff_id']}:update:{row['content']}"
            yield {**row, "kind": "update", "subject": subject, "at": row["told_at"]}


def _clocks(
    session: Any, handoffs: Any, policy: Policy, now: datetime, told_of: set[str]
) -> Iterator[Row]:
    """What clocks set off; nobody is reminded of what he is only being told of now.

    A handoff that a channel tells of has its clock from there, and the one of the worklist counts no more:
    it is in the tables until the next refresh.
    """
    since = now - timedelta(days=policy.delivery.delivery_window_days)
    events = session.table("sla_events")
    days = session.table("handoffs").select("handoff_id", "created_on", "delivered_via")
    found = sla_intents(events, handoffs, policy, since, now).join(days, "handoff_id")
    for row in session.rows(found):
        if row["delivered_via"] == "channel" or row["handoff_id"] not in told_of:
            yield row


def _messages(
    intents: Sequence[Row], told: Told, kinds: Mapping[str, Sequence[str]]
) -> Iterator[Message]:
    """A message a channel that takes the kind; none of a handoff that this channel was told of."""
    for row in intents:
        for channel, takes in kinds.items():
            if row["kind"] not in takes or told.knows(row, channel):
                continue
            # What is known now and cannot be read from the tables later.
            about = {"event": row.get("event"), "at": row["at"].astimezone(UTC).isoformat()}
            yield Message(
                f"{row['subject']}:{channel}", channel, row["kind"], row["handoff_id"],
                row["account_id"], row["motion"], row["rep_id"], about, row["created_on"],
            )  # fmt: skip


def _turns(session: Any, journal: Journal, told: Told, policy: Policy, now: datetime) -> Turns:
    """Whose turn it is, by what each rep was told of today."""
    ranks = {
        row["handoff_id"]: row["rank"]
        for row in session.rows(session.table("worklist").select("handoff_id", "rank"))
    }
    midnight = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    new: dict[str, set[str]] = defaultdict(set)
    alerts = set()
    for let_go in journal.told(released_since=midnight):
        if let_go["kind"] == "handoff":
            new[let_go["rep_id"]].add(let_go["handoff_id"])
        if let_go["kind"] in BUDGETED:
            alerts.add((let_go["rep_id"], _subject(let_go)))
    waiting = []
    for row in told.rows:
        if row["state"] in WAITING and row["released_at"] is None:
            handoff = told.now_of(row)
            rep = told.reader(row)
            subject = handoff if row["kind"] == "handoff" else _subject(row)
            rank = float(ranks.get(handoff, len(ranks) + 1))
            waiting.append(Waiting(row["key"], row["kind"], subject, rep, (rank,)))
    spent = Counter(rep for rep, _ in alerts)
    return turns(waiting, new, spent, policy.delivery)


def _subject(row: Row) -> str:
    return row["key"].removesuffix(f":{row['channel']}")


def _with_payloads(
    session: Any, journal: Journal, told: Told, turn: Turns, policy: Policy, now: datetime
) -> dict[str, Message]:
    """The released messages with what they say, in order; to whom the handoff belongs now."""
    messages = {entry.key: entry.message for entry in journal.of_keys(turn.released)}
    rows = {row["key"]: row for row in told.rows}
    asked: list[dict[str, Any]] = []
    for key, message in messages.items():
        at = datetime.fromisoformat(message.payload["at"])
        intent = {"key": key, "kind": message.kind, "event": message.payload.get("event"), "at": at}
        intent |= {"handoff_id": told.now_of(rows[key]), "rep_id": told.reader(rows[key])}
        # An update says what came since its rep was told last, which is the moment it is about.
        asked.append({**intent, "since": at if message.kind == "update" else None})
    made = payloads(session, asked, policy, now=now)
    ready = {}
    for intent in (i for i in asked if i["key"] in made):
        key, payload = intent["key"], dict(made[intent["key"]])
        sent = told.sent_as(intent["handoff_id"], messages[key].channel)
        if intent["kind"] == "update" and sent:
            payload["sent_as"] = sent
        now_its = {"rep_id": intent["rep_id"], "handoff_id": intent["handoff_id"]}
        ready[key] = replace(messages[key], payload=payload, **now_its)
    return ready
