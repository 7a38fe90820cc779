"""A signal is late when its day was published before it came; too late, it is counted and not taken."""

from __future__ import annotations

import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.horizon import late_arrivals, late_signals, within_horizon
from mqa_platform_tests.core.engine import at, day, landed_schema

BATCH = {
    "batch_id": "b", "landed_on": day(100), "published_from": day(0), "published_to": day(60),
    "first_event_on": day(0), "landed_at": at(100),
}  # fmt: skip


def found(engine, number, horizon=30, **batch):
    """The late signals of a batch with one signal on a day, and whether it is taken."""
    signal = {"source": "s", "event_id": "e", "event_date": day(number), "batch_id": "b"}
    landed = engine.table([signal], landed_schema("landed_signals"))
    batches = engine.table([{**BATCH, **batch}], load_contracts()["landed_batches"].arrow_schema)
    late = engine.keep(late_signals(landed, batches, horizon))
    taken = engine.rows(within_horizon(landed, late))
    return engine.rows(late_arrivals(late)), bool(taken)


@pytest.mark.parametrize(
    ("number", "batch", "late"),
    [
        (59, {}, 1),
        (30, {}, 30),
        (29, {}, 31),
        (0, {}, 60),
        # The newest day is open, a later one is not there yet, an earlier one was never published.
        (60, {}, None),
        (61, {}, None),
        (-1, {}, None),
        # Nothing was published when it came: a first load is never late.
        (5, {"published_from": None, "published_to": None}, None),
    ],
)
def test_a_signal_is_late_by_the_days_that_were_published_when_it_came(engine, number, batch, late):
    arrivals, taken = found(engine, number, **batch)
    assert taken == (late is None or late <= 30)
    if late is None:
        assert arrivals == []
        return
    (row,) = arrivals
    assert (row["days_late"], row["signals"], row["landed_on"]) == (late, 1, day(100))
    assert row["outcome"] == ("taken" if taken else "beyond_horizon")


def test_a_delivery_in_time_of_the_same_event_is_taken_whatever_came_later(engine):
    signal = {"source": "s", "event_id": "e", "event_date": day(1)}
    landed = engine.table(
        [{**signal, "batch_id": "first"}, {**signal, "batch_id": "b"}],
        landed_schema("landed_signals"),
    )
    first = {**BATCH, "batch_id": "first", "published_from": None, "published_to": None}
    schema = load_contracts()["landed_batches"].arrow_schema
    late = engine.keep(late_signals(landed, engine.table([BATCH, first], schema), 30))
    assert [r["batch_id"] for r in engine.rows(within_horizon(landed, late))] == ["first"]
