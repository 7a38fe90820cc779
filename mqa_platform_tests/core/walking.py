"""Days of facts for the fold, and what it answers, for the tests of stages.

Belongs here: rows of facts with quiet defaults and the reading of state and move lines. Does not belong
here: tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mqa_platform.core.fold import FACT_COLUMNS, fold_kernel
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.engine import day, default_policy

_MONEY = pa.decimal128(18, 4)
_DATES = {
    "day", "last_eligible_on", "entered_on", "mqa_on", "last_exit_on", "first_touch_on",
    "last_activity_on",
}  # fmt: skip
_FLAGS = {
    "is_target", "is_suppressed", "anonymous_evidence", "hand_raised", "open_opportunity",
    "is_customer", "touched",
}  # fmt: skip
_COUNTS = {"eligible_people", "people_on_high_intent", "episode", "days_below"}


def _type(column: str) -> pa.DataType:
    if column in ("engagement_score", "threshold"):
        return _MONEY
    if column in _DATES:
        return pa.date32()
    if column in _FLAGS:
        return pa.bool_()
    return pa.int64() if column in _COUNTS else pa.string()


FACTS = pa.schema([(c, _type(c)) for c in FACT_COLUMNS])
BEFORE_ALL = day(-1000)
# An account of a tier with threshold 100: quiet, hot with evidence of today, and warm.
QUIET: dict[str, Any] = {"score": 0}
HOT: dict[str, Any] = {"score": 120, "people": 3, "seen": 0}
WARM: dict[str, Any] = {"score": 50, "seen": 0}


def fact(
    number: int,
    *,
    account_id: str = "acme",
    score: float | str = 0,
    people: int = 0,
    committee: int = 0,
    seen: int | None = None,
    gate: str = "pass",
    **others: Any,
) -> dict[str, Any]:
    """Facts of a day; ``seen`` is how many days ago the last eligible touchpoint was."""
    row = {
        "account_id": account_id,
        "day": day(number),
        "engagement_score": Decimal(str(score)),
        "threshold": Decimal(100),
        "fit_gate": gate,
        "eligible_people": people,
        "people_on_high_intent": committee,
        "last_eligible_on": None if seen is None else day(number - seen),
        **dict.fromkeys(_FLAGS, False),
    }
    return {**dict.fromkeys(FACT_COLUMNS), **row, **others}


def fold(
    rows: Iterable[Mapping[str, Any]], policy: Policy | None = None, first_day: date = BEFORE_ALL
) -> list[dict[str, Any]]:
    """All lines of the fold."""
    table = pa.Table.from_pylist([dict(r) for r in rows], schema=FACTS)
    return fold_kernel(policy or default_policy(), first_day).fn(table).to_pylist()


def moves(
    facts: Sequence[Mapping[str, Any]],
    policy: Policy | None = None,
    first_day: date = BEFORE_ALL,
) -> list[tuple[int, str, str, str]]:
    """(day number, from, to, rule) of one account whose day ``i`` is ``facts[i]``."""
    lines = fold([fact(i, **f) for i, f in enumerate(facts)], policy, first_day)
    found = [line for line in lines if line["kind"] == "move"]
    found.sort(key=lambda line: (line["day"], line["seq"]))
    return [((m["day"] - day(0)).days, m["from_stage"], m["stage"], m["rule"]) for m in found]


def path(
    facts: Sequence[Mapping[str, Any]], policy: Policy | None = None, first_day: date = BEFORE_ALL
) -> str:
    """The stages passed, as ``day:stage`` words."""
    return " ".join(f"{n}:{to}" for n, _, to, _ in moves(facts, policy, first_day))


def states(
    facts: Sequence[Mapping[str, Any]], policy: Policy | None = None, first_day: date = BEFORE_ALL
) -> list[str]:
    """The stage of one account at the end of each day."""
    lines = fold([fact(i, **f) for i, f in enumerate(facts)], policy, first_day)
    return [line["stage"] for line in lines if line["kind"] == "state"]
