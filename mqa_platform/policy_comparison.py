"""What a policy would change, in figures: who enters and leaves, how many a week, for which reps.

Belongs here: comparing two replays. Does not belong here: making them (``policy_replay``) or the screen
(``cli_policy``).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from mqa_platform.core.rates import rate
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.home import Home
from mqa_platform.policy.changes import changes, readings
from mqa_platform.policy_replay import Replayed, Tell, named_side, replay

SAMPLE = 10
Answer = dict[str, Any]
_Key = tuple[str, str]


def policy_diff(
    home: Home, one: str, other: str, window: Window, tell: Tell = lambda _: None
) -> Answer:
    """What the second policy would have changed in the window, had it come into force on its first day.

    Args:
        home: the installation; none of its tables change.
        one: ``live``, a policy folder or a promoted version.
        other: the same.
        window: published days.
        tell: told the step that begins.

    Raises:
        ReplayError: no such policy, or days that are not published.
        PolicyError: a policy is not valid.
    """
    sides = [named_side(home, wanted, window) for wanted in (one, other)]
    a, b = (replay(home, side, window, tell) for side in sides)
    return compared(a, b, window)


def compared(a: Replayed, b: Replayed, window: Window) -> Answer:
    """The difference of two replays of a window."""
    leavers, joiners = _accounts(a) - _accounts(b), _accounts(b) - _accounts(a)
    last = window.hi - ONE_DAY
    differing = changes(a.side.policy, b.side.policy)
    return {
        "from": window.lo,
        "to": last,
        "one": _side(a, window),
        "other": _side(b, window),
        "changes": differing,
        "not_replayed": readings(differing),
        "enter": _named(b, joiners),
        "leave": _named(a, leavers),
        "moved": _moved(a, b),
        "in_mqa_on_the_last_day": {
            "one": len(_standing(a)),
            "other": len(_standing(b)),
            "only_one": len(_standing(a) - _standing(b)),
            "only_other": len(_standing(b) - _standing(a)),
        },
        "conversion_of_leavers": _converted(a, leavers),
        "conversion_of_joiners": _converted(b, joiners),
    }


def _accounts(side: Replayed) -> set[_Key]:
    return {(e["account_id"], e["motion"]) for e in side.entries}


def _standing(side: Replayed) -> set[_Key]:
    held = (r for r in side.last_stages if r["mqa_on"] is not None)
    return {(r["account_id"], r["motion"]) for r in held}


def _side(side: Replayed, window: Window) -> Answer:
    """Entries of one side: a week, and a rep and week. Backlog is apart: it is released at capacity."""
    fresh = [e for e in side.entries if not e["is_backlog"]]
    weeks = max((window.hi - window.lo).days / 7, 1.0)
    everybody = Counter(e["rep_id"] for e in fresh)
    queues = {name: n for name, n in everybody.items() if name in side.queues}
    by_rep = {rep: n for rep, n in everybody.items() if rep not in queues}
    by_motion = Counter(e["motion"] for e in fresh)
    reps = len(side.capacity)
    return {
        "policy": side.side.name,
        "version": side.side.version,
        "tables": str(side.home.root),
        "entered": len(fresh),
        "backlog": len(side.entries) - len(fresh),
        "by_motion": dict(sorted(by_motion.items())),
        "a_week": round(len(fresh) / weeks, 2),
        "weekly": _weekly(fresh, window),
        "rep_load": {
            "reps": reps,
            "a_rep_and_week": round(sum(by_rep.values()) / weeks / reps, 2) if reps else None,
            "queues": dict(sorted(queues.items())),
            "busiest": [
                {
                    "rep_id": rep,
                    "entered": n,
                    "a_week": round(n / weeks, 2),
                    "capacity_a_week": side.capacity.get(rep),
                }
                for rep, n in sorted(by_rep.items(), key=lambda x: (-x[1], x[0]))[:SAMPLE]
            ],
            "above_capacity": sorted(
                rep for rep, n in by_rep.items() if n / weeks > (side.capacity.get(rep) or math.inf)
            ),
        },
    }


def _weekly(entries: Iterable[dict[str, Any]], window: Window) -> list[Answer]:
    """Entries by week, counted from the first day of the window; the last week may be short."""
    count: dict[date, int] = defaultdict(int)
    for entry in entries:
        week = (entry["created_on"] - window.lo).days // 7
        count[window.lo + timedelta(days=7 * week)] += 1
    starts = [window.lo + timedelta(days=n) for n in range(0, (window.hi - window.lo).days, 7)]
    return [{"week_from": day, "entered": count[day]} for day in starts]


def _named(side: Replayed, keys: set[_Key]) -> list[Answer]:
    """First entry of each of the accounts, in the order of their days."""
    first: dict[_Key, dict[str, Any]] = {}
    for entry in sorted(side.entries, key=lambda e: e["created_on"]):
        key = (entry["account_id"], entry["motion"])
        if key in keys:
            first.setdefault(key, entry)
    shown = ("account_id", "motion", "name", "tier", "created_on", "is_backlog", "evidence_rule")
    return [
        {c: e[c] for c in shown}
        for e in sorted(first.values(), key=lambda e: (e["created_on"], e["account_id"]))
    ]


def _moved(a: Replayed, b: Replayed) -> list[Answer]:
    """Accounts that enter under both, on another day."""
    days = [
        {(e["account_id"], e["motion"]): e["created_on"] for e in reversed(_by_day(side))}
        for side in (a, b)
    ]
    return [
        {"account_id": k[0], "motion": k[1], "one": days[0][k], "other": days[1][k]}
        for k in sorted(set(days[0]) & set(days[1]))
        if days[0][k] != days[1][k]
    ]


def _by_day(side: Replayed) -> list[dict[str, Any]]:
    return sorted(side.entries, key=lambda e: e["created_on"])


def _converted(side: Replayed, keys: set[_Key]) -> Answer:
    """What became of the episodes of some accounts; sales knew nothing of those they were not given.

    An episode is in a rate only when the rate's window has passed by the last published day.
    """
    mine = [o for o in side.outcomes if (o["account_id"], o["motion"]) in keys]
    w = side.side.policy.conversions
    asked = (
        ("meeting", w.meeting_window_days, "meeting_on"),
        ("opportunity", w.opportunity_window_days, "opportunity_on"),
        ("won", w.won_window_days, "won"),
    )
    rates = {name: rate(name, mine, days, side.as_of, hit) for name, days, hit in asked}
    return {"episodes": len(mine), **rates}
