"""Weights, lift and half-lives out of the published tables: for the asset, and for ``mqa calibrate weights``.

Belongs here: what is read for them, and how much of it. Does not belong here: the models (``core.calibration``),
publishing (``assets.weights``) or showing (``cli_weights``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis.expr.types as ir
import numpy as np

from mqa_platform.calibrating import Rows, Tables
from mqa_platform.core.calibration.futures import Futures, futures
from mqa_platform.core.calibration.half_lives import HalfLife, ages, half_life
from mqa_platform.core.calibration.lift import Lift, lifts
from mqa_platform.core.calibration.observed import (
    entry_lines,
    lines_known_on,
    looks,
    may_rank,
    observed,
)
from mqa_platform.core.calibration.outreach import is_caused_by_us, of_own_accord
from mqa_platform.core.calibration.weights import OUTREACH, Ranked, ranked
from mqa_platform.core.crm import latest
from mqa_platform.core.expressions import shard
from mqa_platform.core.history import PolicyHistory
from mqa_platform.policy.models import Policy

SEED = 1
SHARDS = 64
ACCOUNTS = 4_000
"""Accounts without an opportunity that are read; beyond, whole shards stand for the others."""
BANNED = "Only who was written to, called or paid for can show it: it ranks nothing, and its weight stays."


@dataclass(frozen=True)
class Weighed:
    """What closed deals say of the leading motion's signals, as of a day."""

    as_of: date
    motion: str
    version: str
    first_look: date | None
    last_look: date | None
    rows: int
    ranked: Ranked
    lifts: list[Lift]
    half_lives: list[HalfLife]
    banned: dict[str, float]


def weighed(tables: Tables, history: PolicyHistory, as_of: date) -> Weighed:
    """Lift, weights and half-lives from what was published up to a day, by the policy of that day.

    Every two weeks it is looked at what had been received of each account by then; what became of it is known only
    up to ``as_of``.
    """
    effective = history.effective_on(as_of)
    policy = effective.policy.motions()[0]
    horizon, rules = policy.conversions.opportunity_window_days, policy.calibration
    became = _futures(tables, policy, as_of)
    touchpoints, stands_for = _sample(tables, became)
    days = looks(policy.program.history_starts_on, as_of, horizon)
    lines: Rows = []
    if days:
        lines = tables.rows(lines_known_on(touchpoints, policy, days, tables.apply))
        lines += _on_entry(tables, touchpoints, policy, days)
    seen = observed(lines, policy, became, horizon, stands_for)
    return Weighed(
        as_of=as_of,
        motion=policy.program.motion,
        version=effective.version,
        first_look=days[0] if days else None,
        last_look=days[-1] if days else None,
        rows=len(seen.y),
        ranked=ranked(seen, rules.enough_wins, rules.widest_interval, np.random.default_rng(SEED)),
        lifts=lifts(seen),
        half_lives=_half_lives(tables, touchpoints, policy, became, stands_for),
        banned={
            n: float(s.weight) for n, s in policy.signals.signals.items() if is_caused_by_us(s)
        },
    )


def weight_rows(found: Weighed) -> Rows:
    """Rows of ``weight_proposals``, those that may not rank last."""
    same = {"winners": found.ranked.winners, "accounts": found.ranked.accounts,
            "p_value": found.ranked.p_value}  # fmt: skip
    rows = [
        {"component": w.component, "weight_now": w.now, "weight_proposed": w.proposed,
         "weight_asked": w.asked, "weight_low": w.low, "weight_high": w.high,
         "winners_with": w.winners, "status": w.status, "says": w.says, **same}
        for w in found.ranked.weights
    ]  # fmt: skip
    return rows + [
        {"component": name, "weight_now": now, "weight_proposed": now, "weight_asked": None,
         "weight_low": None, "weight_high": None, "winners_with": None, "status": OUTREACH,
         "says": BANNED, **same}
        for name, now in found.banned.items()
    ]  # fmt: skip


def lift_rows(found: Weighed) -> Rows:
    """Rows of ``signal_lift``."""
    return [
        {"signal": x.signal, "accounts": x.accounts, "winners_with": x.winners_with,
         "winners": x.winners, "coverage": x.coverage, "rate_with": x.rate_with,
         "rate_without": x.rate_without, "lift": x.lift, "low": x.low, "high": x.high,
         "overlaps_with": x.overlaps_with, "overlap": x.overlap, "verdict": x.verdict,
         "says": x.says}
        for x in found.lifts
    ]  # fmt: skip


def half_life_rows(found: Weighed) -> Rows:
    """Rows of ``half_life_estimates``."""
    return [
        {"signal": h.signal, "half_life_now": h.now, "half_life": h.days, "low": h.low,
         "high": h.high, "half_life_proposed": h.proposed, "opportunities": h.opportunities,
         "account_days": h.account_days, "status": h.status, "says": h.says}
        for h in found.half_lives
    ]  # fmt: skip


def _on_entry(tables: Tables, touchpoints: ir.Table, policy: Policy, looked: list[date]) -> Rows:
    h = tables.table("handoffs")
    h = h.filter(h["motion"] == policy.program.motion)
    h = h.filter((h["created_on"] >= looked[0]) & (h["created_on"] <= looked[-1]))
    found = tables.rows(h.select("created_on").distinct())
    days = sorted({r["created_on"] for r in found} - set(looked))
    if not days:
        return []
    return tables.rows(entry_lines(touchpoints, h, policy, days, tables.apply))


def _futures(tables: Tables, policy: Policy, as_of: date) -> Futures:
    o = latest(tables.table("crm_opportunities"))
    deals = tables.rows(o.select("account_id", "created_at", "is_closed", "is_won", "closed_at"))
    h = tables.table("handoffs")
    h = h.filter(h["created_on"] <= as_of)
    handoffs = tables.rows(h.select("account_id", "created_on", "over_on", "ended_on"))
    return futures(deals, handoffs, as_of, customers=policy.program.motion == "expansion")


def _sample(tables: Tables, became: Futures) -> tuple[ir.Table, Callable[[str], float]]:
    """The touchpoints to read: of every account with an opportunity, and of enough of the others."""
    t = tables.table("touchpoints").filter(
        tables.table("touchpoints")["touchpoint_date"] <= became.as_of
    )
    counted = tables.rows(t.aggregate(n=t["account_id"].nunique()))
    share = ACCOUNTS / max(1, int(counted[0]["n"]))
    if share >= 1:
        return t, lambda _: 1.0
    kept = max(1, round(SHARDS * share))
    # A table of the accounts with deals, and not a list in the query: there may be thousands.
    o = latest(tables.table("crm_opportunities"))
    o = o.filter(o["account_id"].notnull() & (o["created_at"].date() <= became.as_of))
    dealt = o.select(d_account="account_id").distinct()
    both = t.left_join(dealt, t["account_id"] == dealt["d_account"])
    both = both.filter(both["d_account"].notnull() | (shard(both["account_id"]) < kept))
    part = tables.keep(both.drop("d_account"))
    return part, lambda account: 1.0 if account in became.deals else SHARDS / kept


def _half_lives(
    tables: Tables,
    touchpoints: ir.Table,
    policy: Policy,
    became: Futures,
    stands_for: Callable[[str], float],
) -> list[HalfLife]:
    t = of_own_accord(touchpoints, policy)
    signals = {n: s for n, s in policy.signals.signals.items() if n in may_rank(policy)}
    t = t.filter(t["signal_type"].isin(sorted(signals) or [""]))
    by_signal: dict[str, list[tuple[str, date]]] = {n: [] for n in signals}
    listed: list[dict[str, Any]] = tables.rows(
        t.select("account_id", "signal_type", "touchpoint_date").distinct()
    )
    for r in listed:
        if not became.is_held(r["account_id"], r["touchpoint_date"]):
            by_signal[r["signal_type"]].append((r["account_id"], r["touchpoint_date"]))
    # Who had a deal before the history begins is no longer waiting for a first one.
    first = {a: deals[0].created for a, deals in became.deals.items()}
    return [
        half_life(
            name,
            float(s.half_life_days),
            ages(by_signal[name], first, became.as_of, stands_for),
        )
        for name, s in signals.items()
    ]  # fmt: skip
