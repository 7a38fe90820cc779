"""Reading a policy folder: what is found, what is refused, and what changes its version."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mqa_platform.policy.folder import DEFAULT_FOLDER, SECTIONS
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.policy.problems import PolicyError


def _folder(tmp_path: Path, **files: str) -> Path:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def _default(section: str) -> str:
    return (DEFAULT_FOLDER / f"{section}.yaml").read_text(encoding="utf-8")


def _problems(folder: Path) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        load_policy(folder)
    assert str(refused.value).splitlines() == [str(p) for p in refused.value.problems]
    return [str(problem) for problem in refused.value.problems]


def test_a_file_that_the_folder_lacks_is_the_packaged_one(tmp_path: Path) -> None:
    policy = load_policy(_folder(tmp_path, conversions="meeting_window_days: 14\n"))
    assert policy.conversions.meeting_window_days == 14
    assert policy.signals == load_policy(None).signals


def test_a_field_that_a_file_lacks_has_its_default(tmp_path: Path) -> None:
    assert load_policy(_folder(tmp_path, icp="# everybody\n")).icp.criteria == {}


def test_a_misspelt_key_is_named_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    text = _default("signals").replace("half_life_days", "hal_life_days", 2)
    line = text.splitlines().index("    hal_life_days: 30") + 1
    problems = _problems(_folder(tmp_path, signals=text))
    assert problems[1] == (
        f"signals.yaml:{line}: signals.pricing_view.hal_life_days: unknown key; "
        "did you mean half_life_days?"
    )


def test_an_entry_one_level_too_high_is_shown_its_place(tmp_path: Path) -> None:
    problems = _problems(_folder(tmp_path, signals=_default("signals") + "pricing_views: {}\n"))
    assert len(problems) == 1
    assert problems[0].endswith("unknown key; did you mean signals.pricing_view?")


def test_a_key_like_no_other_is_told_what_there_is(tmp_path: Path) -> None:
    assert _problems(_folder(tmp_path, routing="zzz: 1\n")) == [
        "routing.yaml:1: zzz: unknown key; known are order, regions, "
        "capacity_per_week, follow_owner_changes, reroute_when_a_rep_leaves, max_unrouted, backlog_per_rep_day, "
        "fallback_queue, marketing_queue, experiment"
    ]


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("exit_ratio: abc", "exit_ratio: expected a number, got 'abc'"),
        ("exit_ratio: '0.8'", "exit_ratio: expected a number, got '0.8'"),
        ("exit_ratio: true", "exit_ratio: expected a number, got true"),
        ("exit_ratio: 1.5", "exit_ratio: must be at most 1, got 1.5"),
        ("exit_ratio: .nan", "exit_ratio: not a number that can be used: .nan"),
        ("exit_ratio:", "exit_ratio: expected a number, got nothing"),
        ("exit_days: 2.5", "exit_days: expected a whole number, got 2.5"),
        ("mql_threshold: no", "mql_threshold: expected a number, got 'no'"),
        ("accept_on_touch: yes", "accept_on_touch: expected true or false, got 'yes'"),
        ("tiers: [1]", "tiers: expected keys and values, got a list"),
        ("terminal_reject_reasons: x", "terminal_reject_reasons: expected a list, got 'x'"),
        (
            "terminal_reject_reasons: [Bad Fit]",
            "terminal_reject_reasons.0: expected a name of lower-case letters, digits and "
            "underscores, got 'Bad Fit'",
        ),
        ("cool_down_days: {price: -1}", "cool_down_days.price: must be at least 0, got -1"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_what_was_expected(
    tmp_path: Path, setting: str, reason: str
) -> None:
    assert _problems(_folder(tmp_path, stages=f"\n{setting}\n")) == [f"stages.yaml:2: {reason}"]


def test_a_choice_names_the_options_and_the_nearest(tmp_path: Path) -> None:
    (problem,) = _problems(_folder(tmp_path, identity="shared_domains: refused\n"))
    assert problem.endswith(
        "expected one of refuse, split, pick, got 'refused'; did you mean refuse?"
    )


def test_all_problems_of_all_files_are_reported_at_once(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        icp="grade_a: 10\n",
        program="currency: usd\nhistory_starts_on: 2025-13-01\n",
        routing="a: [\n",
        stages="mql_threshold: 5\ntiers:\n  strategic: {threshold: 20, sla_hours: 4}\n",
    )
    assert [problem.split(": ")[0] for problem in _problems(folder)] == [
        "icp.yaml:1",
        "program.yaml:1",
        "program.yaml:2",
        "routing.yaml:2",
        "signals.yaml (default):101",
        "signals.yaml (default):111",
        "stages.yaml:1",
    ]


def test_five_lukewarm_contacts_must_be_able_to_qualify(tmp_path: Path) -> None:
    (problem,) = _problems(_folder(tmp_path, stages="mql_threshold: 39\n"))
    assert problem.startswith("stages.yaml:1: mql_threshold: five contacts at 30 % of an MQL reach")


def test_a_page_type_without_a_pattern_is_named_on_its_own_line(tmp_path: Path) -> None:
    text = _default("signals").replace("page_types: [pricing]", "page_types: [prices]")
    line = text.splitlines().index("    page_types: [prices]") + 1
    assert _problems(_folder(tmp_path, signals=text)) == [
        f"signals.yaml:{line}: page types without a pattern: prices"
    ]


def test_a_file_of_another_name_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "signal.yaml").write_text("{}")
    (tmp_path / "stages.yml").write_text("{}")
    (tmp_path / "README.md").write_text("notes may stay")
    assert _problems(tmp_path) == [
        "signal.yaml: not a policy file; did you mean signals.yaml?",
        "stages.yml: not a policy file; did you mean stages.yaml?",
    ]


def test_a_folder_that_does_not_exist_is_not_the_default(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path / "polcy")
    assert problem.endswith("polcy: no such policy folder")


def test_comments_layout_and_key_order_do_not_change_the_version(tmp_path: Path) -> None:
    version = policy_version(
        load_policy(_folder(tmp_path, stages="exit_days: 5\nexit_ratio: 0.8\n"))
    )
    same = "# the other way round\nexit_ratio: 0.80\n\n'exit_days': 5\n"
    assert policy_version(load_policy(_folder(tmp_path, stages=same))) == version
    tiers = "tiers:\n  strategic: {sla_hours: 4, threshold: 80.0}\n"
    assert policy_version(load_policy(_folder(tmp_path, stages=tiers))) == version


def test_a_changed_number_changes_the_version(tmp_path: Path) -> None:
    changed = load_policy(_folder(tmp_path, stages="exit_days: 6\n"))
    assert policy_version(changed) != policy_version(load_policy(None))


def test_where_files_lie_does_not_change_the_version(tmp_path: Path) -> None:
    moved = load_policy(_folder(tmp_path, sources="sources: {}\n"))
    assert policy_version(moved) == policy_version(load_policy(None))


def test_the_order_of_page_types_is_part_of_the_version_because_the_first_match_wins() -> None:
    policy = load_policy(None)
    reversed_types = dict(reversed(policy.signals.page_types.items()))
    signals = policy.signals.model_copy(update={"page_types": reversed_types})
    other = policy.model_copy(update={"signals": signals})
    assert policy_version(other) != policy_version(policy)


def test_a_version_is_twelve_hex_digits() -> None:
    version = policy_version(load_policy(None))
    assert len(version) == 12
    assert int(version, 16) >= 0


def test_a_copy_is_complete_and_means_the_same(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    _folder(own, stages="mql_threshold: 60 # ours\n")
    target = tmp_path / "copy"
    copy_policy(own, target)
    assert sorted(f.name for f in target.glob("*.yaml")) == sorted(f"{s}.yaml" for s in SECTIONS)
    assert load_policy(target) == load_policy(own)
    assert load_policy(target).stages.mql_threshold == Decimal(60)
    copy_policy(own, target)


def test_a_copy_never_overwrites_an_edited_policy(tmp_path: Path) -> None:
    _folder(tmp_path, stages="mql_threshold: 60\n")
    with pytest.raises(FileExistsError, match="stages.yaml has other content"):
        copy_policy(None, tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["stages.yaml"]


def test_a_broken_policy_is_not_copied(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    with pytest.raises(PolicyError):
        copy_policy(_folder(own, stages="x: 1\n"), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
