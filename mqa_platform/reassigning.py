"""Giving handoffs to another rep: writing the order where landing finds it, and what it moved.

Belongs here: whom and which days an order is about, and checking it before it is written. Does not belong
here: who gets what by it (``core.routing_fold``) or how it is stored (``sources.reassignments``).
"""

from __future__ import annotations

import difflib
import getpass
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.home import Home
from mqa_platform.inbox_files import write_row
from mqa_platform.marts import Marts, open_marts
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy

Run = Callable[[Home, Window], object]
_OPEN = ("open", "backlog", "accepted")


class ReassignmentError(Exception):
    """The order cannot be written down as it was given; nothing was written."""


@dataclass(frozen=True)
class Move:
    """What somebody orders: from whom, to whom (None: by the rules), which one, the days, why and who.

    ``account`` is an id, domain or name; without ``handoff_id`` and ``account`` all that are open go over.
    """

    from_rep: str
    to_rep: str | None = None
    handoff_id: str | None = None
    account: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    reason: str = ""
    by: str = ""


def reassign(home: Home, move: Move, run: Run) -> dict[str, Any]:
    """Writes an order down, makes the handoffs again, and says which went to whom.

    Args:
        home: the installation.
        move: the order; it holds from the last published day on, unless it says from when.
        run: lands and runs the days of a window.

    Raises:
        MartError: no such account, or no day has been run.
        ReassignmentError: nobody of that name, nothing to move, or a contradiction.
    """
    policy = load_policy(home.policy_folder())
    with open_marts(home) as marts:
        last = marts.last_day()
        row = _checked(marts, move, policy, last)
        before = _owners(marts)
    at = datetime.now(UTC)
    row = {"reassignment_id": uuid4().hex, **row, "at": at}
    file = write_row(home, "reassignments", row, row["reassignment_id"])
    run(home, Window(last, last + ONE_DAY))
    with open_marts(home) as marts:
        after = _owners(marts)
        names = _names(marts)
    moved = [
        {**was, "from_rep": was["rep_id"], "to_rep": after[handoff]["rep_id"]}
        for handoff, was in sorted(before.items())
        if handoff in after and after[handoff]["rep_id"] != was["rep_id"]
    ]
    for one in moved:
        del one["rep_id"]
        one["to_name"] = names.get(one["to_rep"])
    return {**row, "file": file, "moved": moved}


def _checked(marts: Marts, move: Move, policy: Policy, last: date) -> dict[str, Any]:
    """The order with everything it leaves open filled in.

    Raises:
        ReassignmentError: it contradicts itself, or lacks what it needs.
    """
    if not any(s.connector == "reassignments" for s in policy.sources.sources.values()):
        raise ReassignmentError(
            "sources.yaml has no source with the connector reassignments; add one with the path "
            "${MQA_HOME}/inbox/reassignments/*.jsonl"
        )
    if not move.reason.strip():
        raise ReassignmentError("say why: --reason")
    starts_on = move.starts_on or last
    if move.ends_on is not None and move.ends_on <= starts_on:
        raise ReassignmentError(f"it would end on {move.ends_on}, and begins on {starts_on}")
    names, queues = _names(marts), _queues(policy)
    from_rep = _rep(move.from_rep, names, queues | {h["rep_id"] for h in _owners(marts).values()})
    to_rep = None if move.to_rep is None else _rep(move.to_rep, names, queues)
    if from_rep == to_rep:
        raise ReassignmentError(f"{from_rep} has them already")
    if to_rep is not None and to_rep not in queues:
        _must_work_here(marts, to_rep)
    mine = {h: r for h, r in _owners(marts).items() if r["rep_id"] == from_rep}
    handoff = _one(marts, move, mine, last)
    if to_rep in queues:
        must_be_their_queue(
            policy, to_rep, {mine[h]["motion"] for h in ([handoff] if handoff else mine)}
        )
    if not mine and move.ends_on is None and starts_on <= last:
        raise ReassignmentError(f"{move.from_rep} has no open handoff as of {last}")
    return {
        "from_rep": from_rep, "to_rep": to_rep, "handoff_id": handoff, "starts_on": starts_on,
        "ends_on": move.ends_on, "reason": move.reason.strip(),
        "by": move.by.strip() or getpass.getuser(),
    }  # fmt: skip


def _one(marts: Marts, move: Move, mine: dict[str, dict[str, Any]], last: date) -> str | None:
    """The single handoff an order is about; None for all."""
    if move.account is not None:
        account = marts.account(move.account, last)["account_id"]
        found = [h for h, row in sorted(mine.items()) if row["account_id"] == account]
        if len(found) != 1:
            told = f"has {len(found)} open handoffs of it; name one with --handoff"
            raise ReassignmentError(f"{move.from_rep} {told if found else 'has none of it open'}")
        return found[0]
    if move.handoff_id is not None and move.handoff_id not in mine:
        raise ReassignmentError(f"{move.from_rep} has no open handoff {move.handoff_id!r}")
    return move.handoff_id


def _owners(marts: Marts) -> dict[str, dict[str, Any]]:
    """Open handoffs by id, with account and rep."""
    h = marts.table("handoffs")
    open_ones = h.filter(h["status"].isin(_OPEN))
    rows = marts.rows(open_ones.select("handoff_id", "account_id", "motion", "rep_id"))
    return {row["handoff_id"]: row for row in rows}


def _names(marts: Marts) -> dict[str, str | None]:
    c = marts.table("capacity")
    rows = marts.rows(c.filter(c["valid_to"].isnull()).select("user_id", "name", "is_active"))
    return {row["user_id"]: row["name"] for row in rows if row["is_active"] is not None}


def _must_work_here(marts: Marts, user: str) -> None:
    c = marts.table("capacity")
    rows = marts.rows(c.filter(c["valid_to"].isnull() & (c["user_id"] == user)))
    if not rows or not rows[0]["is_active"]:
        raise ReassignmentError(f"{user} is not active in the CRM; name somebody who is")


def must_be_their_queue(policy: Policy, queue: str, motions: set[str]) -> None:
    """Refuse a queue that a motion of the handoffs does not have: the order would move nothing.

    Raises:
        ReassignmentError: it is neither fallback nor marketing queue of one of ``motions``.
    """
    for name in sorted(motions):
        own = policy.of_motion(name).routing
        if queue not in (own.fallback_queue, own.marketing_queue):
            raise ReassignmentError(
                f"{queue} is no queue of {name}; name {own.fallback_queue} or {own.marketing_queue}, or "
                "reassign handoffs of one motion at a time with --handoff"
            )


def _queues(policy: Policy) -> set[str]:
    return {
        queue
        for motion in policy.motions()
        for queue in (motion.routing.fallback_queue, motion.routing.marketing_queue)
    }


def _rep(wanted: str, names: dict[str, str | None], others: set[str]) -> str:
    """A rep by id or name, or a queue.

    Raises:
        ReassignmentError: nobody, or several of that name.
    """
    word = wanted.strip()
    if word in names or word in others:
        return word
    found = sorted(u for u, name in names.items() if (name or "").lower() == word.lower())
    if len(found) == 1:
        return found[0]
    if found:
        raise ReassignmentError(f"{wanted!r} is the name of several reps: {', '.join(found)}")
    known = [*names, *filter(None, names.values()), *others]
    near = difflib.get_close_matches(word, known, n=3)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise ReassignmentError(f"no rep or queue {wanted!r}{hint}")
