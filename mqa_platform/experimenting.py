"""An experiment out of the published tables: what can be planned today, and what came of one so far.

Belongs here: what is read for it, for the asset and the command line alike. Does not belong here: the arithmetic
(``core.experiment_power``, ``core.experiment_results``), or the draw (``core.experiments``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

import ibis.expr.types as ir

from mqa_platform.core.experiment_power import ENOUGH, Plan, planned
from mqa_platform.core.experiment_results import Outcome, results, with_outcomes
from mqa_platform.core.expressions import one_of
from mqa_platform.core.rates import Interval, wilson
from mqa_platform.policy.models import Policy

# The volume of a quarter: shorter and one campaign would be the plan.
WEEKS_SEEN = 13


class Tables(Protocol):
    """Published tables: a session of the warehouse, or the snapshot."""

    def table(self, name: str) -> ir.Table:
        """One of them."""

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """An expression's rows."""


@dataclass(frozen=True)
class Today:
    """What an experiment would start from.

    Attributes:
        motion: the motion.
        as_of: the last published day.
        per_week: accounts a week that would take part, over the last ``weeks`` weeks.
        weeks: that were looked at.
        rate: of mature episodes given to sales, those with an opportunity; None without any.
        interval: its 95 % Wilson interval.
        mature: episodes of the rate.
        window_days: after which an episode is mature.
    """

    motion: str
    as_of: date
    per_week: float
    weeks: int
    rate: float | None
    interval: Interval
    mature: int
    window_days: int

    @property
    def known_rate(self) -> float | None:
        """The rate, if enough episodes are mature to plan with it."""
        return self.rate if self.mature >= ENOUGH else None

    def plans(
        self, rate: float | None, shares: Sequence[float], weeks: Sequence[int]
    ) -> list[Plan]:
        """What each share and length could tell, with a rate of accounts given to sales."""
        return [planned(rate, self.per_week, s, w) for s in shares for w in weeks]


def today(tables: Tables, policy: Policy, as_of: date, tiers: Sequence[str] = ()) -> Today:
    """The volume and the rate that a plan starts from.

    Only episodes that would take part: qualified by what people did, without a word of theirs or anybody
    else's. A rate of accounts that were held out would be another rate, so those are left out of it.

    Args:
        tables: published.
        policy: of the motion.
        as_of: the last published day.
        tiers: that would take part; none named means all.
    """
    c, h = tables.table("conversions"), tables.table("handoffs")
    h = h.select("route_rule", h_handoff="handoff_id")
    t = c.join(h, [("handoff_id", "h_handoff")])
    t = t.filter((t["motion"] == policy.program.motion) & (t["evidence_rule"] == "people"))
    t = t.filter(one_of(t["tier"], tiers)) if tiers else t
    rows = tables.rows(t.select("mqa_on", "opportunity_on", "route_rule"))
    # A programme that is younger than a quarter has no weeks before it began.
    first = min((r["mqa_on"] for r in rows), default=as_of)
    weeks = max(1, min(WEEKS_SEEN, ((as_of - first).days + 1) // 7))
    since = as_of - timedelta(weeks=weeks)
    lately = sum(r["mqa_on"] > since for r in rows)
    window = policy.conversions.opportunity_window_days
    mature = [
        r for r in rows if (as_of - r["mqa_on"]).days >= window and r["route_rule"] != "holdout"
    ]
    hits = sum(r["opportunity_on"] is not None for r in mature)
    return Today(
        policy.program.motion, as_of, lately / weeks, weeks,
        hits / len(mature) if mature else None, wilson(hits, len(mature)), len(mature), window,
    )  # fmt: skip


def outcomes(policy: Policy) -> list[Outcome]:
    """What is counted, with the windows of the policy."""
    c = policy.conversions
    return [
        Outcome("meeting", "meeting_on", c.meeting_window_days),
        Outcome("opportunity", "opportunity_on", c.opportunity_window_days),
        Outcome("won", "won_on", c.won_window_days),
    ]


def experiment_results(tables: Tables, policy: Policy, as_of: date) -> list[dict[str, Any]]:
    """Rows of ``experiment_results``; none where no experiment has drawn anything.

    Args:
        tables: published.
        policy: the leading motion's, for the windows.
        as_of: the last published day.
    """
    c = tables.table("conversions").select(
        "account_id", "motion", "episode", "mqa_on", "meeting_on", "opportunity_on", "closed_on",
        "won", "tier",
    )  # fmt: skip
    arms = tables.rows(tables.table("experiment_arms"))
    if not arms:
        return []
    told = [r | {"won_on": r["closed_on"] if r["won"] else None} for r in tables.rows(c)]
    counted = outcomes(policy)
    return results(with_outcomes(arms, told, counted), counted, as_of)
