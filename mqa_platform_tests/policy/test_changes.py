"""What differs between two policies, and which of it moves a threshold."""

from __future__ import annotations

from pathlib import Path

from mqa_platform.policy.changes import as_json, changes, said, thresholds
from mqa_platform.policy.loader import copy_policy, load_policy
from mqa_platform.policy.models import Policy

DEFAULT = load_policy(None)


def changed(folder: Path, *edits: tuple[str, str, str]) -> Policy:
    copy_policy(None, folder)
    for file, before, after in edits:
        text = (folder / file).read_text()
        assert before in text
        (folder / file).write_text(text.replace(before, after, 1))
    return load_policy(folder)


def test_every_changed_setting_is_named_with_both_values(tmp_path: Path) -> None:
    other = changed(
        tmp_path,
        ("stages.yaml", "exit_days: 5", "exit_days: 6"),
        ("signals.yaml", "weight: 8\n", "weight: 9\n"),
        ("motions/expansion/stages.yaml", "threshold: 75", "threshold: 70"),
    )
    found = changes(DEFAULT, other)
    assert said(found) == [
        "expansion/stages.tiers.scaled.threshold: 75 → 70",
        "signals.signals.pricing_view.weight: 8 → 9",
        "stages.exit_days: 5 → 6",
    ]
    assert list(thresholds(found)) == ["expansion/stages.tiers.scaled.threshold"]
    assert '"stages.exit_days":[5,6]' in as_json(found)
    assert changes(other, DEFAULT) == {k: (b, a) for k, (a, b) in found.items()}


def test_comments_and_the_way_a_number_is_written_are_no_change(tmp_path: Path) -> None:
    other = changed(tmp_path, ("stages.yaml", "threshold: 90", "threshold: 90.0 # as it was"))
    assert changes(DEFAULT, other) == {}


def test_where_files_lie_is_no_change(tmp_path: Path) -> None:
    copy_policy(None, tmp_path)
    (tmp_path / "sources.yaml").write_text("sources: {}\n")
    assert changes(DEFAULT, load_policy(tmp_path)) == {}


def test_what_moves_the_bar_needs_to_be_a_threshold_whatever_it_is_called(tmp_path: Path) -> None:
    edits = [
        ("stages.yaml", "mql_threshold: 50", "mql_threshold: 55"),
        ("stages.yaml", "engaged_ratio: 0.4", "engaged_ratio: 0.5"),
        ("stages.yaml", "exit_ratio: 0.8", "exit_ratio: 0.7"),
    ]
    found = changes(DEFAULT, changed(tmp_path, *edits))
    assert set(thresholds(found)) == set(found)
    assert len(found) == 3


def test_a_motion_that_one_side_lacks_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "motions").mkdir()
    found = changes(load_policy(tmp_path), DEFAULT)
    assert found["expansion/stages.tiers.scaled.threshold"] == (None, 75.0)
    assert all(name.startswith("expansion/") for name in found)
