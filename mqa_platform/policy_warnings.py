"""What is valid in a policy and still worth a look, with the figures of what was published.

Belongs here: the warnings of ``mqa policy check``. Does not belong here: what makes a policy invalid
(``policy.consistency``), or the sums (``core.signal_weeks``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from mqa_platform.core.accounts import in_motion
from mqa_platform.core.expressions import in_force
from mqa_platform.core.signal_weeks import correlated, weekly_points
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.policy.models import Policy
from mqa_platform.policy.problems import PolicyError
from mqa_platform.promotions import load_history
from mqa_platform.warehouse import SnapshotMissingError

MOST_SIGNALS = 15
ALIKE = 0.95
SEEN_IN = 20
WEEKS = 26


@dataclass(frozen=True)
class Warned:
    """One warning: its kind, the motion and setting it is about, a sentence, and its figures."""

    kind: str
    motion: str
    setting: str
    message: str
    figures: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.motion}, {self.setting}: {self.message}"


def warnings(policy: Policy, home: Home) -> tuple[list[Warned], str]:
    """Every warning of a policy, and what it was held against (or why against nothing)."""
    found = [w for motion in policy.motions() for w in _too_many(motion)]
    other = []
    try:
        with open_marts(home) as marts:
            last = marts.last_day()
            first = last - timedelta(days=7 * WEEKS - 1)
            then = load_history(home).effective_on(last).policy
            live = {p.program.motion: p for p in then.motions()}
            for motion in policy.motions():
                found += _signals(marts, motion, first, last)
                name = motion.program.motion
                if name in live and _same_points(motion, live[name]):
                    found += _thresholds(marts, motion, first, last)
                else:
                    other.append(name)
    except (SnapshotMissingError, MartError) as nothing:
        return found, f"not held against any data: {nothing}"
    except PolicyError:
        return found, "not held against any data: the policy in force is not valid"
    against = f"held against {first} to {last}"
    if other:
        against += (
            f"; the thresholds of {', '.join(other)} were not, for its scores were made with other "
            "signals (mqa policy diff makes them again)"
        )
    return found, against


def _same_points(one: Policy, other: Policy) -> bool:
    """Whether both give the same touchpoints the same points."""
    a, b = (
        p.signals.model_dump(exclude={"signals": {"__all__": {"reason"}}}) for p in (one, other)
    )
    return a == b


def _too_many(policy: Policy) -> Iterator[Warned]:
    number = len(policy.signals.signals)
    if number > MOST_SIGNALS:
        yield Warned(
            "too_many_signals",
            policy.program.motion,
            "signals",
            f"{number} signals; from {MOST_SIGNALS} on nobody can say why an account qualified",
            {"signals": number, "most": MOST_SIGNALS},
        )


def _signals(marts: Marts, policy: Policy, first: date, last: date) -> Iterator[Warned]:
    """Signals that nothing was ever seen of, and pairs that say the same."""
    motion, t = policy.program.motion, marts.table("touchpoints")
    ever = weekly_points(t, policy)
    counted = ever.group_by("signal_type").aggregate(
        n=ever["touchpoints"].sum(), last=ever["week"].max()
    )
    seen = {r["signal_type"]: r["n"] for r in marts.rows(counted)}
    touched = marts.rows(t.aggregate(n=t.count()))[0]["n"]
    for name in policy.signals.signals:
        if not seen.get(name):
            yield Warned(
                "never_seen",
                motion,
                f"signals.{name}",
                f"never seen among {touched:,} touchpoints; is its source connected?",
                {"touchpoints": 0, "of": touched},
            )
    near = t.filter((t["touchpoint_date"] >= first) & (t["touchpoint_date"] <= last))
    for pair in correlated(marts.arrow(weekly_points(near, policy)), ALIKE, SEEN_IN):
        yield Warned(
            "collinear",
            motion,
            f"signals.{pair.one}",
            f"correlation {pair.correlation:.3f} with {pair.other} over {pair.weeks:,} account-weeks: "
            "both count the same thing, so it counts twice",
            {"other": pair.other, "correlation": round(pair.correlation, 4), "weeks": pair.weeks},
        )


def _thresholds(marts: Marts, policy: Policy, first: date, last: date) -> Iterator[Warned]:
    """Thresholds that no score of the tier has reached, or that every score has."""
    motion = policy.program.motion
    s = marts.table("scores")
    s = s.filter((s["motion"] == motion) & (s["score_date"] >= first) & (s["score_date"] <= last))
    a = in_motion(marts.table("accounts"), marts.table("account_fit"), motion)
    a = a.select("valid_from", "valid_to", "tier", named="account_id")
    t = s.join(a, s["account_id"] == a["named"])
    t = t.filter(in_force(t, t["score_date"]))
    ranges = t.group_by("tier").aggregate(
        low=t["engagement_score"].min(),
        high=t["engagement_score"].max(),
        accounts=t["account_id"].nunique(),
    )
    observed = {r["tier"]: r for r in marts.rows(ranges)}
    for tier, rule in policy.stages.tiers:
        r = observed.get(tier)
        if r is None or r["low"] < rule.threshold <= r["high"]:
            continue
        side = "above" if rule.threshold > r["high"] else "not above"
        end = r["high"] if rule.threshold > r["high"] else r["low"]
        yield Warned(
            "outside_observed_range",
            motion,
            f"stages.tiers.{tier}.threshold",
            f"{rule.threshold:f} is {side} every score of the tier: {r['accounts']:,} accounts had "
            f"{r['low']:f} to {r['high']:f}",
            {"threshold": rule.threshold, "low": r["low"], "high": r["high"], "bound": end,
             "accounts": r["accounts"]},
        )  # fmt: skip
