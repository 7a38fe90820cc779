"""Why an account's score is another one on another day: causes, component by component.

Belongs here: taking the difference of two receipts apart so that its causes sum to it exactly. Does not
belong here: reading tables or showing them (``explain_difference``).

Every cause is the step between two evaluations of a component, in ten-thousandths of a point, and each
evaluation begins where the one before it ended. Nothing can be left over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.decay import score_kernel
from mqa_platform.core.points import daily_points
from mqa_platform.core.score_lines import TOTAL
from mqa_platform.core.timeline import POINT, halving
from mqa_platform.core.touches import number, touches
from mqa_platform.policy.models import Policy

# In the order in which a reader wants them. ``match``: what was published and what the touchpoints
# say now differ, because touchpoints have come to the account or gone from it since.
CAUSES = {
    "match": "touchpoints that came to or left the account since the score was published",
    "fit": "the account is scored on one of the days only",
    "policy": "another policy",
    "expired": "left the look-back, its expiry or its window",
    "unsubscribed": "mail points of people who unsubscribed",
    "decay": "half-life",
    "new": "new touchpoints, before caps",
    "caps": "what the caps of a day took from the new touchpoints",
    "ceiling": "what the ceiling takes",
    "floor": "what lifts a negative sum to 0",
}
_UNIT = Decimal(1).scaleb(-4)


@dataclass(frozen=True)
class Side:
    """One of the two days.

    Attributes:
        day: the day.
        policy: the policy in force on it, of one motion.
        touchpoints: all touchpoints of the account, with signal types of this policy.
        published: component → points of the published receipt.
        is_scored: whether the account is scored at all on this day.
        is_kept: whether ``policy`` is the one under which the receipt was published. Where it is not, what
            the two differ by is told as ``policy``.
    """

    day: date
    policy: Policy
    touchpoints: pa.Table
    published: Mapping[str, Decimal]
    is_scored: bool = True
    is_kept: bool = True


@dataclass(frozen=True)
class Cause:
    """A part of a component's difference; ``signals`` are the ids behind it, largest first."""

    component: str
    cause: str
    points: Decimal
    signals: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Evaluation:
    """Component → points, and decayed points before the ceiling, in ten-thousandths."""

    points: dict[str, int]
    decayed: dict[str, int]


def differences(before: Side, after: Side) -> list[Cause]:
    """Every cause of ``after.published − before.published``; they sum to it component by component.

    Raises:
        ValueError: ``after`` is the earlier day.
    """
    if after.day < before.day:
        raise ValueError(f"{after.day} is before {before.day}")
    old = _upto(after.touchpoints, before.day)
    started = _evaluated(_upto(before.touchpoints, before.day), before.policy, before.day)
    turned = _evaluated(old, after.policy, before.day)
    aged = _evaluated(old, after.policy, after.day)
    ended = _evaluated(_upto(after.touchpoints, after.day), after.policy, after.day)
    parts = _parts(after, before.day)
    told = {*before.published, *after.published}
    for evaluation in (started, turned, aged, ended):
        told |= set(evaluation.points)
    causes: list[Cause] = []
    for component in sorted(told):
        at = _Path(component)
        at.begin(_units(before.published.get(component, Decimal(0))))
        shown = started.points.get(component, 0)
        at.step("match" if before.is_kept else "policy", shown if before.is_scored else 0)
        at.step("fit", shown)
        at.step("policy", turned.points.get(component, 0))
        if component in after.policy.signals.signals:
            _signal_steps(at, parts.get(component, []), turned, ended)
        elif component == "floor":
            at.step("floor", ended.points.get(component, 0))
        else:
            at.step("expired", aged.points.get(component, 0))
            at.step("new", ended.points.get(component, 0))
        at.step("fit", ended.points.get(component, 0) if after.is_scored else 0)
        told_by = "match" if after.is_kept else "policy"
        at.step(told_by, _units(after.published.get(component, Decimal(0))))
        causes += at.causes()
    return causes


class _Path:
    """Evaluations of a component one after another, and what each step adds."""

    def __init__(self, component: str) -> None:
        self.component, self.at = component, 0
        self.found: dict[str, int] = {}
        self.signals: dict[str, list[str]] = {}

    def begin(self, value: int) -> None:
        """Where the path begins."""
        self.at = value

    def step(self, cause: str, value: int, signals: list[str] | None = None) -> None:
        """Go on to a value for a cause."""
        self.found[cause] = self.found.get(cause, 0) + value - self.at
        self.at = value
        if signals:
            self.signals[cause] = signals

    def causes(self) -> Iterator[Cause]:
        """The causes that changed anything."""
        for cause in CAUSES:
            if self.found.get(cause):
                points = Decimal(self.found[cause]) * _UNIT
                yield Cause(self.component, cause, points, self.signals.get(cause, []))


@dataclass(frozen=True)
class _Part:
    """What one touchpoint adds: on the first day, on the second, and before caps."""

    signal_id: str
    cause: str
    was: float
    now: float
    uncapped: float


def _signal_steps(at: _Path, parts: list[_Part], turned: _Evaluation, ended: _Evaluation) -> None:
    """Decayed points first, then what the ceiling takes from them more or less than before."""
    component, begun = at.component, at.at
    offset = begun - turned.decayed.get(component, 0)
    real = turned.decayed.get(component, 0) / POINT

    def go(cause: str, change: float, chosen: list[_Part]) -> None:
        nonlocal real
        real += change
        telling = [p for p in chosen if p.now != p.was]
        telling.sort(key=lambda p: (-abs(p.now - p.was), p.signal_id))
        at.step(cause, int(np.rint(real * POINT)) + offset, [p.signal_id for p in telling])

    for cause in ("expired", "unsubscribed", "decay"):
        chosen = [p for p in parts if p.cause == cause]
        # Not every old touchpoint is worth naming: all of them decay.
        named = [] if cause == "decay" else chosen
        go(cause, sum(p.now - p.was for p in chosen), named)
    new = [p for p in parts if p.cause == "new"]
    go("new", sum(p.uncapped for p in new), new)
    # The last step lands on the figure itself, so that no rounding is left over.
    at.step("caps" if new else "decay", ended.decayed.get(component, 0) + offset)
    at.step("ceiling", ended.points.get(component, 0))


def _parts(after: Side, first: date) -> dict[str, list[_Part]]:
    """Component → what each touchpoint of either day adds, under the second day's policy."""
    rows = _upto(after.touchpoints, after.day)
    if not rows.num_rows:
        return {}
    policy = after.policy
    t, component, points, key, _ = touches(rows, policy)
    scored = np.flatnonzero(component >= 0)
    daily = daily_points(
        t.account[scored], component[scored], t.day[scored], key[scored], points[scored],
        policy.signals,
    )  # fmt: skip
    ids = rows["signal_id"].to_pylist()
    names, rules = list(policy.signals.signals), list(policy.signals.signals.values())
    was_on, now_on = number(first), number(after.day)
    lookback = policy.signals.lookback_days
    factors = {s.half_life_days: halving(s.half_life_days, lookback) for s in rules}
    out: dict[str, list[_Part]] = {}
    for i, row in enumerate(scored):
        rule, day = rules[component[row]], int(t.day[row])
        reach = rule.reach_days(lookback)
        factor, net = factors[rule.half_life_days], float(points[row]) * float(daily.kept[i])

        def worth(on: int, value: float, day: int = day, row: Any = row, reach: int = reach,
                  factor: Any = factor) -> float:  # fmt: skip
            age = on - day
            return value * factor[age] if 0 <= age < reach and int(t.until[row]) > on else 0.0

        was, now = worth(was_on, net), worth(now_on, net)
        if day > was_on:
            cause = "new"
        elif now_on - day >= reach:
            cause = "expired"
        else:
            cause = "unsubscribed" if int(t.until[row]) <= now_on else "decay"
        part = _Part(ids[row], cause, was, now, worth(now_on, float(points[row])))
        out.setdefault(names[component[row]], []).append(part)
    return out


def _evaluated(rows: pa.Table, policy: Policy, day: date) -> _Evaluation:
    """The kernel's receipt of the account on a day."""
    found = _Evaluation({}, {})
    for line in score_kernel(policy, [day]).fn(rows).to_pylist():
        if line["component"] != TOTAL:
            found.points[line["component"]] = _units(line["points"])
            found.decayed[line["component"]] = _units(line["decayed_points"])
    return found


def _upto(rows: pa.Table, day: date) -> pa.Table:
    return rows.filter(pc.less_equal(rows["touchpoint_date"], pa.scalar(day, pa.date32())))


def _units(points: Decimal) -> int:
    return int(points.scaleb(4))
