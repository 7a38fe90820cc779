"""The weekly watch and the backtest count the same on every engine that keeps tables to look back on."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis.expr.types as ir
import pytest

from mqa_platform.backtesting import backtest
from mqa_platform.core.calibration.stale import stale_thresholds
from mqa_platform.core.history import PolicyHistory
from mqa_platform.drifting import watch
from mqa_platform_tests.conformance.cases import Stages

# Far enough behind the cases that the months of their scores have all their outcomes.
LATER = date(2026, 6, 30)
SOON = date(2026, 3, 8)


class Published:
    """The cases' tables as the programmes that look back read them."""

    def __init__(self, stages: Stages) -> None:
        self.session = stages.session
        self.table = stages.tables.__getitem__
        self.apply = stages.session.apply

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        return self.session.arrow(expr).to_pylist()

    def keep(self, expr: ir.Table) -> ir.Table:
        return self.session.constant("scratch", self.session.arrow(expr))


def looked_back(stages: Stages) -> dict[str, list[dict[str, Any]]]:
    history = PolicyHistory.always(stages.policy, "v1")
    tables, ages = Published(stages), stale_thresholds(history, [], SOON)
    past = backtest(tables, history, LATER)
    return {
        "checks": watch(tables, history, ages, SOON).rows,
        "models": past.models,
        "outcomes": past.outcomes,
        "leaks": past.leaks,
    }


@pytest.fixture(scope="module")
def expected(on_duckdb: Stages) -> dict[str, list[dict[str, Any]]]:
    return looked_back(on_duckdb)


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("postgres", marks=pytest.mark.pg)])
def test_looking_back_says_the_same_on_every_engine(
    engine: str, expected, request: pytest.FixtureRequest
) -> None:
    found = looked_back(request.getfixturevalue(f"on_{engine}"))
    for name, rows in expected.items():
        assert len(found[name]) == len(rows), name
        for mine, other in zip(found[name], rows, strict=True):
            assert mine.keys() == other.keys()
            for column, value in other.items():
                wanted = pytest.approx(value) if isinstance(value, float) else value
                assert mine[column] == wanted, (name, column, mine, other)


def test_the_cases_are_ranked_and_watched(expected) -> None:
    assert {r["split_on"] for r in expected["models"]} >= {date(2026, 2, 1)}
    assert any(r["accounts"] for r in expected["outcomes"] if r["band"] != "no score")
    assert any(r["seen"] for r in expected["checks"] if r["check_name"] == "signal_volume")
