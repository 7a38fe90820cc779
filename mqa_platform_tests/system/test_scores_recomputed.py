"""Every score and receipt of the built market again, in plain Python from the published touchpoints."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.arithmetic import CENT, Expected, expected
from mqa_platform_tests.system.pipeline import FIRST, LAST, rows

DAYS = [FIRST + timedelta(days=n) for n in (0, 9, 20)] + [LAST]
_TOUCH = (
    "account_id", "touchpoint_date", "event", "page_type", "direction", "person_id", "anonymous_id",
    "share", "match_confidence", "strength", "seniority", "intent_score",
)  # fmt: skip
Cell = tuple[str, Any]


def kind(event: str, page: str | None, policy: Policy) -> str:
    """The first signal of the policy that the event is of; an unscored page is none."""
    for name, signal in policy.signals.signals.items():
        fits = not signal.page_types or page in signal.page_types
        if event in signal.events and fits and page not in policy.signals.unscored_page_types:
            return name
    return event


def touchpoints(home: Home, policy: Policy) -> dict[str, list[dict[str, Any]]]:
    """Account → its touchpoints with the policy's signal types."""
    found = defaultdict(list)
    for values in rows(home, f"SELECT {', '.join(_TOUCH)} FROM touchpoints"):
        row = dict(zip(_TOUCH, values, strict=True))
        row["signal_type"] = kind(row["event"], row["page_type"], policy)
        found[row["account_id"]].append(row)
    return found


def customers(home: Home, day: Any) -> set[str]:
    """Who takes part in expansion: the CRM calls it a customer, or a deal was won and it did not leave."""
    held = "valid_from <= ? AND (valid_to IS NULL OR ? < valid_to)".replace("?", f"DATE '{day}'")
    types = dict(rows(home, f"SELECT account_id, account_type FROM accounts WHERE {held}"))
    won = rows(
        home,
        f"SELECT account_id FROM crm_opportunities WHERE {held} AND is_closed AND is_won "
        "AND NOT is_deleted",
    )
    named = {a for a, t in types.items() if t == "customer"}
    return named | {a for (a,) in won if a in types and types[a] != "former_customer"}


def fits(home: Home, motion: str, day: Any) -> dict[str, tuple[str, str, str]]:
    """Account → gate, grade and tier on a day; those who are not refused."""
    found = rows(
        home,
        "SELECT account_id, fit_gate, fit_grade, tier FROM account_fit WHERE fit_gate <> 'fail' "
        f"AND motion = '{motion}' AND valid_from <= DATE '{day}' "
        f"AND (valid_to IS NULL OR DATE '{day}' < valid_to)",
    )
    return {a: (gate, grade, tier) for a, gate, grade, tier in found}


def score_type(grade: str, above: bool) -> str | None:
    if grade in "AB":
        return "balanced" if above else "fit_heavy"
    return "intent_heavy" if above else None


@pytest.mark.slow
@pytest.mark.parametrize("motion", ["new_business", "expansion"])
def test_every_score_and_receipt_equals_the_second_computation(built: Home, motion: str) -> None:
    policy = load_policy(None).of_motion(motion)
    touched, compared = touchpoints(built, policy), 0
    for day in DAYS:
        stood = rows(
            built,
            "SELECT account_id, engagement_score, threshold, score_type, eligible_people, "
            f"people_on_high_intent FROM scores WHERE motion = '{motion}' AND score_date = DATE '{day}'",
        )
        receipts: dict[str, dict[str, tuple[Decimal, ...]]] = defaultdict(dict)
        for account, component, *figures in rows(
            built,
            "SELECT account_id, component, raw_points, lost_to_cap, decayed_points, lost_to_ceiling, "
            f"points FROM score_receipts WHERE motion = '{motion}' AND score_date = DATE '{day}'",
        ):
            receipts[account][component] = tuple(figures)
        fit = fits(built, motion, day)
        if motion == "expansion":
            taking = customers(built, day)
            fit = {a: f for a, f in fit.items() if a in taking}
        wanted = {
            a: made for a in fit if (made := expected(touched.get(a, []), policy, day)) is not None
        }
        assert {row[0] for row in stood} == set(wanted)
        for account, score, threshold, name, people, viewers in stood:
            _same(wanted[account], score, receipts[account], people, viewers)
            limit = getattr(policy.stages.tiers, fit[account][2]).threshold
            assert threshold == limit
            assert name == score_type(fit[account][1], score >= limit)
            compared += 1
    assert compared > (50 if motion == "new_business" else 5)


def _same(
    wanted: Expected,
    score: Decimal,
    receipt: dict[str, tuple[Decimal, ...]],
    people: int,
    viewers: int,
) -> None:
    assert set(receipt) == set(wanted.receipts)
    for component, figures in receipt.items():
        pairs = zip(figures, wanted.receipts[component], strict=True)
        assert all(abs(a - b) <= CENT for a, b in pairs), component
    assert score == sum((f[4] for f in receipt.values()), Decimal(0))
    assert abs(score - wanted.score) <= CENT * max(1, len(receipt))
    assert (people, viewers) == (wanted.eligible_people, wanted.people_on_high_intent)
