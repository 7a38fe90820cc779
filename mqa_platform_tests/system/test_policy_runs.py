"""A policy is checked before a run writes anything, and another policy is tried beside the live tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.policy.problems import PolicyError
from mqa_platform.shadows import run_shadow, shadow_home
from mqa_platform_tests.system.pipeline import (
    FIRST,
    copy_home,
    day,
    fingerprints,
    mqa,
    rows,
    run,
)

BAD = {
    "key": ("exit_days: 5", "exit_dais: 5", "did you mean exit_days"),
    "type": ("exit_days: 5", 'exit_days: "5"', "exit_days"),
    "range": ("exit_ratio: 0.8", "exit_ratio: 1.8", "exit_ratio"),
}


def changed_policy(folder: Path, file: str, before: str, after: str) -> Path:
    """The packaged policy with one line changed."""
    copy_policy(None, folder)
    path = folder / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    return folder


def line_of(path: Path, text: str) -> int:
    lines = path.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.strip().startswith(text.strip()))


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_policy_is_refused_with_its_line(tmp_path: Path, kind: str) -> None:
    before, after, hint = BAD[kind]
    folder = changed_policy(tmp_path / "policy", "stages.yaml", before, after)
    line = line_of(folder / "stages.yaml", after)
    with pytest.raises(PolicyError) as refused:
        shadow_home(Home(tmp_path / "home"), folder)
    assert f"stages.yaml:{line}" in str(refused.value)
    assert hint in str(refused.value)
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
@pytest.mark.parametrize("place", ["home", "option"])
def test_a_run_under_a_wrong_policy_ends_with_2_and_writes_nothing(
    market: Home, tmp_path: Path, place: str
) -> None:
    home = copy_home(market, tmp_path / "home", "inbox")
    before, after, hint = BAD["key"]
    folder = home.policy if place == "home" else tmp_path / "policy"
    changed_policy(folder, "stages.yaml", before, after)
    line = line_of(folder / "stages.yaml", after)
    files = sorted(home.root.rglob("*"))
    option = [] if place == "home" else ["--policy", str(folder)]
    answer = mqa(home, "run", "--from", str(FIRST), *option)
    assert answer.returncode == 2, answer.stderr
    told = " ".join(answer.stderr.split())
    assert f"stages.yaml:{line}" in told
    assert hint in told
    assert sorted(home.root.rglob("*")) == files


@pytest.mark.slow
def test_another_policy_writes_its_shadow_and_nothing_else(market: Home, tmp_path: Path) -> None:
    home = copy_home(market, tmp_path / "home", "inbox")
    run(home, Window(FIRST, day(7).hi))
    before = fingerprints(home)
    snapshot = home.snapshot.read_bytes()
    folder = changed_policy(tmp_path / "policy", "signals.yaml", "weight: 8\n", "weight: 16\n")
    version = policy_version(load_policy(folder))
    shadow, result = run_shadow(home, folder, day(7))
    assert result.changed
    assert shadow.root == home.shadows / version
    assert fingerprints(home) == before
    assert home.snapshot.read_bytes() == snapshot
    totals = "SELECT score_date, sum(engagement_score), min(policy_version) FROM scores GROUP BY 1"
    live = {d: (points, used) for d, points, used in rows(home, totals)}
    tried = {d: (points, used) for d, points, used in rows(shadow, totals)}
    assert set(tried) == set(live)
    last = day(7).lo
    assert tried[last][0] > live[last][0]
    assert {used for _, used in tried.values()} == {version}
    assert version not in {used for _, used in live.values()}
    # Run live again: what the shadow landed is nothing new to it.
    assert not any(run(home, day(7)).values())
