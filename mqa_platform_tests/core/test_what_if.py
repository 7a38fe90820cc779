"""A lower bar lets nobody out, and a higher one nobody in."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.core.what_if import first_qualifying, would_enter
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import ACCOUNTS, account, day, default_policy

WINDOW = Window(day(0), day(30))
SCORES = pa.schema(
    [
        ("account_id", pa.string()),
        ("score_date", pa.date32()),
        ("engagement_score", pa.decimal128(18, 4)),
        ("eligible_people", pa.int64()),
        ("people_on_high_intent", pa.int64()),
        ("anonymous_evidence", pa.bool_()),
        ("hand_raised", pa.bool_()),
    ]
)
# Below 90 for five days, then above.
RISEN = [85, 85, 85, 85, 85, 95, 95, 95]
# Twice above 90, and in between long enough below to begin a second time; always above 80.
TWICE = [0, 95, *[85] * 12, 95, 95]


def asked(engine, points, bar):
    """The days on which the account begins to qualify, and the first on which it does."""
    known = {"eligible_people": 3, "people_on_high_intent": 3,
             "anonymous_evidence": False, "hand_raised": False}  # fmt: skip
    rows = [
        {"account_id": "acme", "score_date": day(n), "engagement_score": Decimal(p), **known}
        for n, p in enumerate(points)
    ]
    told = (
        engine.table(rows, SCORES),
        engine.table([account()], ACCOUNTS),
        default_policy(),
        {"programmatic": Decimal(bar)},
        WINDOW,
    )
    began = [r["day"] for r in engine.rows(would_enter(*told), "day")]
    return began, [r["day"] for r in engine.rows(first_qualifying(*told), "day")]


@pytest.mark.parametrize(
    ("bar", "began", "first"),
    [(90, [day(5)], [day(5)]), (80, [], [day(0)]), (96, [], [])],
)
def test_who_is_above_a_lower_bar_from_the_start_qualifies_all_the_same(engine, bar, began, first):
    assert asked(engine, RISEN, bar) == (began, first)


def test_two_stretches_that_a_lower_bar_makes_one_are_one_entry_and_nobody_lost(engine):
    assert asked(engine, TWICE, 90) == ([day(1), day(14)], [day(1)])
    assert asked(engine, TWICE, 80) == ([day(1)], [day(1)])
