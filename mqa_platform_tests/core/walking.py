"""Days of facts for the fold, and what it answers, for the tests of stages.

Belongs here: rows of facts with quiet defaults and the reading of state and move lines. Does not belong
here: tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mqa_platform.core.fold import FACT_COLUMNS, fold_kernel
from mqa_platform.core.history import Span
from mqa_platform.core.stage_facts import fact_type
from mqa_platform.core.window import Window
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.engine import day, default_policy

_TYPES = {
    "date": pa.date32(), "boolean": pa.bool_(), "int64": pa.int64(), "string": pa.string(),
    "decimal(18,4)": pa.decimal128(18, 4),
}  # fmt: skip
_FLAGS = [c for c in FACT_COLUMNS if fact_type(c) == "boolean"]
FACTS = pa.schema([(c, _TYPES[fact_type(c)]) for c in FACT_COLUMNS])
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
    won: int | None = None,
    gate: str = "pass",
    **others: Any,
) -> dict[str, Any]:
    """Facts of a day; ``seen`` and ``won`` are how many days ago that last was.

    Who is touched is answered by the rep, unless told otherwise.
    """
    answered = others.get("answered", others.get("touched", False))
    row = {
        "account_id": account_id,
        "day": day(number),
        "engagement_score": Decimal(str(score)),
        "tier": "programmatic",
        "fit_gate": gate,
        "eligible_people": people,
        "people_on_high_intent": committee,
        "last_eligible_on": None if seen is None else day(number - seen),
        "last_won_on": None if won is None else day(number - won),
        **dict.fromkeys(_FLAGS, False),
        "answered": answered,
        "answered_news": answered,
    }
    return {**dict.fromkeys(FACT_COLUMNS), **row, **others}


def always(policy: Policy | None = None, version: str = "v1") -> list[Span]:
    """One policy on all days."""
    return one_after_another((0, policy or default_policy(), version))


def one_after_another(*policies: tuple[int, Policy, str]) -> list[Span]:
    """Policies with the day from which each is in force; the first speaks for all days before."""
    ends = [*[p[0] for p in policies[1:]], 10_000]
    return [
        Span(Window(day(first) if i else BEFORE_ALL, day(end)), policy, version)
        for i, ((first, policy, version), end) in enumerate(zip(policies, ends, strict=True))
    ]


def fold(
    rows: Iterable[Mapping[str, Any]],
    policy: Policy | Sequence[Span] | None = None,
    first_day: date | Collection[date] = BEFORE_ALL,
) -> list[dict[str, Any]]:
    """All lines of the fold; ``first_day`` are the days on which entries are backlog."""
    table = pa.Table.from_pylist([dict(r) for r in rows], schema=FACTS)
    spans = policy if isinstance(policy, Sequence) else always(policy)
    backlog = {first_day} if isinstance(first_day, date) else first_day
    return fold_kernel(spans, backlog).fn(table).to_pylist()


def moves(
    facts: Sequence[Mapping[str, Any]],
    policy: Policy | Sequence[Span] | None = None,
    first_day: date | Collection[date] = BEFORE_ALL,
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
