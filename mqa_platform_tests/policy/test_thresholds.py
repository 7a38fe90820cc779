"""Other thresholds in a policy folder, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.policy.changes import changes
from mqa_platform.policy.loader import copy_policy, load_policy
from mqa_platform.policy.problems import PolicyError
from mqa_platform.policy.thresholds import write_thresholds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy_policy(None, tmp_path / "policy")
    return tmp_path / "policy"


def test_only_the_thresholds_change_and_every_comment_stays(folder: Path):
    path = folder / "stages.yaml"
    before = path.read_text().splitlines()
    write_thresholds(path, {"strategic": 84.9, "programmatic": 120}, 60)
    after = path.read_text().splitlines()
    assert [b for a, b in zip(before, after, strict=True) if a != b] == [
        "    threshold: 84.9", "    threshold: 120", "mql_threshold: 60",
    ]  # fmt: skip
    found = changes(load_policy(None), load_policy(folder))
    assert found == {
        "stages.tiers.strategic.threshold": (80.0, 84.9),
        "stages.tiers.programmatic.threshold": (100.0, 120.0),
        "stages.mql_threshold": (50.0, 60.0),
    }


def test_a_threshold_that_is_not_on_its_own_line_is_refused_and_nothing_is_written(folder: Path):
    path = folder / "stages.yaml"
    path.write_text("tiers: {scaled: {threshold: 90, sla_hours: 8}}\n")
    with pytest.raises(PolicyError, match="line of its own"):
        write_thresholds(path, {"scaled": 91})
    with pytest.raises(PolicyError, match=r"tiers\.strategic\.threshold"):
        write_thresholds(path, {"strategic": 91})
    assert path.read_text() == "tiers: {scaled: {threshold: 90, sla_hours: 8}}\n"
