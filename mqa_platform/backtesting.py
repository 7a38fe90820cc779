"""The backtest, from published tables: each past month as it stood then, and what became of it.

Belongs here: reading what ``core.calibration.backtest`` works with. Does not belong here: the figures, or publishing
(``assets.backtests``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import ibis
import ibis.expr.types as ir

from mqa_platform.calibrating import Rows, Tables
from mqa_platform.core.accounts import in_motion
from mqa_platform.core.calibration import backtest as core
from mqa_platform.core.calibration.leaks import leaks
from mqa_platform.core.calibration.observed import lines_known_on
from mqa_platform.core.calibration.past_accounts import banned, population
from mqa_platform.core.history import PolicyHistory
from mqa_platform.core.participation import EXPANSION, customers
from mqa_platform.policy.models import Policy


@dataclass(frozen=True)
class Backtest:
    """Rows of the three tables, for the leading motion; ``days`` are the days that were ranked."""

    as_of: date
    motion: str
    days: list[date] = field(default_factory=list)
    models: Rows = field(default_factory=list)
    outcomes: Rows = field(default_factory=list)
    leaks: Rows = field(default_factory=list)


def backtest(tables: Tables, history: PolicyHistory, as_of: date) -> Backtest:
    """Ranks the first day of every month whose outcomes are known by the scores of that day, and by what is naive.

    Args:
        tables: the published ones.
        history: which policy was in force when.
        as_of: the last day that counts.
    """
    leading = history.effective_on(as_of).policy.motions()[0]
    motion = leading.program.motion
    found = Backtest(as_of, motion)
    scores = tables.table("scores")
    scores = scores.filter(scores["motion"] == motion)
    first = tables.rows(scores.aggregate(day=scores["score_date"].min()))[0]["day"]
    if first is None:
        return found
    window = leading.conversions.opportunity_window_days
    found.days.extend(core.split_days(first, as_of, window))
    for day in found.days:
        then = history.effective_on(day).policy.motions()
        policy = next((p for p in then if p.program.motion == motion), leading)
        # The same window on all days, so that months can be compared.
        policy = policy.model_copy(update={"conversions": leading.conversions})
        _add(found, tables, policy, day, window)
    return found


def _add(found: Backtest, tables: Tables, policy: Policy, day: date, window: int) -> None:
    motion, enough = found.motion, policy.calibration.enough_episodes
    scores, receipts = tables.table("scores"), tables.table("score_receipts")
    receipts = receipts.filter(receipts["motion"] == motion)
    touchpoints = tables.table("touchpoints")
    who = tables.keep(
        population(
            _taking_part(tables, motion, day),
            scores.filter(scores["motion"] == motion),
            tables.keep(lines_known_on(touchpoints, policy, [day], tables.apply)),
            touchpoints,
            tables.table("crm_opportunities"),
            policy,
            day,
        )
    )
    by_band = tables.rows(core.bands(who))
    accounts = sum(r["n"] for r in by_band)
    positives = int(sum(r["hits"] for r in by_band))
    of_models = tables.rows(core.groups(who, day))
    of_parts = tables.rows(core.component_groups(who, receipts, day))
    flagged = sum(r["n"] for r in by_band if core.BANDS[r["band"]][0] >= 1)
    late: Counter[str] = Counter()
    for r in of_models:
        late[r["feature"]] += int(r["late"])
    rankings = core.rankings_of(of_models, accounts, positives, core.MODELS)
    parts = sorted({r["feature"] for r in of_parts})
    every = rankings | core.rankings_of(of_parts, accounts, positives, parts)
    stamp = {"motion": motion}
    found.models.extend(
        {**stamp, **r} for r in core.compared(rankings, flagged, day, window, enough)
    )
    found.outcomes.extend({**stamp, **r} for r in core.outcome_rows(by_band, day, window, enough))
    found.leaks.extend({**stamp, **r} for r in leaks(every, late, day, banned(policy), enough))


def _taking_part(tables: Tables, motion: str, day: date) -> ir.Table:
    """The accounts as a motion sees them that take part in it on a day: customers in expansion, all others else."""
    accounts = tables.table("accounts")
    seen = in_motion(accounts, tables.table("account_fit"), motion)
    days = seen.select("account_id", day=ibis.literal(day)).distinct()
    mine = customers(days, accounts, tables.table("crm_opportunities"))
    return (seen.semi_join if motion == EXPANSION else seen.anti_join)(mine, "account_id")
