"""The receipt opened up: what each touchpoint adds to a component as of a day.

Belongs here: the arithmetic of one account, touchpoint by touchpoint, by the same functions that score
everybody. Does not belong here: reading tables or showing them (``explain``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from mqa_platform.core.points import daily_points
from mqa_platform.core.timeline import halving
from mqa_platform.core.touches import EPOCH, number, touches
from mqa_platform.policy.models import Policy


@dataclass(frozen=True)
class Line:
    """One touchpoint's part: ``points = weight × strength × seniority × share × match_confidence``.

    kept is the share of the points that the daily caps left, 0 once the person unsubscribed, decay
    ``2^(−age ÷ half-life)``, and ``contribution = points × kept × decay``; the contributions of a component sum to its
    decayed points before rounding.
    """

    component: str
    signal_id: str
    occurred_at: Any
    person_id: str | None
    page_type: str | None
    topic: str | None
    resolution_rule: str
    weight: float
    strength: float
    seniority: float
    share: float
    match_confidence: float
    points: float
    kept: float
    age_days: int
    half_life_days: float
    decay: float
    contribution: float

    def as_dict(self) -> dict[str, Any]:
        """The line as plain values."""
        return asdict(self)


def lines(touchpoints: pa.Table, policy: Policy, as_of: date) -> list[Line]:
    """The parts of one account's touchpoints as of a day, newest first.

    Args:
        touchpoints: rows of the touchpoints table of one account.
        policy: the policy the account was scored under.
        as_of: the day; what is older than the look-back or later than the day adds nothing.
    """
    days = touchpoints["touchpoint_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    today = number(as_of)
    near = (days <= today) & (days > today - policy.signals.lookback_days)
    table = touchpoints.filter(pa.array(near))
    if not table.num_rows:
        return []
    t, component, points, key, _ = touches(table, policy)
    scored = np.flatnonzero(component >= 0)
    daily = daily_points(
        t.account[scored],
        component[scored],
        t.day[scored],
        key[scored],
        points[scored],
        policy.signals,
    )
    names = list(policy.signals.signals)
    rules = list(policy.signals.signals.values())
    rows = table.take(pa.array(scored)).to_pylist()
    out = []
    for i, row in enumerate(rows):
        rule = rules[component[scored[i]]]
        age = today - int(t.day[scored[i]])
        if age >= rule.reach_days(policy.signals.lookback_days):
            continue
        decay = float(halving(rule.half_life_days, age + 1)[age])
        worth = float(points[scored[i]])
        kept = float(daily.kept[i]) if t.until[scored[i]] > today else 0.0
        out.append(
            Line(
                component=names[component[scored[i]]],
                weight=float(rule.weight),
                points=worth,
                kept=kept,
                age_days=age,
                half_life_days=float(rule.half_life_days),
                decay=decay,
                contribution=worth * kept * decay,
                **{
                    c: row[c]
                    for c in (
                        "signal_id",
                        "occurred_at",
                        "person_id",
                        "page_type",
                        "topic",
                        "resolution_rule",
                        "strength",
                        "seniority",
                        "share",
                        "match_confidence",
                    )
                },
            )  # fmt: skip
        )
    return sorted(out, key=lambda x: (x.component, x.age_days, x.signal_id))


def people(touchpoints: pa.Table, policy: Policy, as_of: date) -> dict[str, list[dict[str, Any]]]:
    """Who stands behind the breadth components as of a day: person_id and the day last seen.

    Args:
        touchpoints: rows of the touchpoints table of one account.
        policy: the policy the account was scored under.
        as_of: the day.
    """
    multi, committee = policy.signals.multi_contact, policy.signals.committee_on_high_intent
    if not touchpoints.num_rows:
        return {"multi_contact": [], "committee_on_high_intent": []}
    t, *_ = touches(touchpoints, policy)
    names = touchpoints["person_id"].to_pylist()
    today = number(as_of)

    def seen(mask: np.ndarray, days: int) -> dict[str, int]:
        last: dict[str, int] = {}
        for i in np.flatnonzero(mask & (t.day <= today) & (t.day > today - days)):
            if names[i] is not None:
                last[names[i]] = max(last.get(names[i], 0), int(t.day[i]))
        return last

    def listed(last: dict[str, int]) -> list[dict[str, Any]]:
        return [
            {"person_id": person, "last_seen_on": EPOCH + timedelta(days=day)}
            for person, day in sorted(last.items())
        ]

    on_pages = seen(t.high_intent, committee.window_days)
    eligible = seen(t.eligible, committee.window_days)
    both = {person: day for person, day in on_pages.items() if person in eligible}
    return {
        "multi_contact": listed(seen(t.eligible, multi.window_days)),
        "committee_on_high_intent": listed(both),
    }


def arithmetic(component: str, count: int, policy: Policy) -> str:
    """How a component that is no signal got its points, in words; empty for a signal."""
    multi, committee = policy.signals.multi_contact, policy.signals.committee_on_high_intent
    if component == "multi_contact":
        return f"{multi.weight:g} × min({count} people − 1, {multi.limit}), in {multi.window_days} days"
    if component == "committee_on_high_intent":
        wanted = f"{committee.people} people on high-intent pages in {committee.window_days} days"
        return f"{committee.weight:g} once, for at least {wanted}; {count} were"
    return "lifts a negative sum to 0" if component == "floor" else ""
