"""Two policies are compared in shadow tables, and nothing that is live is touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.policy_comparison import policy_diff
from mqa_platform.policy_replay import ReplayError, named_side, replay
from mqa_platform.policy_try import sentence, try_threshold
from mqa_platform_tests.system.pipeline import (
    ALL,
    FIRST,
    LAST,
    copy_home,
    day,
    differing,
    fingerprints,
    rows,
    run,
)

WINDOW = Window(day(10).lo, day(28).hi)
Verb = Callable[..., tuple[int, str]]


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A policy under which two people are as good as the bar."""
    folder = tmp_path / "wide"
    copy_policy(None, folder)
    path = folder / "signals.yaml"
    before = "multi_contact:\n  weight: 10"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, "multi_contact:\n  weight: 100"))
    return folder


def bytes_of(home: Home) -> dict[str, str]:
    """Every file of a home but its shadows, and what is in it."""
    return {
        p.relative_to(home.root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(home.root.rglob("*"))
        if p.is_file() and not p.is_relative_to(home.shadows)
    }


@pytest.mark.slow
def test_a_difference_is_computed_beside_the_live_tables(home: Home, wide: Path) -> None:
    # Events of runs that were recorded lie in the home as well, so their bytes are looked at too.
    (home.root / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(home.root / "dagster")) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("scores"))
    before, tables = bytes_of(home), fingerprints(home)
    assert any(name.startswith("dagster/") for name in before)
    before = bytes_of(home)
    found = policy_diff(home, "live", str(wide), WINDOW)
    assert bytes_of(home) == before
    assert differing(fingerprints(home), tables) == {}
    one, other = found["one"], found["other"]
    assert found["changes"] == {"signals.multi_contact.weight": (10.0, 100.0)}
    assert found["not_replayed"] == []
    # The side that is live is what was published.
    inside = f"BETWEEN DATE '{WINDOW.lo}' AND DATE '{day(28).lo}'"
    live = rows(
        home,
        "SELECT account_id, motion FROM stage_transitions WHERE to_stage = 'mqa' "
        f"AND rule = 'qualified' AND changed_on {inside}",
    )
    assert (one["entered"], one["backlog"]) == (len(live), 0)
    assert sum(w["entered"] for w in one["weekly"]) == len(live)
    assert sum(one["by_motion"].values()) == len(live)
    # More enter; who was above on the first day is a backlog, as a promotion on that day would make it.
    assert other["backlog"] > 0
    assert found["enter"]
    assert {e["created_on"] for e in found["enter"] if e["is_backlog"]} == {WINDOW.lo}
    assert found["leave"] == []
    assert found["conversion_of_leavers"]["episodes"] == 0
    assert found["conversion_of_joiners"]["episodes"] >= len(found["enter"])
    assert found["in_mqa_on_the_last_day"]["other"] >= found["in_mqa_on_the_last_day"]["one"]
    # The shadow tables have the days of the window under the other policy, and none after it.
    shadow = Home(Path(other["tables"]))
    version = policy_version(load_policy(wide))
    assert rows(
        shadow, "SELECT DISTINCT policy_version FROM scores WHERE score_date " + inside
    ) == [(version,)]
    assert rows(shadow, "SELECT max(stage_date) FROM stages") == [(day(28).lo,)]
    told = f"SELECT * FROM stages WHERE stage_date < DATE '{WINDOW.lo}' ORDER BY ALL"
    assert rows(shadow, told) == rows(home, told)
    live_again = Home(Path(one["tables"]))
    for table, column in (("scores", "score_date"), ("stages", "stage_date")):
        told = f"SELECT * FROM {table} WHERE {column} {inside} ORDER BY ALL"
        assert rows(live_again, told) == rows(home, told), table


@pytest.mark.slow
def test_a_replay_is_what_a_promotion_would_make(home: Home, wide: Path, tmp_path: Path) -> None:
    side = named_side(home, str(wide), WINDOW)
    replayed = replay(home, side, Window(WINDOW.lo, ALL.hi))
    # The same policy, promoted to the same day in a home of its own.
    from mqa_platform_tests.system.test_promotions import put

    promoted = copy_home(home, tmp_path / "promoted")
    put(promoted, wide, WINDOW.lo)
    for table in ("scores", "score_receipts", "stages", "stage_transitions"):
        told = f"SELECT * FROM {table} ORDER BY ALL"
        assert rows(replayed.home, told) == rows(promoted, told), table


def test_live_is_what_is_in_force_in_the_window_whatever_was_promoted_for_later(
    wide: Path, tmp_path: Path
) -> None:
    from mqa_platform_tests.system.test_promotions import put

    home = Home(tmp_path / "home")
    baseline = policy_version(load_policy(None))
    put(home, wide, date(2999, 1, 1))
    side = named_side(home, "live", WINDOW)
    assert (side.version, side.policy.signals.multi_contact.weight) == (baseline, 10)
    put(home, wide, day(28).lo)
    assert named_side(home, "live", WINDOW).version == policy_version(load_policy(wide))


def test_what_cannot_be_compared_is_refused_before_anything_is_made(
    built: Home, wide: Path, tmp_path: Path
) -> None:
    home = copy_home(built, tmp_path / "home", "snapshot.duckdb")
    with pytest.raises(ReplayError, match="'abcd' is no policy folder and no promoted version"):
        policy_diff(home, "live", "abcd", WINDOW)
    late = Window(day(10).lo, ALL.hi + timedelta(days=1))
    with pytest.raises(ReplayError, match="has days that are not published; there are 2025-07-01"):
        policy_diff(home, "live", str(wide), late)


def test_a_threshold_is_tried_in_one_line_without_running_anything(built: Home, verb: Verb) -> None:
    before = bytes_of(built)
    now = try_threshold(built, Decimal(90), tier="scaled")
    assert (now["new"], now["gone"], now["a_week_now"]) == ([], [], now["a_week_then"])
    low, high = (try_threshold(built, Decimal(n)) for n in (20, 1000))
    assert low["a_week_then"] > low["a_week_now"] > high["a_week_then"]
    assert low["new"]
    assert high["new"] == []
    # A lower bar lets nobody out, and a higher one nobody in, wherever an account stands at first.
    for first in range(3, 29, 3):
        assert try_threshold(built, Decimal(20), first=day(first).lo)["gone"] == []
        assert try_threshold(built, Decimal(1000), first=day(first).lo)["new"] == []
    # Who qualifies only below the bar of today stands above the lower one on a day of its own.
    began = min(e["day"] for e in low["new"])
    below = try_threshold(built, Decimal(20), first=began)
    assert below["standing_then"] > below["standing_now"]
    assert f"{below['standing_then']} instead of {below['standing_now']}" in sentence(below)
    assert (low["from"], low["to"]) == (FIRST, LAST)
    code, said = verb(built, "policy", "try", "--threshold", "20")
    assert (code, said.count("\n")) == (0, 1)
    assert said.strip() == sentence(low)
    assert f"about {low['a_week_then']:g} MQAs a week instead of {low['a_week_now']:g}" in said
    code, said = verb(
        built, "policy", "try", "--threshold", "20", "--motion", "expansion", "--json"
    )
    assert json.loads(said)["motion"] == "expansion"
    assert verb(built, "policy", "try", "--threshold", "20", "--tier", "golden")[0] == 2
    assert bytes_of(built) == before


def warned(verb: Verb, home: Home, folder: Path) -> tuple[dict[tuple[str, ...], Any], str]:
    """The warnings of a folder, and what it was held against."""
    code, said = verb(home, "policy", "check", str(folder), "--json")
    assert code == 0
    answer = json.loads(said)
    found = {(w["kind"], w["motion"], w["setting"]): w for w in answer["warnings"]}
    return found, answer["against"]


def test_a_check_warns_with_the_figures_of_what_was_published(
    built: Home, tmp_path: Path, verb: Verb
) -> None:
    folder = tmp_path / "odd"
    copy_policy(None, folder)
    stages = (folder / "stages.yaml").read_text()
    stages = stages.replace("threshold: 100", "threshold: 900").replace(
        "mql_threshold: 50", "mql_threshold: 700"
    )
    (folder / "stages.yaml").write_text(stages)
    found, against = warned(verb, built, folder)
    assert against.startswith("held against")
    assert "were not" not in against
    high = found["outside_observed_range", "new_business", "stages.tiers.programmatic.threshold"]
    told = "SELECT max(engagement_score) FROM scores s JOIN accounts a USING (account_id) WHERE "
    told += "motion = 'new_business' AND tier = 'programmatic' AND valid_from <= score_date "
    told += "AND (valid_to IS NULL OR score_date < valid_to)"
    assert high["figures"]["high"] == float(rows(built, told)[0][0])
    assert "900 is above every score of the tier" in high["message"]
    # An event that nobody delivers; and what was published says nothing of scores with other points.
    text = (folder / "signals.yaml").read_text()
    text = text.replace(
        "  product_or_blog_view:\n",
        "  forwarded:\n    events: [email_forward]\n    weight: 1\n    reason: A mail was sent on.\n"
        "  product_or_blog_view:\n",
    )
    (folder / "signals.yaml").write_text(text)
    found, against = warned(verb, built, folder)
    assert ("never_seen", "new_business", "signals.forwarded") in found
    assert not [key for key in found if key[:2] == ("outside_observed_range", "new_business")]
    assert (
        "the thresholds of new_business were not, for its scores were made with other signals"
        in against
    )
    assert verb(built, "policy", "check")[0] == 0


def test_a_policy_without_data_is_checked_all_the_same(tmp_path: Path, verb: Verb) -> None:
    code, said = verb(Home(tmp_path / "home"), "policy", "check")
    assert code == 0
    assert "The policy is valid" in said
    assert "not held against any data" in said


@pytest.mark.slow
def test_one_more_run_after_a_difference_finds_nothing_to_do(home: Home, wide: Path) -> None:
    policy_diff(home, str(wide), "live", Window.of(LAST, LAST))
    assert not any(run(home, Window.of(LAST, LAST)).values())
