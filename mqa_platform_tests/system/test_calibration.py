"""A proposal is published, dated, and in force only when somebody promotes it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mqa_platform.assets.calibration import calibration
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform_tests.system.pipeline import ALL, copy_home, run


@pytest.fixture(scope="module")
def calibrated(built: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The built home with a proposal published, as the quarterly job does it; tests only read it."""
    home = copy_home(built, tmp_path_factory.mktemp("calibrated"))
    run(home, ALL, work=(calibration,))
    return home


def rows(home: Home, table: str) -> list[dict[str, Any]]:
    """All rows of a published table."""
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        found = con.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.slow
def test_a_run_proposes_a_threshold_for_every_tier_and_changes_none(calibrated: Home) -> None:
    found = {r["tier"]: r for r in rows(calibrated, "threshold_proposals")}
    assert set(found) == {"strategic", "scaled", "programmatic"}
    bars = {tier: float(rule.threshold) for tier, rule in load_policy(None).stages.tiers}
    assert {t: r["threshold_now"] for t, r in found.items()} == bars
    assert {r["policy_version"] for r in found.values()} == {policy_version(load_policy(None))}
    assert {r["proposed_on"] for r in found.values()} == {ALL.days()[-1]}
    scores = [r for r in rows(calibrated, "scores") if r["motion"] == "new_business"]
    assert {float(r["threshold"]) for r in scores} <= set(bars.values())


@pytest.mark.slow
def test_the_curve_has_every_step_of_every_tier_and_marks_the_one_proposed(
    calibrated: Home,
) -> None:
    curve = rows(calibrated, "threshold_curve")
    assert len(curve) == 65 * 4
    proposed = {r["tier"]: r["step"] for r in curve if r["is_proposed"]}
    assert proposed == {r["tier"]: r["step"] for r in rows(calibrated, "threshold_proposals")}


@pytest.mark.slow
def test_the_room_is_what_the_reps_file_says_less_absence_and_open_work(calibrated: Home) -> None:
    room = rows(calibrated, "sales_room")
    reps = {r["rep_id"] for r in room}
    active = [r for r in rows(calibrated, "capacity") if r["is_active"] and r["capacity_per_week"]]
    assert reps == {r["user_id"] for r in active}
    assert len(room) == 13 * len(reps)
    since = ALL.days()[-1] - timedelta(days=91)
    others = [
        h
        for h in rows(calibrated, "handoffs")
        if h["motion"] != "new_business" and h["created_on"] > since
        and h["route_rule"] != "anonymous_evidence"
    ]  # fmt: skip
    whole = sum(r["room"] for r in room) / 13 - len(others) / 13
    assert whole == pytest.approx(rows(calibrated, "threshold_proposals")[0]["room_per_week"])


@pytest.mark.slow
def test_the_verb_says_what_is_published_and_nothing_is_promoted(
    calibrated: Home, tmp_path: Path, verb
) -> None:
    home = copy_home(calibrated, tmp_path / "home")
    code, out = verb(home, "calibrate", "--json")
    assert code == 0
    told = json.loads(out)
    published = rows(home, "threshold_proposals")
    by_tier = {r["tier"]: r for r in told["tiers"]}
    for row in published:
        mine = by_tier[row["tier"]]
        assert mine["threshold_proposed"] == pytest.approx(row["threshold_proposed"])
        assert mine["volume_per_week"] == pytest.approx(row["volume_per_week"])
        assert mine["says"] == row["says"]
    moved = any(r["threshold_proposed"] != r["threshold_now"] for r in told["tiers"])
    assert (told["folder"] is not None) == moved
    if moved:
        changed = load_policy(Path(told["folder"])).stages.tiers
        wanted = {t: float(rule.threshold) for t, rule in changed}
        assert wanted == {t: by_tier[t]["threshold_proposed"] for t in wanted}
        assert "mqa policy promote" in told["commands"][-1]
    assert not (home.policies / "log").exists()


@pytest.mark.slow
def test_an_earlier_day_is_proposed_from_what_was_known_then(home: Home, verb) -> None:
    first = ALL.days()[3].isoformat()
    code, out = verb(home, "calibrate", "--as-of", first, "--json")
    told = json.loads(out)
    assert code == 0
    # Three days are too few for any proposal.
    assert told["as_of"] == first
    assert told["status"] == "cannot_say"
    assert told["folder"] is None
