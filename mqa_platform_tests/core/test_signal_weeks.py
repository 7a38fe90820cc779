"""Two signals that always come together are one signal with two names."""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa

from mqa_platform.core.signal_weeks import correlated

WEEK = date(2025, 7, 7)


def weeks(*cells: tuple[int, str, float]) -> pa.Table:
    rows = [
        {"account_id": "a", "week": WEEK + timedelta(days=7 * n), "signal_type": s, "points": p}
        for n, s, p in cells
    ]
    schema = pa.schema(
        [
            ("account_id", pa.string()),
            ("week", pa.date32()),
            ("signal_type", pa.string()),
            ("points", pa.float64()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def test_signals_that_come_together_are_a_pair() -> None:
    cells = [(n, s, (n % 5 + 1) * w) for n in range(30) for s, w in (("one", 1.0), ("two", 3.0))]
    (pair,) = correlated(weeks(*cells), 0.95, 20)
    assert (pair.one, pair.other, pair.weeks) == ("one", "two", 30)
    assert round(pair.correlation, 9) == 1


def test_signals_of_different_weeks_are_none() -> None:
    cells = [(n, "one" if n % 2 else "two", 1.0 + n) for n in range(60)]
    assert correlated(weeks(*cells), 0.95, 20) == []


def test_a_few_weeks_say_nothing() -> None:
    cells = [(n, s, float(n)) for n in range(1, 11) for s in ("one", "two")]
    assert correlated(weeks(*cells), 0.95, 20) == []
    assert correlated(weeks(), 0.95, 20) == []
