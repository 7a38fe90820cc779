"""Answers given in Slack, on their way to the CRM: what the receiver has kept becomes messages.

Belongs here: reading the presses, and entering what follows from each once. Does not belong here: whether an
answer counts (``answer_rules``), sending (``outbox``), or receiving (``receiver``).

An answer is a message of the channel ``crm_answer``; what becomes of it there is told in Slack afterwards, so
nobody reads "accepted" that the CRM does not have. The landing reads the CRM's fields back as facts; nothing
here changes a table. A press is known by its id, so the same one is carried out once, whoever delivers it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import ibis

from mqa_platform.core.crm import latest
from mqa_platform.core.decisions import within_episode
from mqa_platform.destinations import entries as states
from mqa_platform.destinations.answer_replies import (
    CRM_ANSWER,
    SLACK,
    SUPERSEDED,
    crm_key,
    reply,
    reply_key,
    tell,
)
from mqa_platform.destinations.answer_rules import ANSWERED, Rules, refusal, said, until
from mqa_platform.destinations.channel import DestinationError, Message
from mqa_platform.destinations.entries import Entry
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.payloads import Tables
from mqa_platform.destinations.slack_client import LaterError
from mqa_platform.home import Home
from mqa_platform.inbox_files import write_row
from mqa_platform.policy.models import Policy
from mqa_platform.reports.slack_actions import Action, NotAnAnswerError, parsed
from mqa_platform.sources.envelopes import opened
from mqa_platform.sources.landed import SourceError

Row = dict[str, Any]


class Directory(Protocol):
    """Says who of the CRM a Slack user is; see ``slack_people.People``."""

    def of(self, slack_user: str, users: list[Row]) -> Mapping[str, Any] | None:
        """The CRM user, None where there is none."""


@dataclass
class Taken:
    """What became of the presses that nobody had looked at.

    Attributes:
        counted: answers on their way.
        refused: answers that do not count; whoever gave them is told.
        replies: messages for Slack that were entered.
        later: file → why it could not be decided yet.
        unreadable: file → why it says nothing.
    """

    counted: int = 0
    refused: int = 0
    replies: int = 0
    later: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def taken(
    home: Home,
    journal: Journal,
    tables: Tables,
    policy: Policy,
    people: Directory,
    now: datetime,
) -> Taken:
    """Enters what follows from presses that are new, and tells of answers that have arrived or failed.

    Call it before the outbox sends, and once more after it, so that Slack says at once what the CRM took.

    Args:
        home: whose inbox has the presses.
        journal: of the outbox.
        tables: handoffs and crm_users as published.
        policy: who may answer, and whether the CRM takes answers.
        people: who is who; it may ask Slack.
        now: the moment.
    """
    done = Taken()
    found = _pressed(home, policy, now, done)
    known = journal.known(
        [key for _, a in found for key in (crm_key(a.action_id), reply_key(a.action_id))]
    )
    new = [
        (path, a) for path, a in found if not {crm_key(a.action_id), reply_key(a.action_id)} & known
    ]
    if new:
        _decide(
            home,
            journal,
            _Known(tables, journal, [a for _, a in new]),
            policy,
            people,
            now,
            new,
            done,
        )
    done.replies += tell(journal, now)
    return done


class _Known:
    """The rows that presses are about."""

    def __init__(self, tables: Tables, journal: Journal, actions: Sequence[Action]) -> None:
        h = tables.table("handoffs")
        wanted = sorted({action.handoff_id for action in actions})
        columns = ("handoff_id", "account_id", "motion", "rep_id", "status", "over_on")
        rows = tables.rows(h.filter(h["handoff_id"].isin(wanted)).select(*columns))
        for handoff_id in set(wanted) - {row["handoff_id"] for row in rows}:
            sent = _sent(journal, handoff_id)
            if sent is None or sent.created_on is None:
                continue
            # Late data that moves an entry gives the handoff another id; the buttons have that of then.
            same = (h["account_id"] == sent.account_id) & (h["motion"] == sent.motion)
            found = h.filter(same & within_episode(ibis.literal(sent.created_on), h))
            found = found.order_by(h["created_on"].desc()).limit(1).select(*columns)
            rows += [{**row, "handoff_id": handoff_id} for row in tables.rows(found)]
        c = latest(tables.table("crm_accounts"))
        of_these = c.filter(c["account_id"].isin(sorted({row["account_id"] for row in rows})))
        standing = {
            row["account_id"]: (row["sales_status"], row["sales_status_reason"])
            for row in tables.rows(
                of_these.select("account_id", "sales_status", "sales_status_reason")
            )
        }
        self.handoffs: dict[str, Row] = {
            row["handoff_id"]: {**row, "standing": standing.get(row["account_id"])} for row in rows
        }
        u = latest(tables.table("crm_users"))
        told = tables.rows(u.filter(u["is_active"]).select("user_id", "name", "email", "team"))
        self.users: list[Row] = told

    def rep(self, handoff: Row | None) -> Row | None:
        """The CRM user who has a handoff; None of a queue."""
        mine = handoff and handoff["rep_id"]
        return next((user for user in self.users if user["user_id"] == mine), None)


def _pressed(home: Home, policy: Policy, now: datetime, done: Taken) -> list[tuple[str, Action]]:
    """The presses of the last days, in the order in which they were made."""
    first = (now - timedelta(days=policy.delivery.answers.read_days)).date().isoformat()
    found = []
    for path in sorted((home.inbox / "received" / SLACK).glob("[0-9]*/*.json")):
        if path.parent.name < first:
            continue
        try:
            envelope = opened(path)
            body = envelope.body if envelope and isinstance(envelope.body, dict) else {}
            found += [(_name(path), action) for action in parsed(body)]
        except (SourceError, NotAnAnswerError, OSError) as problem:
            done.unreadable[_name(path)] = str(problem)
    return sorted(found, key=lambda one: (one[1].at, one[1].action_id))


def _decide(
    home: Home,
    journal: Journal,
    known: _Known,
    policy: Policy,
    people: Directory,
    now: datetime,
    new: Sequence[tuple[str, Action]],
    done: Taken,
) -> None:
    crm = policy.write_back
    rules = Rules(
        policy.delivery.answers,
        policy.sla,
        writes=crm.crm != "none" and crm.answers is not None,
        snoozes=any(s.connector == "overrides" for s in policy.sources.sources.values()),
    )
    waits: set[str] = set()
    for path, action in new:
        if action.handoff_id in waits:
            done.later[path] = "an earlier answer waits"
            continue
        handoff = known.handoffs.get(action.handoff_id) or _as_told(journal, action.handoff_id)
        try:
            person = people.of(action.user_id, known.users)
        except (LaterError, DestinationError, OSError) as problem:
            # Not to be told who it is does not make it nobody; no later answer of the handoff goes before it.
            done.later[path] = str(problem)
            waits.add(action.handoff_id)
            continue
        why = refusal(action, handoff, person, known.rep(handoff), rules)
        why = why or _answered_so(journal, action)
        if why is not None or handoff is None or person is None:
            journal.enter([reply(action, handoff, why or "", is_private=True)], now)
            done.refused += 1
            continue
        _carry_out(home, journal, action, handoff, person, rules.writes, now)
        done.counted += 1


def _sent(journal: Journal, handoff_id: str) -> Message | None:
    """The message by which somebody was told of a handoff."""
    sent = [e for e in journal.of_handoffs([handoff_id]) if e.state == states.SENT]
    told = [e.message for e in sent if e.message.kind in ("handoff", "update")]
    return told[0] if told else None


def _as_told(journal: Journal, handoff_id: str) -> Row | None:
    """A handoff as it was told of: the run that published it may not have reached its readers yet."""
    told = _sent(journal, handoff_id)
    if told is None:
        return None
    columns = ("handoff_id", "account_id", "motion", "rep_id")
    return {**{c: getattr(told, c) for c in columns}, "status": "open", "over_on": None}


def _answers_of(journal: Journal, handoff_id: str) -> list[Entry]:
    """What was answered of a handoff and is not given up, the newest last."""
    found = [
        entry
        for entry in journal.of_handoffs([handoff_id])
        if entry.message.channel == CRM_ANSWER and entry.state != states.DEAD
    ]
    return sorted(found, key=lambda entry: str(entry.message.payload["at"]))


def _answered_so(journal: Journal, action: Action) -> str | None:
    """That the same was answered before, or something else since; None where this answer is news."""
    before = _answers_of(journal, action.handoff_id)
    if not before:
        return None
    last, end = before[-1].message.payload, until(action)
    if datetime.fromisoformat(str(last["at"])) > action.at:
        return f"{said(last)} That answer came later, so nothing was done."
    mine = (ANSWERED[action.kind], action.reason, end.isoformat() if end else None)
    same = mine == (last["answer"], last["reason"], last["until"])
    return f"{said(last)} So nothing was done again." if same else None


def _carry_out(
    home: Home,
    journal: Journal,
    action: Action,
    handoff: Row,
    person: Mapping[str, Any],
    writes: bool,
    now: datetime,
) -> None:
    """Writes a snooze where landing finds it, and enters the answer; the last word of a handoff holds."""
    end = until(action)
    answer = {
        "answer": ANSWERED[action.kind],
        "reason": action.reason,
        "until": end.isoformat() if end else None,
        "by": str(person["user_id"]),
        "by_name": str(person["name"] or action.user_name),
        "at": action.at.isoformat(),
        "slack": {
            "channel": action.channel_id,
            "ts": action.message_ts,
            "user": action.user_id,
        },
    }
    if action.kind == "snooze":
        # The same press makes the same file, should this be done again.
        row = {
            "override_id": action.action_id, "account_id": handoff["account_id"],
            "motion": handoff["motion"], "action": "snooze", "starts_on": action.at.date(),
            "ends_on": end, "reason": "snoozed in Slack", "by": answer["by"], "at": action.at,
        }  # fmt: skip
        write_row(home, "overrides", row, action.action_id)
    if not writes:
        told = reply(action, handoff, said(answer), keeps_buttons=action.kind == "snooze")
        journal.enter([told], now)
        return
    waiting = [e for e in _answers_of(journal, action.handoff_id) if e.state in states.WAITING]
    journal.bury({entry.key: SUPERSEDED for entry in waiting})
    message = Message(
        crm_key(action.action_id), CRM_ANSWER, "answer", action.handoff_id,
        handoff["account_id"], handoff["motion"], handoff["rep_id"], answer,
    )  # fmt: skip
    journal.enter([message], now)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
