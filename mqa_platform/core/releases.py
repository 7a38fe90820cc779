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
from mqa_platform.core.experiments import HOLDOUT
from mqa_platform.core.expressions import in_force, newest_first, shard
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
    or promotion it came with. Everything that ever was backlog is in the queue of who had it first, at the
    capacity in force when the latest of them came, so what became of it later, whoever has it now, moves no
    turn of the past; what left the rung before its turn gives it to the next and has no day.

    Args:
        handoffs: of all motions and policies, as ``handoffs.handoffs`` makes them.
        users: versions of reps; the one in force on the day of an entry counts.
        policy: the policy in force today.
        transitions: stage_transitions, complete.
        apply: of the session.
    """
    whole = with_course(handoffs, transitions)
    # What is held out waits for no turn.
    waits = whole["was_backlog"] & (whole["route_rule"] != HOLDOUT)
    whole = whole.mutate(waits=waits)
    backlog = whole.filter(whole["waits"])
    t = backlog.select(
        "handoff_id", "created_on", "left_on",
        rep_id=ibis.coalesce(backlog["first_rep_id"], backlog["rep_id"]),
        score=backlog["score"].cast("float64").fill_null(0.0),
    )  # fmt: skip
    t = _with_capacity(t, users)
    kernel = _releases(policy.routing.backlog_per_rep_day)
    turns = apply(kernel, t.mutate(shard=shard(t["rep_id"])), "shard")
    turns = turns.select(turn_of="handoff_id", turn="released_on")
    rest = [c for c in handoffs.columns if c != "released_on"]
    both = whole.left_join(turns, [("handoff_id", "turn_of")])
    day = ibis.ifelse(both["waits"], both["turn"], both["released_on"])
    return both.select(*rest, released_on=day).select(*handoffs.columns)


def _with_capacity(t: ir.Table, users: ir.Table) -> ir.Table:
    """Each row with ``capacity_per_week`` of its rep on the day of its entry, null where none is known."""
    u = users.select("valid_from", "valid_to", "capacity_per_week", of_rep="user_id")
    u = t.select("handoff_id", "rep_id", "created_on").join(u, [("rep_id", "of_rep")])
    u = u.filter(in_force(u, u["created_on"]))
    u = newest_first(
        u, ["handoff_id"], [u["valid_from"].desc(), u["capacity_per_week"].asc(nulls_first=False)]
    )
    u = u.select("capacity_per_week", of_handoff="handoff_id")
    return t.left_join(u, [("handoff_id", "of_handoff")]).drop("of_handoff")


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
    coming = sorted(rows, key=lambda r: (r["created_on"], r["handoff_id"]), reverse=True)
    waiting: list[tuple[float, str, date]] = []
    day: date = coming[-1]["created_on"]
    weekly: int | None = None
    while coming or waiting:
        if not waiting and coming[-1]["created_on"] > day:
            day = coming[-1]["created_on"]
        while coming and coming[-1]["created_on"] <= day:
            row = coming.pop()
            weekly = row["capacity_per_week"]
            heapq.heappush(waiting, (-row["score"], row["handoff_id"], row["left_on"] or date.max))
        if weekly is not None and weekly <= 0:
            # Nothing is given until a later entry comes with a capacity.
            if not coming:
                return
            day = max(day + ONE_DAY, coming[-1]["created_on"])
            continue
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
