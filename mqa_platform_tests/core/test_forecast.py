"""The forecast: expected by hand, wide enough, and silent on thin data."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from mqa_platform.core.forecast import FORECAST, forecast_kernel
from mqa_platform_tests.core.engine import default_policy

ROWS = pa.schema(
    [("tier", pa.string()), ("age_days", pa.int64()), ("days_to", pa.int64()),
     ("is_over", pa.bool_()), ("acv", pa.decimal128(18, 4)), ("shard", pa.int64())]
)  # fmt: skip


def forecast(rows):
    made = [{"tier": "scaled", "is_over": False, "shard": 0, **r} for r in rows]
    found = forecast_kernel(default_policy()).fn(pa.Table.from_pylist(made, schema=ROWS))
    assert found.schema == FORECAST
    return {(r["segment"], r["horizon_days"]): r for r in found.to_pylist()}


# Of forty old episodes ten had an opportunity on day 20 and ten on day 50, of 1,000 each.
OLD = [
    *({"age_days": 200, "days_to": 20, "acv": 1000} for _ in range(10)),
    *({"age_days": 200, "days_to": 50, "acv": 1000} for _ in range(10)),
    *({"age_days": 200} for _ in range(20)),
]


def test_an_open_mqa_is_worth_what_is_left_of_the_hazard():
    found = forecast([*OLD, {"age_days": 30}])["all", 30]
    # Thirty were watched on day 50 without one before, and ten had one; the open one left on day 30.
    assert found["open_mqas"] == 1
    assert found["opportunities"] == pytest.approx(1 - 20 / 30)
    assert found["pipeline"] == pytest.approx(1000 / 3)
    assert (found["verdict"], found["seen_opportunities"]) == ("ok", 20)


def test_nothing_more_is_expected_past_the_window_and_of_what_is_over():
    rows = [*OLD, {"age_days": 60}, {"age_days": 30, "is_over": True}]
    found = forecast(rows)["all", 90]
    assert (found["open_mqas"], found["opportunities"], found["pipeline"]) == (1, 0, 0)


def test_credit_notes_are_forecast_as_a_loss_inside_of_its_interval():
    found = forecast([*({**r, "acv": -1000} if "acv" in r else r for r in OLD), {"age_days": 30}])
    line = found["all", 30]
    assert line["pipeline"] == pytest.approx(-1000 / 3)
    assert line["pipeline_low"] <= line["pipeline"] <= line["pipeline_high"]


def test_too_few_opportunities_say_nothing():
    found = forecast([*OLD[:9], {"age_days": 30}])["all", 30]
    assert found["verdict"] == "cannot say: 9 of 10 opportunities"
    assert (found["opportunities"], found["pipeline"], found["pipeline_high"]) == (None, None, None)


def test_opportunities_without_amounts_are_counted_and_not_valued():
    found = forecast([*({**r, "acv": None} for r in OLD), {"age_days": 30}])["all", 30]
    assert found["verdict"] == "cannot say: 0 of 5 amounts"
    assert (found["opportunities"], found["pipeline"]) == (pytest.approx(1 / 3), None)


def test_a_time_that_nobody_was_watched_for_is_not_extrapolated():
    young = [{"age_days": 40, "days_to": 20, "acv": 1000} for _ in range(12)]
    found = forecast([*young, *({"age_days": 40} for _ in range(12))])["all", 90]
    assert found["verdict"] == "cannot say: nothing watched beyond day 40"


def test_no_mqas_at_all_are_no_error():
    assert forecast_kernel(default_policy()).fn(ROWS.empty_table()).num_rows == 3


def test_the_interval_holds_what_comes_in_nearly_all_worlds():
    """Two hundred worlds of a known hazard: at least nine in ten of what came lies in the interval."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        to = np.ceil(rng.exponential(120, 140)).astype(int)
        ages = np.concatenate([np.full(100, 200), np.full(40, 20)])
        # The window is 90 days; the open ones are those of age 20 without an opportunity yet.
        came = (to <= 90) & (to <= ages)
        amounts = rng.gamma(2.0, 500.0, 140)
        rows = [
            {"age_days": int(a), "days_to": int(t) if c else None,
             "acv": Decimal(f"{x:.2f}") if c else None}
            for a, t, c, x in zip(ages, to, came, amounts, strict=True)
        ]  # fmt: skip
        found = forecast(rows)["all", 60]
        later = (ages == 20) & ~came & (to <= 80)
        held += found["pipeline_low"] <= amounts[later].sum() <= found["pipeline_high"]
    assert 0.90 <= held / 200 <= 0.99
