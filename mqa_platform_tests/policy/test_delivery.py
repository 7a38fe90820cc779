"""delivery.yaml: off as it is shipped, and said where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_platform.policy.delivery import Delivery
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.problems import PolicyError


def test_nothing_is_sent_until_somebody_says_so() -> None:
    shipped = load_policy().delivery
    assert not shipped.enabled
    assert shipped.channels.kinds_of() == {}
    # What the file says is what a folder without the file has.
    assert shipped == Delivery()


def test_who_is_told_does_not_change_what_an_account_is_worth(tmp_path: Path) -> None:
    (tmp_path / "delivery.yaml").write_text("enabled: true\nmax_new_handoffs_per_rep_day: 3\n")
    policy = load_policy(tmp_path)
    assert policy.delivery.max_new_handoffs_per_rep_day == 3
    assert policy_version(policy) == policy_version(load_policy())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("enabled: yes please\n", "delivery.yaml:1"),
        ("enabled: false\ndelivery_window_days: 31\n", "delivery.yaml:2"),
        ("digest_at: noon\n", "delivery.yaml:1"),
        (
            "retries:\n  attempts: 2\n  attempts_in_run: 3\n",
            "attempts_in_run is more than attempts",
        ),
        ("retries:\n  first_wait_minutes: 300\n", "first_wait_minutes is longer than"),
        ("max_new_handoff_per_rep_day: 3\n", "max_new_handoffs_per_rep_day"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "delivery.yaml").write_text(text)
    with pytest.raises(PolicyError) as problem:
        load_policy(tmp_path)
    assert told in str(problem.value)
