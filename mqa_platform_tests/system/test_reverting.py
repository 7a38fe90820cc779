"""A promotion that is taken back leaves what would hold without it, on each day."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform.promoting import PromotionRefusedError
from mqa_platform.promotions import TABLE, load_history, promotions, promotions_table
from mqa_platform.reverting import revert
from mqa_platform_tests.system.pipeline import FIRST, day
from mqa_platform_tests.system.test_promotions import ASKED, THRESHOLD, changed, put, run_again

LOWER = ("stages.yaml", "threshold: 90", "threshold: 85")


def held(home: Home, *days: int) -> list[float]:
    """The threshold in force on each of the days."""
    history = load_history(home)
    tiers = (history.effective_on(day(n).lo).policy.stages.tiers for n in days)
    return [float(t.scaled.threshold) for t in tiers]


def test_a_revert_brings_the_baseline_back_which_nobody_approved(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(PromotionRefusedError, match="nothing was promoted"):
        revert(home, None, "bob", "too many", run_again)
    put(home, changed(tmp_path / "new", THRESHOLD), day(10).lo)
    with pytest.raises(PromotionRefusedError, match="0002 came into force on 2025-07-11, after"):
        revert(home, day(9).lo, "bob", "too many", run_again)
    done = revert(home, day(12).lo, "bob", "too many", run_again)
    assert done.changes == {"stages.tiers.scaled.threshold": (80.0, 90.0)}
    log = promotions(home)
    assert [(p.promotion_id, p.kind, p.reverts) for p in log] == [
        ("0001", "baseline", None), ("0002", "promotion", None), ("0003", "revert", "0002"),
    ]  # fmt: skip
    assert log[2].version == log[0].version
    approved = (log[2].approved_by_marketing, log[2].approved_by_sales, log[2].evidence)
    assert approved == (None, None, "reverts 0002")
    assert held(home, 9, 10, 11, 12) == [90, 80, 80, 90]
    with pytest.raises(PromotionRefusedError, match="every promotion was reverted"):
        revert(home, day(13).lo, "bob", "again", run_again)
    # What the log says of it is a table with a contract.
    contract = load_contracts()[TABLE]
    con = duckdb.connect()
    con.register("log", promotions_table(home))
    for rule in contract.rules:
        if rule.query:
            assert con.execute(rule.query.format(batch="log")).fetchall() == [], rule.name


def test_a_revert_of_what_began_on_the_first_day_brings_the_baseline_back(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    put(home, changed(tmp_path / "new", THRESHOLD), FIRST)
    revert(home, None, "bob", "too many", run_again)
    assert held(home, 0, 20) == [90, 90]


def test_a_corrected_promotion_comes_back_when_its_correction_is_reverted(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    put(home, changed(tmp_path / "b", THRESHOLD), day(20).lo, replace(ASKED, author="first"))
    put(home, changed(tmp_path / "c", LOWER), day(20).lo)
    done = revert(home, None, "bob", "too many", run_again)
    assert done.changes == {"stages.tiers.scaled.threshold": (85.0, 80.0)}
    assert held(home, 19, 20) == [90, 80]
    # What was approved when it came into force is approved again by the same.
    assert done.entry.approved_by_sales == "sales-lead"
    # A second revert goes on to what is left, and not back to what was just taken back.
    revert(home, None, "bob", "all of it", run_again)
    assert held(home, 19, 20) == [90, 90]
    assert [p.reverts for p in promotions(home)] == [None, None, None, "0003", "0002"]


def test_a_revert_leaves_a_policy_in_force_that_was_promoted_for_later_days(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    put(home, changed(tmp_path / "b", THRESHOLD), day(30).lo)
    put(home, changed(tmp_path / "c", LOWER), day(15).lo)
    assert held(home, 10, 20, 40) == [90, 85, 80]
    # The newest promotion ends where the older one begins: on that day there is nothing to take back.
    with pytest.raises(PromotionRefusedError, match="0003, the newest, .* not on 2025-08-10"):
        revert(home, day(40).lo, "bob", "too many", run_again)
    done = revert(home, day(15).lo, "bob", "too many", run_again)
    assert done.changes == {"stages.tiers.scaled.threshold": (85.0, 90.0)}
    assert held(home, 10, 20, 40) == [90, 90, 80]


def test_a_revert_does_not_end_before_the_promotion_does(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    put(home, changed(tmp_path / "c", LOWER), day(10).lo)
    put(home, changed(tmp_path / "d", THRESHOLD), day(20).lo)
    revert(home, day(25).lo, "bob", "back to 85", run_again)
    assert held(home, 10, 20, 25) == [85, 80, 85]
    with pytest.raises(PromotionRefusedError, match="0002 holds again from 2025-07-26 on"):
        revert(home, day(10).lo, "bob", "and that too", run_again)
    revert(home, day(26).lo, "bob", "and that too", run_again)
    assert held(home, 10, 20, 25, 26) == [85, 80, 85, 90]
