"""Accounts as they stood on a past day: what was known of each then, and the opportunity that came of it.

Belongs here: who could be handed over on the day, and the value by which each model ranks. Does not belong here: the
days, or what is counted (``backtest``).

Nothing dated after the day enters a ranking. What our own outreach causes is banned from all of them (``outreach``),
and the score is that of what is left, as it was known on the day (``observed.lines_known_on``): a model that reads our
own work finds the accounts that sales had already chosen.
Accounts with an opportunity open on the day are not there: there is nothing to find.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from mqa_platform.core.calibration.outreach import is_caused_by_us, of_own_accord
from mqa_platform.core.crm import latest
from mqa_platform.core.expressions import in_force, newest_first, one_of
from mqa_platform.core.score_lines import TOTAL
from mqa_platform.policy.models import Policy


def banned(policy: Policy) -> list[str]:
    """Parts of the score that our own outreach causes."""
    return sorted(n for n, s in policy.signals.signals.items() if is_caused_by_us(s))


def population(
    accounts: ir.Table,
    scores: ir.Table,
    lines: ir.Table,
    touchpoints: ir.Table,
    opportunities: ir.Table,
    policy: Policy,
    day: date,
) -> ir.Table:
    """One row an account that could be handed over on a day, with what was known of it and what came.

    Columns: account_id; score_share (published score as a share of the threshold, down to a hundredth); mqa (the same
    of what was known by the day, without what is banned), recency (days since the last touch below the lookback, so
    that the newest is the highest), last_touch (points of the last touch), fit_only; each model's ``<model>_on`` is
    the newest day its value rests on; is_positive, amount (of the opportunity).

    Args:
        accounts: versions as the motion sees them.
        scores: of the motion.
        lines: of ``lines_known_on``, of the day at least.
        touchpoints: as published.
        opportunities: their history.
        policy: of the motion, in force on the day.
        day: the last day that is known to the ranking.
    """
    a = accounts.filter(in_force(accounts, ibis.literal(day)))
    a = a.filter(a["suppression_reason"].isnull() & (a["fit_gate"] != "fail"))
    a = a.select(
        "account_id",
        fit_only=a["fit_score"].cast("float64").fill_null(0.0),
        fit_only_on="valid_from",
    )
    s = scores.filter(scores["score_date"] == day)
    own = lines.filter((lines["score_date"] == day) & (lines["component"] == TOTAL))
    own = own.select(own_account="account_id", own_points=own["points"].cast("float64"))
    s = s.left_join(own, [("account_id", "own_account")])
    s = s.select(
        s_account="account_id",
        score_share=_hundredths(s["engagement_score"].cast("float64"), s["threshold"]),
        mqa=_hundredths(s["own_points"].fill_null(0.0), s["threshold"]),
        mqa_on=ibis.coalesce(s["last_eligible_on"], s["score_date"]),
    )
    t = _last_touches(touchpoints, policy, day)
    found = a.left_join(s, [("account_id", "s_account")]).drop("s_account")
    found = found.left_join(t, [("account_id", "t_account")]).drop("t_account")
    o, busy = _deals(opportunities, day, policy.conversions.opportunity_window_days)
    found = found.anti_join(busy, [("account_id", "busy_account")])
    found = found.left_join(o, [("account_id", "deal_account")])
    lookback = policy.signals.lookback_days
    idle = found["touched_on"].delta(ibis.literal(day), unit="day")
    return found.select(
        "account_id",
        "amount",
        "fit_only",
        "fit_only_on",
        "mqa_on",
        mqa=found["mqa"].fill_null(0.0),
        score_share=found["score_share"].fill_null(0.0),
        recency=(idle + lookback + 1).fill_null(0).cast("float64"),
        recency_on="touched_on",
        last_touch=found["last_points"].fill_null(0.0),
        last_touch_on="touched_on",
        is_positive=found["deal_account"].notnull(),
    )


def _hundredths(score: ir.Value, threshold: ir.Value) -> ir.Value:
    """A score as a share of its threshold, rounded down: below 1 is below the threshold; 0 where nothing is known."""
    bar = threshold.cast("float64").nullif(0.0)
    share = ibis.greatest(score, ibis.literal(0.0)).cast("float64") / bar
    return ((share * 100).floor() * 0.01).fill_null(0.0)


def _last_touches(touchpoints: ir.Table, policy: Policy, day: date) -> ir.Table:
    """(t_account, touched_on, last_points): the last thing anybody did unasked, the weightiest of its moment."""
    since = day - timedelta(days=policy.signals.lookback_days)
    weights = policy.signals.signals
    t = touchpoints
    t = t.filter((t["touchpoint_date"] <= day) & (t["touchpoint_date"] > since))
    known = ibis.coalesce(t["received_at"].date(), t["touchpoint_date"])
    t = t.filter(known <= day)
    t = of_own_accord(t, policy)
    t = t.filter(one_of(t["signal_type"], weights))
    weight = ibis.cases(
        *((t["signal_type"] == n, ibis.literal(float(s.weight))) for n, s in weights.items()),
        else_=0.0,
    )
    t = t.select(
        "occurred_at", t_account="account_id", touched_on="touchpoint_date", last_points=weight
    )
    order = [t["touched_on"].desc(), t["occurred_at"].desc(), t["last_points"].desc()]
    return newest_first(t, ["t_account"], order).select("t_account", "touched_on", "last_points")


def _deals(opportunities: ir.Table, day: date, window: int) -> tuple[ir.Table, ir.Table]:
    """The first opportunity of each account in the window after a day; and the accounts with one open on it."""
    o = latest(opportunities)
    o = o.filter(o["account_id"].notnull())
    o = o.mutate(opened_on=o["created_at"].date())
    end = day + timedelta(days=window)
    new = o.filter((o["opened_on"] > day) & (o["opened_on"] <= end))
    new = newest_first(
        new, ["account_id"], [new["opened_on"], new["created_at"], new["opportunity_id"]]
    )
    new = new.select(deal_account="account_id", amount=new["amount"].cast("float64"))
    closed = o["closed_at"].notnull() & (o["closed_at"].date() <= day)
    standing = o.filter((o["opened_on"] <= day) & ~closed)
    return new, standing.select(busy_account="account_id").distinct()
