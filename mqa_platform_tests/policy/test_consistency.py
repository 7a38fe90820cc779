"""News gives the timing of a score and never the bulk of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy

LOWEST = 80
REASON = "A company that moves house buys new desks."


def policy_with(**signals: dict[str, Any]) -> Policy:
    """The packaged policy with signals added or changed; its lowest threshold is 80."""
    meaning = load_policy(None).model_dump()
    for name, changes in signals.items():
        before = meaning["signals"]["signals"].get(name, {})
        meaning["signals"]["signals"][name] = {**before, **changes}
    return Policy.model_validate(meaning)


def news(**changed: Any) -> dict[str, Any]:
    return {"events": ["relocation"], "weight": 5, "kind": "trigger", "ceiling": 10,
            "expires_after_days": 90, "reason": REASON, **changed}  # fmt: skip


def test_the_packaged_triggers_together_are_a_quarter_of_the_lowest_bar() -> None:
    policy = policy_with()
    assert min(tier.threshold for _, tier in policy.stages.tiers) == LOWEST
    assert policy.signals.signals["trigger_event"].ceiling == LOWEST / 4


def test_news_that_never_gets_old_is_refused() -> None:
    with pytest.raises(
        ValidationError, match=r"signals\.moved\.expires_after_days: .* how many days"
    ):
        policy_with(trigger_event={"ceiling": 10}, moved=news(expires_after_days=None))


def test_two_kinds_of_news_together_stay_within_a_quarter_of_the_lowest_bar() -> None:
    assert policy_with(trigger_event={"ceiling": 10}, moved=news())
    with pytest.raises(
        ValidationError, match=r"signals\.moved\.ceiling: .* sum to 21; .* reach 20"
    ):
        policy_with(trigger_event={"ceiling": 11}, moved=news())


def test_bad_news_takes_points_away_and_needs_no_room() -> None:
    assert policy_with(moved=news(weight=-5, ceiling=20))


def test_one_kind_of_news_stays_within_a_quarter_of_the_lowest_bar() -> None:
    with pytest.raises(ValidationError, match=r"signals\.moved\.ceiling: .* at most 20"):
        policy_with(trigger_event={"ceiling": 10}, moved=news(ceiling=21))
