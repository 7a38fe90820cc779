"""The order and the size of runs leave no trace: the tables are a function of the days that were run."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.runs import run_on
from mqa_platform_tests.system.pipeline import (
    ALL,
    DAILY,
    FIRST,
    LANDING,
    copy_home,
    day,
    differing,
    fingerprints,
    run,
)

SPAN = Window(FIRST, FIRST + timedelta(days=8))


@pytest.fixture(scope="module")
def one_pass(market: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The first eight days in one range run."""
    home = copy_home(market, tmp_path_factory.mktemp("one_pass"), "inbox")
    run(home, SPAN)
    return home


@pytest.mark.slow
def test_a_second_run_of_the_same_days_changes_nothing(home: Home) -> None:
    before = fingerprints(home)
    changed = run(home, ALL)
    assert [table for table, did in changed.items() if did] == []
    assert differing(fingerprints(home), before) == {}


@pytest.mark.slow
def test_a_partition_in_the_middle_can_be_run_again(home: Home) -> None:
    before = fingerprints(home)
    changed = run(home, day(13))
    assert [table for table, did in changed.items() if did] == []
    assert differing(fingerprints(home), before) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_days_in_any_order_end_in_the_tables_of_one_pass(
    market: Home, one_pass: Home, tmp_path: Path, seed: int
) -> None:
    order = list(range(8))
    random.Random(seed).shuffle(order)
    home = copy_home(market, tmp_path / "home", "inbox")
    # What is published as a whole is made again by every run; here once, with the last day.
    run(home, day(order[0]), work=LANDING)
    run(home, *map(day, order[:-1]), work=DAILY)
    run(home, day(order[-1]))
    assert differing(fingerprints(home), fingerprints(one_pass)) == {}, order


@pytest.mark.slow
def test_ranges_in_reverse_with_a_gap_between_end_in_the_tables_of_one_pass(
    market: Home, one_pass: Home, tmp_path: Path
) -> None:
    home = copy_home(market, tmp_path / "home", "inbox")

    def span(first: int, last: int) -> Window:
        return Window.of(FIRST + timedelta(days=first), FIRST + timedelta(days=last))

    run(home, span(6, 7), span(0, 2), span(2, 6))
    assert differing(fingerprints(home), fingerprints(one_pass)) == {}


@pytest.mark.slow
def test_through_dagster_a_range_and_a_rerun_of_a_day_leave_the_same_tables(
    market: Home, built: Home, tmp_path: Path
) -> None:
    home = copy_home(market, tmp_path / "home", "inbox")
    with dg.DagsterInstance.ephemeral() as instance:
        first = run_on(instance, home, ALL)
        again = run_on(instance, home, Window.of(date(2025, 7, 9), date(2025, 7, 10)))
    assert first.changed
    assert not again.changed
    assert first.warnings == []
    assert differing(fingerprints(home), fingerprints(built)) == {}
    assert home.snapshot.exists()
