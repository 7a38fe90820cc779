"""Golden files: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.policy.folder import golden_files
from mqa_platform.policy.golden import read_golden
from mqa_platform.policy.problems import PolicyError

GOOD = """\
about: A request qualifies at once.
account: {industry: Software, employees: 500}
people: {ann: {}}
events:
  - {day: 1, event: demo_request, person: ann}
expect:
  - {day: 1, stage: mqa}
"""


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "asked.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError) as refused:
        read_golden([path])
    return [str(p) for p in refused.value.problems]


def test_the_packaged_golden_accounts_are_at_least_a_dozen_and_say_what_they_are_about() -> None:
    found = read_golden(golden_files(None))
    assert len(found) >= 12
    assert len({case.about for case in found.values()}) == len(found)


def test_a_folder_without_golden_accounts_is_held_against_the_packaged_ones(tmp_path: Path) -> None:
    assert golden_files(tmp_path) == golden_files(None)
    (tmp_path / "golden").mkdir()
    # An empty folder is none: nothing comes into force that was held against nothing.
    assert golden_files(tmp_path) == golden_files(None)
    (tmp_path / "golden" / "asked.yaml").write_text(GOOD)
    assert [p.name for p in golden_files(tmp_path)] == ["asked.yaml"]
    assert list(read_golden(golden_files(tmp_path))) == ["asked"]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("stage: mqa", "stge: mqa", "golden/asked.yaml:7: expect.0.stge: unknown key; did you mean stage?"),
        ("day: 1, stage", "day: -1, stage", "golden/asked.yaml:7: expect.0.day: must be at least 0, got -1"),
        ("person: ann", "person: bob", "events of people that are not listed: bob"),
        ("person: ann", "person: ann, visitor: one", "either a person or a visitor without a name, not both"),
        ("industry: Software", "industri: Software", "did you mean industry?"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, before: str, after: str, reason: str
) -> None:
    assert before in GOOD
    (problem,) = problems(tmp_path, GOOD.replace(before, after))
    assert reason in problem
