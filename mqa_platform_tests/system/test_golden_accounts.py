"""Golden accounts go through the stages that score everybody, and say what comes out otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.golden_landing import GoldenError
from mqa_platform.golden_runs import run_golden
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version

Verb = Callable[..., tuple[int, str]]
ASKED = """\
about: A request qualifies at once.
account: {industry: Software, employees: 500, country: United States, is_target: true}
people: {ann: {}}
events:
  - {day: 1, event: demo_request, path: /demo, person: ann}
expect:
  - {day: 1, score: 40, stage: mqa, evidence: hand_raise, handoffs: 1}
"""


def folder(tmp_path: Path, *edits: tuple[str, str, str], golden: str = ASKED) -> Path:
    """A policy with lines changed and one golden account."""
    place = tmp_path / "policy"
    copy_policy(None, place)
    for file in (place / "golden").iterdir():
        file.unlink()
    (place / "golden" / "asked.yaml").write_text(golden)
    for file, before, after in edits:
        text = (place / file).read_text()
        assert before in text
        (place / file).write_text(text.replace(before, after, 1))
    return place


@pytest.mark.slow
def test_the_packaged_policy_keeps_its_golden_accounts(tmp_path: Path, verb: Verb) -> None:
    code, said = verb(Home(tmp_path / "home"), "policy", "test")
    assert code == 0, said
    version = policy_version(load_policy(None))
    assert f"golden accounts as expected under {version}" in said
    # Nothing of it is left.
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
def test_what_comes_out_otherwise_is_said_with_the_score_and_exit_code_1(
    tmp_path: Path, verb: Verb
) -> None:
    place = folder(tmp_path, ("signals.yaml", "weight: 40", "weight: 35"))
    code, said = verb(Home(tmp_path / "home"), "policy", "test", str(place), "--json")
    assert code == 1
    answer = json.loads(said)
    assert not answer["passed"]
    (difference,) = answer["differences"]
    assert difference == {
        "golden": "asked", "day": 1, "motion": "new_business", "what": "score",
        "expected": "40.0000", "got": "35.0000",
        "detail": "score 35.0000 of 100.0000: demo_request 35.0000",
    }  # fmt: skip
    assert str(run_golden(place).differences[0]) == (
        "golden/asked.yaml, day 1, new_business: score is 35.0000, expected 40.0000 "
        "(score 35.0000 of 100.0000: demo_request 35.0000)"
    )


def test_an_event_that_nobody_delivers_is_refused(tmp_path: Path) -> None:
    golden = ASKED.replace("event: demo_request", "event: demo_requests")
    with pytest.raises(GoldenError, match="no event 'demo_requests'"):
        run_golden(folder(tmp_path, golden=golden))
