"""Reps whose working time cannot be read: the published ``calendar_problems``.

Belongs here: the cause and the remedy of each, for reps who have handoffs. Does not belong here: what stands
in meanwhile (``calendars``), or accounts that nobody gets (``routing``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.business_time import REACH_DAYS, openings
from mqa_platform.core.calendars import REMEDIES, working_time
from mqa_platform.core.clocks import Apply
from mqa_platform.core.experiments import HOLDOUT
from mqa_platform.core.expressions import in_force, newest_first, one_of, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.models import Policy

PROBLEMS: Final = pa.schema(
    [
        ("rep_id", pa.string()),
        ("cause", pa.string()),
        ("value", pa.string()),
        ("remedy", pa.string()),
        ("handoffs", pa.int64()),
    ]
)
_LONGEST: Final = 200
_EPOCH: Final = date(1970, 1, 1)


def calendar_problems(
    calendars: ir.Table, handoffs: ir.Table, policy: Policy, as_of: date, apply: Apply
) -> ir.Table:
    """One row a rep who has handoffs and thing that is wrong with the rep's calendar on a day.

    Args:
        calendars: rows of ``calendars.CALENDAR``.
        handoffs: all of them.
        policy: of all motions; its queues have no calendar of their own.
        as_of: the day.
        apply: of the session.

    Returns:
        rep_id, cause, value (what was written), remedy, and handoffs, how many the rep has been given.
    """
    queues = [
        queue
        for p in policy.motions()
        for queue in (p.routing.fallback_queue, *p.routing.silent_queues, p.sla.reassign_to)
    ]
    # The queue of an experiment that is over is one no more, and still nobody.
    held_out = handoffs["route_rule"] == HOLDOUT
    h = handoffs.filter(~one_of(handoffs["rep_id"], queues) & ~held_out)
    given = h.group_by("rep_id").aggregate(handoffs=h.count())
    c = calendars.filter(in_force(calendars, ibis.literal(as_of)))
    c = newest_first(c, ["rep_id"], [c["valid_from"].desc(), c["calendar"]])
    c = c.select("calendar", "problems", c_rep="rep_id")
    t = given.left_join(c, [("rep_id", "c_rep")]).drop("c_rep")
    return apply(_problems_kernel(as_of), t.mutate(shard=shard(t["rep_id"])), "shard")


def _problems_kernel(as_of: date) -> Kernel:
    def run(table: pa.Table) -> pa.Table:
        rows = sorted(table.to_pylist(), key=lambda r: r["rep_id"])
        made = [
            {"rep_id": row["rep_id"], "cause": cause, "value": value[:_LONGEST] or None,
             "remedy": REMEDIES[cause], "handoffs": row["handoffs"]}
            for row in rows
            for cause, value in dict(_found(row, as_of)).items()
        ]  # fmt: skip
        return pa.Table.from_pylist(made, schema=PROBLEMS)

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(PROBLEMS.names, ("problems", "calendar"))
    lineage |= {"rep_id": ("rep_id",), "handoffs": ("handoffs",)}
    return Kernel("calendar_problems", run, PROBLEMS, lineage)


def _found(row: dict[str, Any], as_of: date) -> Iterator[tuple[str, str]]:
    if row["calendar"] is None:
        yield "no_calendar", ""
        return
    yield from json.loads(row["problems"])
    first = (as_of - _EPOCH).days
    if not len(openings(working_time(row["calendar"]), first, first + REACH_DAYS).starts):
        yield "no_working_time", ""
