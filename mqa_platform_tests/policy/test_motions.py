"""A policy folder with several motions: what each has of its own, and what they share."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from mqa_platform.policy.folder import DEFAULT_FOLDER, effective_files, golden_files
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.policy.problems import PolicyError


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        load_policy(folder)
    return [str(problem) for problem in refused.value.problems]


def test_the_packaged_policy_serves_new_business_and_expansion() -> None:
    leading, expansion = load_policy(None).motions()
    assert (leading.program.motion, expansion.program.motion) == ("new_business", "expansion")
    assert leading.stages.tiers.scaled.threshold > expansion.stages.tiers.scaled.threshold
    rules = [r.rule for r in expansion.routing.order]
    assert rules == ["named_owner", "opportunity_team", "territory"]
    assert expansion.motions() == (expansion,)


def test_a_motion_takes_what_it_lacks_from_the_leading_one(tmp_path: Path) -> None:
    folder = write(tmp_path, "motions/expansion/stages.yaml", "mql_threshold: 60\n")
    policy = load_policy(folder)
    expansion = policy.of_motion("expansion")
    assert expansion.stages.mql_threshold == Decimal(60)
    assert (expansion.icp, expansion.signals) == (policy.icp, policy.signals)
    with pytest.raises(KeyError):
        policy.of_motion("renewal")


def test_page_types_and_consent_are_the_same_for_all_motions(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        "motions/expansion/signals.yaml",
        "signals:\n  ask:\n    events: [demo_request]\n    weight: 1\n    reason: They ask for it.\n",
    )
    policy = load_policy(folder)
    expansion = policy.of_motion("expansion")
    assert list(expansion.signals.signals) == ["ask"]
    assert expansion.signals.page_types == policy.signals.page_types
    assert expansion.signals.consent_default == policy.signals.consent_default
    write(tmp_path, "motions/expansion/icp.yaml", "criteria: {}\nprecedence: {}\n")
    assert problems(folder) == [
        "motions/expansion/icp.yaml:2: precedence: is the same for all motions; it stands in icp.yaml"
    ]


def test_what_is_wrong_with_a_motion_is_said_with_its_file_and_line(tmp_path: Path) -> None:
    folder = write(tmp_path, "motions/expansion/stages.yaml", "\nmql_threshold: 10\n")
    (problem,) = problems(folder)
    assert problem.startswith(
        "motions/expansion/stages.yaml:2: mql_threshold: five contacts at 30 % of an MQL reach"
    )
    write(tmp_path, "motions/expansion/stages.yaml", "mql_treshold: 60\n")
    assert problems(folder) == [
        "motions/expansion/stages.yaml:1: mql_treshold: unknown key; did you mean mql_threshold?"
    ]


def test_a_rule_that_a_motion_breaks_with_a_shared_section_names_that_section(
    tmp_path: Path,
) -> None:
    folder = write(
        tmp_path,
        "motions/expansion/stages.yaml",
        "tiers:\n  strategic: {threshold: 60, sla_hours: 4}\n",
    )
    found = problems(folder)
    assert found
    assert all(p.startswith("signals.yaml (default):") for p in found)
    assert "at most 15, a quarter of the lowest tier threshold" in found[0]


def test_files_and_folders_that_are_no_motion_are_named(tmp_path: Path) -> None:
    write(tmp_path, "motions/expansion/sources.yaml", "sources: {}\n")
    (problem,) = problems(tmp_path)
    assert problem.startswith("motions/expansion/sources.yaml: not a policy file; ")
    (tmp_path / "motions/expansion/sources.yaml").unlink()
    write(tmp_path, "motions/expansions/stages.yaml", "exit_days: 5\n")
    assert problems(tmp_path) == ["motions/expansions: no such motion; did you mean expansion?"]


def test_the_leading_motion_is_not_another_one_as_well(tmp_path: Path) -> None:
    write(tmp_path, "motions/new_business/stages.yaml", "exit_days: 5\n")
    (problem,) = problems(tmp_path)
    assert problem.endswith("new_business leads, and is under motions as well")


def test_a_folder_with_an_icp_of_its_own_is_not_given_the_packaged_motions(tmp_path: Path) -> None:
    write(tmp_path / "sources", "conversions.yaml", "meeting_window_days: 14\n")
    assert len(load_policy(tmp_path / "sources").motions()) == 2
    write(tmp_path / "own", "icp.yaml", "criteria: {}\n")
    assert len(load_policy(tmp_path / "own").motions()) == 1
    (tmp_path / "none" / "motions").mkdir(parents=True)
    assert len(load_policy(tmp_path / "none").motions()) == 1


def test_a_copy_has_every_motion_and_golden_account(tmp_path: Path) -> None:
    copy_policy(None, tmp_path / "copy")
    assert load_policy(tmp_path / "copy") == load_policy(None)
    copied = {f.name for f in effective_files(tmp_path / "copy")}
    assert copied == {f.name for f in effective_files(None)}
    assert [p.name for p in golden_files(tmp_path / "copy")] == [p.name for p in golden_files(None)]
    assert all(p.is_relative_to(tmp_path) for p in golden_files(tmp_path / "copy"))
    # A policy without other motions stays one.
    (tmp_path / "alone" / "motions").mkdir(parents=True)
    copy_policy(tmp_path / "alone", tmp_path / "second")
    assert len(load_policy(tmp_path / "second").motions()) == 1


def test_a_change_in_any_motion_is_another_version(tmp_path: Path) -> None:
    copy_policy(None, tmp_path / "copy")
    file = tmp_path / "copy" / "motions" / "expansion" / "stages.yaml"
    file.write_text("# a remark\n" + file.read_text())
    assert policy_version(load_policy(tmp_path / "copy")) == policy_version(load_policy(None))
    file.write_text(file.read_text().replace("exit_days: 10", "exit_days: 11"))
    assert policy_version(load_policy(tmp_path / "copy")) != policy_version(load_policy(None))


def test_every_packaged_file_is_read() -> None:
    read = {f.path for f in effective_files(None)} | set(golden_files(None))
    assert read == set(DEFAULT_FOLDER.rglob("*.yaml"))
