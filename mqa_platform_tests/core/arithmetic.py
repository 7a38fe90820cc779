"""The points in plain Python, written from their definition and not from the code.

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


@dataclass
class Earned:
    """What one touchpoint was worth, and what the caps of its day left of it."""

    signal: str
    day: date
    who: Any
    worth: float
    kept: float = 0.0


def capped(rows: Sequence[Mapping[str, Any]], policy: Policy) -> list[Earned]:
    """The caps: person-day first, then account-day, the excess taken in proportion."""
    earned = []
    people: dict[Any, float] = defaultdict(float)
    accounts: dict[Any, float] = defaultdict(float)
    for i, r in enumerate(rows):
        signal = policy.signals.signals.get(r["signal_type"])
        if signal is None or r["direction"] != "inbound":
            continue
        worth = signal.weight * r["strength"] * r["seniority"] * r["share"] * r["match_confidence"]
        if r["person_id"] is not None:
            who: Any = ("person", r["person_id"])
        else:
            who = ("cookie", r["anonymous_id"]) if r["anonymous_id"] is not None else ("nobody", i)
        earned.append(Earned(r["signal_type"], r["touchpoint_date"], who, worth))
        people[r["signal_type"], r["touchpoint_date"], who] += worth
    left = {}
    for (name, d, who), points in people.items():
        limit = policy.signals.signals[name].per_person_day
        left[name, d, who] = points if limit is None or who[0] == "nobody" else min(points, limit)
        accounts[name, d] += left[name, d, who]
    for e in earned:
        limit, whole = policy.signals.signals[e.signal].per_account_day, accounts[e.signal, e.day]
        mine, kept = people[e.signal, e.day, e.who], left[e.signal, e.day, e.who]
        share = 1.0 if limit is None or whole <= limit else limit / whole
        e.kept = e.worth * (kept / mine if mine else 1.0) * share
    return earned


def still_counts(e: Earned, rows: Sequence[Mapping[str, Any]], policy: Policy, t: date) -> bool:
    """Unsubscribing takes back what the person earned by mail until then."""
    if not any(v.startswith("email_") for v in policy.signals.signals[e.signal].events):
        return True
    return not any(
        r["signal_type"] == "unsubscribe"
        and r["direction"] == "inbound"
        and e.who == ("person", r["person_id"])
        and e.day <= r["touchpoint_date"] <= t
        for r in rows
    )


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


def people_within(
    rows: Sequence[Mapping[str, Any]], policy: Policy, t: date, days: int
) -> set[str]:
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
    earned = [e for e in capped(near, policy) if still_counts(e, near, policy, t)]
    for name, signal in policy.signals.signals.items():
        reach = signal.expires_after_days or lookback
        mine = [e for e in earned if e.signal == name and (t - e.day).days < reach]
        raw = rounded(math.fsum(e.worth for e in mine))
        if raw == 0:
            continue
        lost = rounded(math.fsum(e.worth - e.kept for e in mine))
        decayed = rounded(
            math.fsum(e.kept * 2 ** (-(t - e.day).days / signal.half_life_days) for e in mine)
        )
        points = decayed if signal.ceiling is None else min(decayed, rounded(signal.ceiling))
        out.receipts[name] = (raw, lost, decayed, decayed - points, points)
    multi, rule = policy.signals.multi_contact, policy.signals.committee_on_high_intent
    n = len(people_within(near, policy, t, multi.window_days))
    out.people_on_high_intent = committee(near, policy, t)
    out.eligible_people = len(people_within(near, policy, t, policy.stages.evidence_window_days))
    if n >= 2 and (more := rounded(multi.weight * min(n - 1, multi.limit))):
        out.receipts["multi_contact"] = (more, Decimal(0), more, Decimal(0), more)
    if out.people_on_high_intent >= rule.people and (once := rounded(rule.weight)):
        out.receipts["committee_on_high_intent"] = (once, Decimal(0), once, Decimal(0), once)
    total = sum((r[4] for r in out.receipts.values()), Decimal(0))
    if total < 0:
        out.receipts["floor"] = (-total, Decimal(0), -total, Decimal(0), -total)
    out.score = max(total, Decimal(0))
    out.momentum = momentum(near, earned, t)
    return out


def momentum(near: Sequence[Mapping[str, Any]], earned: Sequence[Earned], t: date) -> float | None:
    """(points of the last 7 days − mean week of the 4 before) ÷ √(mean + 1)."""
    if sum(1 for r in near if (t - r["touchpoint_date"]).days < 35) < 5:
        return None
    week = math.fsum(e.kept for e in earned if (t - e.day).days < 7)
    mean = math.fsum(e.kept for e in earned if 7 <= (t - e.day).days < 35) / 4
    return None if mean <= -1 else (week - mean) / math.sqrt(mean + 1)
