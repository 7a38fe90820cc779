"""What another threshold would do, answered at once from the published scores.

Belongs here: the question and its one-line answer. Does not belong here: the estimate
(``core.what_if``), or an exact replay (``policy_comparison``).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from mqa_platform.core.accounts import in_motion
from mqa_platform.core.what_if import first_qualifying, would_enter
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import load_history

WEEKS, SAMPLE = 13, 5


def try_threshold(
    home: Home,
    threshold: Decimal,
    tier: str | None = None,
    motion: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> dict[str, Any]:
    """Entries a week with the thresholds of now and with another one, for whom, and who they are.

    ``new`` qualify on no day of the window now, ``gone`` on none then; standing is who is above the bar
    on the first day of the window, and enters in no week.

    Args:
        home: the installation; its published tables are read.
        threshold: points.
        tier: which tier gets it; None is every tier.
        motion: default the leading one.
        first: default thirteen weeks before the last day.
        last: default the last published day.

    Raises:
        MartError: no such tier or motion, or nothing is published.
    """
    with open_marts(home) as marts:
        end = last or marts.last_day()
        policy = _policy(home, motion, end)
        now = {name: rule.threshold for name, rule in policy.stages.tiers}
        if tier is not None and tier not in now:
            raise MartError(f"no tier {tier!r}; there are {', '.join(now)}")
        then = {name: threshold if tier in (None, name) else bar for name, bar in now.items()}
        begin = first or _first_day(marts, end)
        if begin >= end:
            raise MartError(f"{begin} to {end} is too short: an account has to begin to qualify")
        window = Window.of(begin, end)
        (before, any_before), (after, any_after) = (
            _entries(marts, policy, bars, window) for bars in (now, then)
        )
        reps = _active_reps(marts, end)
    weeks = max((window.hi - window.lo).days / 7, 1.0)
    return {
        "motion": policy.program.motion,
        "tier": tier,
        "threshold": threshold,
        "thresholds_now": now,
        "from": begin,
        "to": end,
        "a_week_now": round(len(before) / weeks, 2),
        "a_week_then": round(len(after) / weeks, 2),
        "active_reps": reps,
        "a_rep_and_week_now": round(len(before) / weeks / reps, 2) if reps else None,
        "a_rep_and_week_then": round(len(after) / weeks / reps, 2) if reps else None,
        "standing_now": sum(d == begin for d in any_before.values()),
        "standing_then": sum(d == begin for d in any_after.values()),
        # Who is above on the first day, or in one stretch instead of two, is not gone.
        "new": [_shown(e) for e in after if e["account_id"] not in any_before],
        "gone": [_shown(e) for e in before if e["account_id"] not in any_after],
    }


def sentence(found: dict[str, Any]) -> str:
    """The answer in one line."""
    where = f"{found['tier']} accounts" if found["tier"] else "all tiers"
    load = ""
    if found["active_reps"]:
        load = (
            f", {found['a_rep_and_week_then']:g} a rep and week instead of "
            f"{found['a_rep_and_week_now']:g} ({found['active_reps']} reps)"
        )
    names = "; ".join(
        f"{title} {', '.join(e['name'] for e in found[key][:SAMPLE])}"
        + (f" and {len(found[key]) - SAMPLE} more" if len(found[key]) > SAMPLE else "")
        for title, key in (("in:", "new"), ("out:", "gone"))
        if found[key]
    )
    return (
        f"Threshold {found['threshold'].normalize():f} for {where} ({found['motion']}): about "
        f"{found['a_week_then']:g} MQAs a week instead of {found['a_week_now']:g}{load}; "
        f"{names or 'the same accounts'}. Above on the first day, so not counted: "
        f"{found['standing_then']} instead of {found['standing_now']}. Estimated from {found['from']} to {found['to']}."
    )


def _policy(home: Home, motion: str | None, day: date) -> Policy:
    policy = load_history(home).effective_on(day).policy
    try:
        return policy.of_motion(motion or policy.program.motion)
    except KeyError:
        known = ", ".join(p.program.motion for p in policy.motions())
        raise MartError(f"no motion {motion!r}; there are {known}") from None


def _first_day(marts: Marts, end: date) -> date:
    scores = marts.table("scores")
    day = marts.rows(scores.aggregate(day=scores["score_date"].min()))[0]["day"]
    return max(day or end, end - timedelta(days=7 * WEEKS - 1))


def _entries(
    marts: Marts, policy: Policy, thresholds: dict[str, Decimal], window: Window
) -> tuple[list[dict[str, Any]], dict[str, date]]:
    """Who begins to qualify, and the first day of everybody who qualifies at all."""
    motion = policy.program.motion
    scores = marts.table("scores")
    accounts = in_motion(marts.table("accounts"), marts.table("account_fit"), motion)
    mine = scores.filter(scores["motion"] == motion)
    found = would_enter(mine, accounts, policy, thresholds, window)
    first = first_qualifying(mine, accounts, policy, thresholds, window)
    days = {r["account_id"]: r["day"] for r in marts.rows(first)}
    return marts.rows(found.order_by("day", "account_id")), days


def _active_reps(marts: Marts, day: date) -> int:
    u = marts.table("crm_users")
    held = (u["valid_from"] <= day) & (u["valid_to"].isnull() | (u["valid_to"] > day))
    u = u.filter(held & u["is_active"])
    return int(marts.rows(u.aggregate(n=u["user_id"].nunique()))[0]["n"])


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {c: entry[c] for c in ("account_id", "name", "tier", "owner_id", "day")}
