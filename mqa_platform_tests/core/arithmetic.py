"""The points of SEMANTICS.md in plain Python, written from the page and not from the code.

Belongs here: the second opinion that the scoring tests compare with. Does not belong here: tests.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from mqa_platform.policy.models import Policy

CENT = Decimal("0.0001")


def rounded(value: float | Decimal) -> Decimal:
    return Decimal(value).quantize(CENT, ROUND_HALF_EVEN)


@dataclass
class Expected:
    """What an account should have on a day; receipts are (raw, lost to cap, decayed, lost, points)."""

    receipts: dict[str, tuple[Decimal, ...]] = field(default_factory=dict)
    score: Decimal = Decimal(0)
    eligible_people: int = 0
    people_on_high_intent: int = 0
    momentum: float | None = None


def capped(rows: Sequence[Mapping[str, Any]], policy: Policy) -> dict[tuple[str, date], tuple[float, float]]:
    """(signal, day) → points before and after the caps: person-day first, then account-day."""
    people: dict[tuple[str, date], dict[Any, float]] = defaultdict(lambda: defaultdict(float))
    for i, r in enumerate(rows):
        signal = policy.signals.signals.get(r["signal_type"])
        if signal is None or r["direction"] != "inbound":
            continue
        worth = signal.weight * r["strength"] * r["seniority"] * r["share"] * r["match_confidence"]
        if r["person_id"] is not None:
            who: Any = ("person", r["person_id"])
        else:
            who = ("cookie", r["anonymous_id"]) if r["anonymous_id"] is not None else ("nobody", i)
        people[r["signal_type"], r["touchpoint_date"]][who] += worth
    out = {}
    for key, shares in people.items():
        signal = policy.signals.signals[key[0]]
        mine, everyone = signal.per_person_day, signal.per_account_day
        kept = sum(
            v if mine is None or who[0] == "nobody" else min(v, mine) for who, v in shares.items()
        )
        out[key] = (sum(shares.values()), kept if everyone is None else min(kept, everyone))
    return out


def eligible(row: Mapping[str, Any], policy: Policy) -> bool:
    """Inbound, of positive weight, sure enough, by a known person; news and intent are no people."""
    signal = policy.signals.signals.get(row["signal_type"])
    return (
        signal is not None
        and signal.kind == "engagement"
        and signal.weight > 0
        and row["direction"] == "inbound"
        and row["person_id"] is not None
        and row["share"] * row["match_confidence"] >= policy.signals.eligible_confidence
    )


def people_within(rows: Sequence[Mapping[str, Any]], policy: Policy, t: date, days: int) -> set[str]:
    return {
        r["person_id"]
        for r in rows
        if 0 <= (t - r["touchpoint_date"]).days < days and eligible(r, policy)
    }


def committee(rows: Sequence[Mapping[str, Any]], policy: Policy, t: date) -> int:
    """Eligible people with a pricing or high-intent view, both in the committee's window."""
    days = policy.signals.committee_on_high_intent.window_days
    viewers = {
        r["person_id"]
        for r in rows
        if 0 <= (t - r["touchpoint_date"]).days < days
        and r["direction"] == "inbound"
        and (s := policy.signals.signals.get(r["signal_type"])) is not None
        and s.high_intent
    }
    return len(people_within(rows, policy, t, days) & viewers)


def expected(rows: Sequence[Mapping[str, Any]], policy: Policy, t: date) -> Expected | None:
    """The receipt of one account at the end of a day; None without a touchpoint in the look-back."""
    lookback = policy.signals.lookback_days
    near = [r for r in rows if 0 <= (t - r["touchpoint_date"]).days < lookback]
    if not near:
        return None
    out = Expected()
    days = capped(near, policy)
    for name, signal in policy.signals.signals.items():
        mine = {d: v for (n, d), v in days.items() if n == name}
        raw = rounded(sum(v[0] for v in mine.values()))
        if raw == 0:
            continue
        lost = rounded(sum(v[0] - v[1] for v in mine.values()))
        decayed = rounded(
            math.fsum(v[1] * 2 ** (-(t - d).days / signal.half_life_days) for d, v in mine.items())
        )
        points = decayed if signal.ceiling is None else min(decayed, rounded(signal.ceiling))
        out.receipts[name] = (raw, lost, decayed, decayed - points, points)
    multi, rule = policy.signals.multi_contact, policy.signals.committee_on_high_intent
    n = len(people_within(near, policy, t, multi.window_days))
    out.people_on_high_intent = committee(near, policy, t)
    out.eligible_people = len(
        people_within(near, policy, t, policy.stages.evidence_window_days)
    )
    if n >= 2 and (more := rounded(multi.weight * min(n - 1, multi.limit))):
        out.receipts["multi_contact"] = (more, Decimal(0), more, Decimal(0), more)
    if out.people_on_high_intent >= rule.people and (once := rounded(rule.weight)):
        out.receipts["committee_on_high_intent"] = (once, Decimal(0), once, Decimal(0), once)
    total = sum((r[4] for r in out.receipts.values()), Decimal(0))
    if total < 0:
        out.receipts["floor"] = (-total, Decimal(0), -total, Decimal(0), -total)
    out.score = max(total, Decimal(0))
    out.momentum = momentum(near, days, t)
    return out


def momentum(
    near: Sequence[Mapping[str, Any]], days: Mapping[tuple[str, date], tuple[float, float]], t: date
) -> float | None:
    """(points of the last 7 days − mean week of the 4 before) ÷ √(mean + 1)."""
    if sum(1 for r in near if (t - r["touchpoint_date"]).days < 35) < 5:
        return None
    week = sum(v[1] for (_, d), v in days.items() if (t - d).days < 7)
    mean = sum(v[1] for (_, d), v in days.items() if 7 <= (t - d).days < 35) / 4
    return None if mean <= -1 else (week - mean) / math.sqrt(mean + 1)
