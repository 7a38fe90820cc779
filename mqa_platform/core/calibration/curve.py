"""The curve: what each threshold would bring a week, how good it would be, and what it would miss.

Belongs here: counting entries by step of the grid, and the figures of a step. Does not belong here: who
enters at a step (``entries``), or choosing one (``solver``).

Precision of a step is the share of its mature entries after which the account had an opportunity in the
conversion window. Below the threshold in force sales was not told of the account, so what is found there is
a low estimate of what a call would have brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from mqa_platform.core.calibration.counts import (
    drifting,
    expected,
    level_begins,
    mean_interval,
    poisson_band,
)
from mqa_platform.core.calibration.entries import STEPS, at_step
from mqa_platform.core.crm import latest
from mqa_platform.core.expressions import in_force
from mqa_platform.core.rates import wilson

ALL = "all"


def weekly(entries: ir.Table, as_of: date, weeks: int) -> ir.Table:
    """(tier, step, week, n): entries by week; week 0 is the one that ends on ``as_of``."""
    e = entries.filter(entries["entered_on"] <= as_of)
    edges = [as_of - timedelta(days=7 * k) for k in range(weeks + 1)]
    week = ibis.cases(
        *((e["entered_on"] > edge, ibis.literal(k)) for k, edge in enumerate(edges[1:])), else_=-1
    )
    t = e.mutate(week=week.cast("int64"))
    t = t.filter(t["week"] >= 0)
    return t.group_by("tier", "step", "week").aggregate(n=t.count())


def outcomes(entries: ir.Table, opportunities: ir.Table, as_of: date, window: int) -> ir.Table:
    """(tier, step, mature, hits): entries whose window has passed, and those followed by an opportunity."""
    old = entries.filter(entries["entered_on"] <= as_of - timedelta(days=window))
    o = _opened(opportunities)
    both = old.join(o, [("account_id", "deal_account")])
    day = both["entered_on"]
    both = both.filter(
        (both["opened_on"] >= day) & (both["opened_on"] < day + ibis.interval(days=window))
    )
    hit = both.select("account_id", "step", "entered_on").distinct()
    hit = hit.rename(h_account="account_id", h_step="step", h_day="entered_on")
    t = old.left_join(
        hit, [("account_id", "h_account"), ("step", "h_step"), ("entered_on", "h_day")]
    )
    return t.group_by("tier", "step").aggregate(mature=t.count(), hits=t["h_account"].count())


def found_deals(
    entries: ir.Table,
    opportunities: ir.Table,
    accounts: ir.Table,
    since: date,
    as_of: date,
    window: int,
) -> ir.Table:
    """(tier, step, deals, found): opportunities opened since a day, and those with an entry in the window before.

    Step is null where the line only says how many opportunities there were; the tier is that of the account
    on the day the opportunity was opened. Accounts that the ICP refuses have none.
    """
    o = _opened(opportunities)
    o = o.filter((o["opened_on"] > since) & (o["opened_on"] <= as_of))
    a = accounts.select("account_id", "valid_from", "valid_to", "tier", "fit_gate")
    o = o.join(a, [("deal_account", "account_id")])
    o = o.filter(in_force(o, o["opened_on"]) & (o["fit_gate"] != "fail"))
    o = o.select("deal", "deal_account", "opened_on", "tier")
    every = o.group_by("tier").aggregate(deals=o["deal"].nunique())
    every = every.select("tier", step=ibis.null("int64"), n=every["deals"])
    e = entries.select("step", "entered_on", of_account="account_id")
    both = o.join(e, [("deal_account", "of_account")])
    before = both["entered_on"] <= both["opened_on"]
    near = both["opened_on"] < both["entered_on"] + ibis.interval(days=window)
    both = both.filter(before & near)
    seen = both.group_by("tier", "step").aggregate(n=both["deal"].nunique())
    seen = seen.select("tier", "step", "n")
    kinds = {c: k.copy(nullable=True) for c, k in seen.schema().items()}
    return every.cast(kinds).union(seen.cast(kinds))


def _opened(opportunities: ir.Table) -> ir.Table:
    o = latest(opportunities)
    o = o.filter(o["account_id"].notnull())
    return o.select(
        deal="opportunity_id", deal_account="account_id", opened_on=o["created_at"].date()
    )


@dataclass(frozen=True)
class Point:
    """One step: entries of each week (oldest first), mature entries with their hits, deals found."""

    counts: tuple[int, ...]
    mature: int
    hits: int
    found: int

    def plus(self, other: Point) -> Point:
        """Both together, as of two tiers."""
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Point(counts, self.mature + other.mature, self.hits + other.hits, self.found + other.found)  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """The points of one tier, by step.

    ``deals`` is how many opportunities there were to find; ``slope`` the weekly growth that all tiers show.
    """

    tier: str
    threshold: float
    points: Mapping[int, Point]
    deals: int
    weeks: int
    slope: float = 0.0

    def volume(self, step: int) -> float:
        """Entries a week that are expected over the coming ``weeks``."""
        return expected(self.points[step].counts, self.weeks, self.slope)

    @property
    def used(self) -> slice:
        """The weeks of which ``volume`` is made: all where they show a trend, else the last ``weeks``."""
        return slice(None) if self.slope else slice(-self.weeks, None)


def curves(
    bars: Mapping[str, float],
    weekly_rows: Iterable[Mapping[str, Any]],
    outcome_rows: Iterable[Mapping[str, Any]],
    deal_rows: Iterable[Mapping[str, Any]],
    seen_weeks: int,
    weeks: int,
) -> list[Curve]:
    """The curve of each tier, from the rows of ``weekly``, ``outcomes`` and ``found_deals``.

    Weeks before the last change of level (``counts.level_begins``, all tiers together at the thresholds in force)
    are left out.

    Args:
        bars: threshold in force by tier.
        weekly_rows: of ``weekly``.
        outcome_rows: of ``outcomes``.
        deal_rows: of ``found_deals``.
        seen_weeks: whole weeks of scores there are.
        weeks: how many weeks ahead volumes are for.
    """
    counts: dict[tuple[str, int], list[int]] = {}
    for r in weekly_rows:
        if r["week"] < seen_weeks:
            line = counts.setdefault((r["tier"], r["step"]), [0] * seen_weeks)
            line[seen_weeks - 1 - r["week"]] += r["n"]
    told = {(r["tier"], r["step"]): (r["mature"], r["hits"]) for r in outcome_rows}
    deals = {(r["tier"], r["step"]): r["n"] for r in deal_rows}
    none = [0] * seen_weeks
    together = [sum(week) for week in zip(*(counts.get((t, 0), none) for t in bars), strict=True)]
    # What was before the level changed says nothing of the weeks to come, at any step.
    begins = level_begins(together)
    slope = drifting(together[begins:])
    return [
        Curve(
            tier,
            bar,
            {
                s: Point(
                    tuple(counts.get((tier, s), none)[begins:]),
                    *told.get((tier, s), (0, 0)),
                    deals.get((tier, s), 0),
                )
                for s in STEPS
            },
            deals.get((tier, None), 0),
            weeks,
            slope,
        )
        for tier, bar in bars.items()
    ]


def curve_rows(found: Sequence[Curve], reps: int) -> list[dict[str, Any]]:
    """One row a tier and step, and one for all tiers together at the same step: the published curve."""
    rows = []
    steps = list(found[0].points) if found else []
    for step in steps:
        whole = reduce(Point.plus, (c.points[step] for c in found))
        volume = 0.0
        for c in found:
            p = c.points[step]
            volume += c.volume(step)
            rows.append({"tier": c.tier, "threshold": at_step(c.threshold, step),
                         **_figures(p, c.used, c.volume(step), c.deals, step, reps)})  # fmt: skip
        rows.append({"tier": ALL, "threshold": None,
                     **_figures(whole, found[0].used, volume, sum(c.deals for c in found), step, reps)})  # fmt: skip
    return rows


def _figures(
    p: Point, used: slice, volume: float, deals: int, step: int, reps: int
) -> dict[str, Any]:
    low, high = _around(volume, p.counts[used])
    band = poisson_band(volume)
    precision = wilson(p.hits, p.mature)
    recall = wilson(p.found, deals)
    return {
        "step": step,
        "volume_per_week": volume,
        "volume_low": low,
        "volume_high": high,
        "week_low": band[0],
        "week_high": band[1],
        "precision": p.hits / p.mature if p.mature else None,
        "precision_low": precision[0],
        "precision_high": precision[1],
        "mature": p.mature,
        "recall": p.found / deals if deals else None,
        "recall_low": recall[0],
        "recall_high": recall[1],
        "deals": deals,
        "per_rep_week": volume / reps if reps else None,
    }


def _around(volume: float, counts: Sequence[int]) -> tuple[float | None, float | None]:
    """The exact interval of the mean of the weeks that a volume is made of, carried on as the volume is."""
    if not counts:
        return None, None
    low, high = mean_interval(sum(counts), len(counts))
    ahead = volume * len(counts) / sum(counts) if sum(counts) else 1.0
    return low * ahead, high * ahead
