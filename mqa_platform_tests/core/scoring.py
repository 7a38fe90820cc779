"""Random policies and touchpoints for the scoring tests, and the kernel's answer by account and day.

Belongs here: generators and the reading of receipt lines. Does not belong here: what a score should
be (``arithmetic``) or tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from mqa_platform.core.decay import score_kernel
from mqa_platform.core.score_lines import TOTAL
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.engine import TOUCHPOINTS, policy_with, touch

CALM = settings(
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
    max_examples=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
NUMBERS = ("raw_points", "lost_to_cap", "decayed_points", "lost_to_ceiling", "points")
ENGAGEMENT = ("hand_raise", "pricing", "mail", "negative")


def answer(rows: Iterable[Mapping[str, Any]], policy: Policy, days: Sequence[date]) -> pa.Table:
    """The kernel's lines."""
    table = pa.Table.from_pylist([dict(r) for r in rows], schema=TOUCHPOINTS)
    return score_kernel(policy, days).fn(table)


def by_cell(lines: pa.Table) -> dict[tuple[str, date], dict[str, dict[str, Any]]]:
    """(account, day) → component → line."""
    out: dict[tuple[str, date], dict[str, dict[str, Any]]] = {}
    for line in lines.to_pylist():
        cell = out.setdefault((line["account_id"], line["score_date"]), {})
        assert line["component"] not in cell, line
        cell[line["component"]] = line
    return out


def score(rows: Iterable[Mapping[str, Any]], policy: Policy, day: date) -> Decimal:
    """The score of the only account on a day."""
    return total(rows, policy, day)["points"]


def total(rows: Iterable[Mapping[str, Any]], policy: Policy, day: date) -> dict[str, Any]:
    """The total line of the only account on a day."""
    (cell,) = by_cell(answer(rows, policy, [day])).values()
    return cell[TOTAL]


def receipt(
    rows: Iterable[Mapping[str, Any]], policy: Policy, day: date
) -> dict[str, dict[str, Any]]:
    """component → line of the only account on a day, without the total."""
    (cell,) = by_cell(answer(rows, policy, [day])).values()
    return {name: line for name, line in cell.items() if name != TOTAL}


def table_set(lines: pa.Table) -> list[tuple[Any, ...]]:
    """The lines as a sorted list of plain values, to compare two runs to the last bit."""
    return sorted((tuple(r.values()) for r in lines.to_pylist()), key=repr)


_REASON = "because the test says so"
_limits = st.none() | st.integers(1, 400).map(lambda n: n / 7)
_signal = st.fixed_dictionaries(
    {
        "weight": st.integers(1, 700).map(lambda n: n / 7),
        "half_life_days": st.sampled_from([30, 37.5, 45, 60]),
        "per_person_day": _limits,
        "per_account_day": _limits,
        "ceiling": _limits,
    }
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Policies with random weights, caps, half-lives, ceilings and windows; always a valid one."""
    signals = {
        "hand_raise": {**draw(_signal), "events": ["demo_request"], "hand_raise": True},
        "pricing": {**draw(_signal), "events": ["page_view"], "high_intent": True},
        "mail": {**draw(_signal), "events": ["email_click"]},
        "negative": {
            **draw(_signal),
            "events": ["ad_click"],
            "weight": draw(st.integers(-300, -1)) / 3,
        },
        "surge": {**draw(_signal), "events": ["intent"], "kind": "intent"},
        "news": {
            **draw(_signal),
            "events": ["layoffs"],
            "kind": "trigger",
            "ceiling": draw(st.integers(1, 20)),
            "expires_after_days": draw(st.sampled_from([1, 20, 60, 365])),
        },
    }
    return policy_with(
        signals={
            "lookback_days": draw(st.sampled_from([30, 45, 90])),
            "signals": {n: {**s, "reason": _REASON} for n, s in signals.items()},
            "multi_contact": {
                "weight": draw(st.integers(30, 120)) / 3,
                "limit": draw(st.integers(4, 6)),
                "window_days": draw(st.integers(1, 40)),
            },
            "committee_on_high_intent": {
                "weight": draw(st.integers(0, 60)) / 3,
                "people": draw(st.integers(2, 3)),
                "window_days": draw(st.integers(1, 20)),
            },
            "eligible_confidence": draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        }
    )


@st.composite
def touchpoints(draw: st.DrawFn, account_id: str = "acme", most: int = 25) -> list[dict[str, Any]]:
    """Touchpoints of one account over two months: known people, cookies, nobody, ours and theirs."""
    kinds = [*ENGAGEMENT, "mail", "surge", "news", "unsubscribe", "outbound_email"]
    rows = []
    for i in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(kinds))
        nobody = kind in ("surge", "news")
        who = draw(st.sampled_from([None, None] if nobody else ["p1", "p2", "p3", "p4", None]))
        cookie = None if nobody else draw(st.sampled_from(["c1", "c2", None]))
        rows.append(
            touch(
                draw(st.integers(0, 60)),
                kind,
                account_id=account_id,
                signal_id=f"{account_id}{i}",
                person_id=who,
                anonymous_id=cookie,
                session_id=cookie and f"v{i}",
                direction="outbound"
                if kind == "outbound_email"
                else draw(st.sampled_from(["inbound", "inbound", "inbound", "outbound"])),
                strength=draw(st.sampled_from([0.0, 0.2, 1 / 3, 1.0, 1.0])),
                seniority=draw(st.sampled_from([0.5, 0.75, 1.0, 1.25, 2.0])),
                share=draw(st.sampled_from([1.0, 1.0, 0.5, 1 / 3])),
                match_confidence=draw(st.sampled_from([1.0, 0.9, 0.75, 0.5])),
                intent_score=draw(st.sampled_from([None, 55.0, 80.0])) if nobody else None,
            )
        )
    return rows
