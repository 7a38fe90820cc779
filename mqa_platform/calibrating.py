"""A threshold proposal out of the published tables: for the asset, and for ``mqa calibrate`` on any day.

Belongs here: what is read for it and how the pieces are put together. Does not belong here: the pieces
(``core.calibration``), publishing (``assets.calibration``) or the policy folder of a proposal (``proposing``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir

from mqa_platform.core.accounts import in_motion
from mqa_platform.core.calibration.curve import curve_rows, curves, found_deals, outcomes, weekly
from mqa_platform.core.calibration.entries import candidates, entries, thresholds
from mqa_platform.core.calibration.proposals import changed_accounts, lowering, proposal_rows
from mqa_platform.core.calibration.room import RepWeek, fills_room, room, weekly_room
from mqa_platform.core.calibration.solver import Solution, lowest_legal, solve
from mqa_platform.core.history import PolicyHistory
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.marts import Marts
from mqa_platform.policy.models import Policy

# Precision needs episodes whose window is over: a year of scores holds three quarters of them.
HISTORY_DAYS = 365
Rows = list[dict[str, Any]]


class Tables(Protocol):
    """Published tables that can be computed with: a warehouse session, or ``Reading`` of the marts."""

    def table(self, name: str) -> ir.Table:
        """A published table."""
        ...

    def rows(self, expr: ir.Table) -> Rows:
        """The rows of a small result."""
        ...

    def keep(self, expr: ir.Table) -> ir.Table:
        """The rows of an expression, computed once."""
        ...

    def apply(self, kernel: Kernel, expr: ir.Table, shard_by: str) -> ir.Table:
        """What a kernel makes of the rows."""
        ...


class Reading:
    """The marts as ``Tables``: kernels run in memory, and nothing is written."""

    def __init__(self, marts: Marts) -> None:
        self.table: Callable[[str], ir.Table] = marts.table
        self.rows: Callable[[ir.Table], Rows] = marts.rows
        self._arrow = marts.arrow

    def keep(self, expr: ir.Table) -> ir.Table:
        """See ``Tables``."""
        return ibis.memtable(self._arrow(expr))

    def apply(self, kernel: Kernel, expr: ir.Table, shard_by: str) -> ir.Table:
        """See ``Tables``; all shards in one call."""
        given = self._arrow(expr)
        made = kernel.fn(given) if given.num_rows else kernel.schema.empty_table()
        return ibis.memtable(made.cast(kernel.schema))


@dataclass(frozen=True)
class Proposed:
    """One proposal: rows a tier, the curve, the room, and the accounts that enter or leave as a table."""

    as_of: date
    motion: str
    version: str
    solution: Solution
    tiers: Rows
    curve: Rows
    room: list[RepWeek]
    accounts: ir.Table


def proposal(tables: Tables, history: PolicyHistory, as_of: date) -> Proposed:
    """The proposal for the leading motion, from what was published up to a day.

    What other motions hand to the same reps takes room first, as many a week as in the weeks before.
    """
    effective = history.effective_on(as_of)
    policy = effective.policy.motions()[0]
    motion, rules = policy.program.motion, policy.calibration
    scores = tables.table("scores")
    scores = scores.filter((scores["motion"] == motion) & (scores["score_date"] <= as_of))
    first = _first_day(tables, scores, as_of)
    accounts = in_motion(tables.table("accounts"), tables.table("account_fit"), motion)
    window = Window(first, as_of + ONE_DAY)
    found = tables.keep(candidates(scores, accounts, policy, window))
    entered = tables.keep(entries(found, policy, first, tables.apply))
    seen = min(2 * rules.weeks, (as_of - first).days // 7)
    deals = tables.table("crm_opportunities")
    days = policy.conversions.opportunity_window_days
    since = as_of - timedelta(days=7 * rules.weeks)
    each = curves(
        thresholds(policy),
        tables.rows(weekly(entered, as_of, 2 * rules.weeks)),
        tables.rows(outcomes(entered, deals, as_of, days)),
        tables.rows(found_deals(entered, deals, accounts, since, as_of, days)),
        seen,
        rules.weeks,
    )
    weeks = _room(tables, policy, as_of)
    reps = len({r.rep_id for r in weeks})
    left = weekly_room(weeks, rules.weeks) * rules.share_of_capacity
    left = max(0.0, left - _other_motions(tables, motion, since, as_of) / rules.weeks)
    solution = solve(
        each, left, rules.precision_floor, rules.enough_episodes, legal=lowest_legal(policy)
    )
    lowered = {
        tier: lowering(
            _bars(history, motion, tier), _episodes(tables, motion, tier, as_of), as_of, days
        )
        for tier in thresholds(policy)
    }
    steps = {c.tier: c.step for c in solution.choices}
    changed = tables.keep(changed_accounts(entered, accounts, steps, as_of, rules.weeks))
    tiers = proposal_rows(each, solution, policy, reps, lowered)
    for row in tiers:
        row |= {"entering": 0, "leaving": 0}
    by_tier = {row["tier"]: row for row in tiers}
    counted = changed.group_by("tier", "change").aggregate(n=changed.count())
    for r in tables.rows(counted):
        if r["tier"] in by_tier:
            by_tier[r["tier"]]["entering" if r["change"] == "enters" else "leaving"] = int(r["n"])
    curve = curve_rows(each, reps)
    return Proposed(as_of, motion, effective.version, solution, tiers, curve, weeks, changed)


def _bars(history: PolicyHistory, motion: str, tier: str) -> list[tuple[date, float]]:
    """Every threshold that a tier of a motion has had, with its first day."""
    found = []
    for entry in history.entries:
        own = [p for p in entry.policy.motions() if p.program.motion == motion]
        found += [(entry.effective_from, thresholds(p)[tier]) for p in own]
    return found


def _first_day(tables: Tables, scores: ir.Table, as_of: date) -> date:
    day = tables.rows(scores.aggregate(day=scores["score_date"].min()))[0]["day"]
    return max(day or as_of, as_of - timedelta(days=HISTORY_DAYS - 1))


def _room(tables: Tables, policy: Policy, as_of: date) -> list[RepWeek]:
    """The reps' coming weeks; what nobody has answered by the day is open work, whatever motion it came of."""
    h = tables.table("handoffs")
    h = h.filter(h["created_on"] <= as_of)
    touched = h["first_touch_at"].date() <= as_of
    over = (h["over_on"] <= as_of) | (h["ended_on"] <= as_of)
    h = h.filter(~(touched.fill_null(False) | over.fill_null(False)))
    waiting = tables.rows(h.group_by("rep_id").aggregate(n=h.count()))
    return room(
        tables.rows(tables.table("capacity")),
        tables.rows(tables.table("absences")),
        {r["rep_id"]: r["n"] for r in waiting},
        as_of,
        policy.calibration.weeks,
    )


def _other_motions(tables: Tables, motion: str, since: date, as_of: date) -> int:
    h = tables.table("handoffs")
    h = h.filter((h["motion"] != motion) & fills_room(h))
    h = h.filter((h["created_on"] > since) & (h["created_on"] <= as_of))
    return int(tables.rows(h.aggregate(n=h.count()))[0]["n"])


def _episodes(tables: Tables, motion: str, tier: str, as_of: date) -> Sequence[dict[str, Any]]:
    c = tables.table("conversions")
    c = c.filter((c["motion"] == motion) & (c["tier"] == tier) & (c["mqa_on"] <= as_of))
    return tables.rows(c.select("mqa_on", "opportunity_on"))
