"""The backlog let out at capacity: when a rep may begin with an account that was hot before anyone looked.

Belongs here: the queue of each rep. Does not belong here: what is backlog (``ladder``), or the order in
which open handoffs are worked (``worklist``).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.episodes import with_course
from mqa_platform.core.expressions import shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.window import ONE_DAY
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
_WORKDAYS = 5
_RELEASE = pa.schema([("handoff_id", pa.string()), ("released_on", pa.date32())])


def with_release(
    handoffs: ir.Table, users: ir.Table, policy: Policy, transitions: ir.Table, apply: Apply
) -> ir.Table:
    """Handoffs with ``released_on``: the day of the entry, for backlog the day its turn comes.

    A rep is given ``capacity_per_week`` spread over the five working days, where the CRM has none or it is
    a queue ``routing.backlog_per_rep_day`` on each of them. The highest score goes first, whatever motion
    or promotion it came with. Everything that ever was backlog is in the queue, so what became of it later
    moves no turn of the past; what left the rung before its turn gives it to the next and has no day.

    Args:
        handoffs: of all motions and policies, as ``handoffs.handoffs`` makes them.
        users: versions of reps; the newest counts.
        policy: the policy in force today.
        transitions: stage_transitions, complete.
        apply: of the session.
    """
    whole = with_course(handoffs, transitions)
    backlog = whole.filter(whole["was_backlog"])
    now = users.filter(users["valid_to"].isnull()).select("capacity_per_week", of_rep="user_id")
    t = backlog.left_join(now, [("rep_id", "of_rep")])
    t = t.select(
        "handoff_id", "rep_id", "created_on", "left_on", "capacity_per_week",
        score=t["score"].cast("float64").fill_null(0.0),
    )  # fmt: skip
    kernel = _releases(policy.routing.backlog_per_rep_day)
    turns = apply(kernel, t.mutate(shard=shard(t["rep_id"])), "shard")
    turns = turns.select(turn_of="handoff_id", turn="released_on")
    rest = [c for c in handoffs.columns if c != "released_on"]
    both = whole.left_join(turns, [("handoff_id", "turn_of")])
    day = ibis.ifelse(both["was_backlog"], both["turn"], both["created_on"])
    return both.select(*rest, released_on=day).select(*handoffs.columns)


def _releases(otherwise: int) -> Kernel:
    """Kernel: backlog handoffs → the day on which each is released."""

    def run(table: pa.Table) -> pa.Table:
        queues: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in table.to_pylist():
            queues[row["rep_id"]].append(row)
        turns = [turn for rep in sorted(queues) for turn in _turns(queues[rep], otherwise)]
        ids, days = zip(*turns, strict=True) if turns else ((), ())
        return pa.table({"handoff_id": list(ids), "released_on": list(days)}, schema=_RELEASE)

    needs = ("rep_id", "created_on", "left_on", "score", "capacity_per_week")
    lineage = {"handoff_id": ("handoff_id",), "released_on": needs}
    return Kernel("releases", run, _RELEASE, lineage)


def _turns(rows: list[dict[str, Any]], otherwise: int) -> Iterator[tuple[str, date]]:
    """One rep's handoffs with their days: what waits, best first, so many a day.

    Who left on the day of its turn has had it: only what happened before a day counts for it.
    """
    weekly = rows[0]["capacity_per_week"]
    coming = sorted(rows, key=lambda r: (r["created_on"], r["handoff_id"]), reverse=True)
    waiting: list[tuple[float, str, date]] = []
    day: date = coming[-1]["created_on"]
    while coming or waiting:
        if not waiting and coming[-1]["created_on"] > day:
            day = coming[-1]["created_on"]
        while coming and coming[-1]["created_on"] <= day:
            row = coming.pop()
            heapq.heappush(waiting, (-row["score"], row["handoff_id"], row["left_on"] or date.max))
        given = 0
        most = _allowance(day, weekly, otherwise)
        while waiting and given < most:
            _, handoff, left = heapq.heappop(waiting)
            if left >= day:
                given += 1
                yield handoff, day
        day += ONE_DAY


def _allowance(day: date, weekly: int | None, otherwise: int) -> int:
    """How many a rep is given on a day: none at the weekend, a week's capacity over the days before it."""
    worked = day.weekday()
    if worked >= _WORKDAYS:
        return 0
    if weekly and weekly > 0:
        return (worked + 1) * weekly // _WORKDAYS - worked * weekly // _WORKDAYS
    return otherwise
