"""How old a threshold is: counted from its last change or its last review, by hand."""

from __future__ import annotations

from datetime import date, timedelta

from mqa_platform.core.calibration.entries import thresholds
from mqa_platform.core.calibration.stale import stale_line, stale_thresholds
from mqa_platform.core.history import Effective, PolicyHistory
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.engine import default_policy

BEGAN = default_policy().program.history_starts_on
LIMIT = default_policy().calibration.review_days
LEADING = default_policy().program.motion


def raised(tier: str, by: float) -> Policy:
    """The packaged policy with another threshold of one tier, in all motions that share it."""
    policy = default_policy()
    tiers = policy.stages.tiers.model_copy(
        update={tier: getattr(policy.stages.tiers, tier).model_copy(
            update={"threshold": getattr(policy.stages.tiers, tier).threshold + by})}
    )  # fmt: skip
    return policy.model_copy(update={"stages": policy.stages.model_copy(update={"tiers": tiers})})


def after(days: int) -> date:
    return BEGAN + timedelta(days=days)


def ages(history, reviewed, day):
    return {a.tier: a for a in stale_thresholds(history, reviewed, day, LEADING)}


ALWAYS = PolicyHistory.always(default_policy(), "v1")


def test_what_was_always_in_force_is_as_old_as_the_history():
    found = ages(ALWAYS, [], after(LIMIT))
    assert {a.days for a in found.values()} == {LIMIT}
    assert {a.since for a in found.values()} == {BEGAN}
    assert not any(a.is_stale for a in found.values())
    later = ages(ALWAYS, [], after(LIMIT + 1))
    assert all(a.is_stale for a in later.values())
    assert {t: a.threshold for t, a in later.items()} == thresholds(default_policy())


def test_a_review_makes_them_young_again_from_its_day_on_and_not_before():
    reviewed = [after(100)]
    assert all(a.days == 99 for a in ages(ALWAYS, reviewed, after(99)).values())
    found = ages(ALWAYS, reviewed, after(110))
    assert {a.days for a in found.values()} == {10}
    assert not any(a.is_stale for a in found.values())


def test_a_promotion_makes_only_the_threshold_young_that_it_changes():
    history = PolicyHistory(
        (Effective(BEGAN, default_policy(), "v1"), Effective(after(80), raised("scaled", 5), "v2"))
    )
    found = ages(history, [], after(120))
    assert found["scaled"].since == after(80)
    assert found["scaled"].threshold == thresholds(default_policy())["scaled"] + 5
    assert {found[t].days for t in ("strategic", "programmatic")} == {120}


def test_a_promotion_of_something_else_is_no_decision_about_a_threshold():
    other = default_policy().model_copy(
        update={"program": default_policy().program.model_copy(update={"name": "renamed"})}
    )
    history = PolicyHistory(
        (Effective(BEGAN, default_policy(), "v1"), Effective(after(80), other, "v2"))
    )
    assert {a.days for a in ages(history, [], after(120)).values()} == {120}


def test_a_threshold_that_went_up_and_back_was_decided_on_twice():
    history = PolicyHistory(
        (
            Effective(BEGAN, default_policy(), "v1"),
            Effective(after(30), raised("scaled", 5), "v2"),
            Effective(after(60), default_policy(), "v1"),
        )
    )
    assert ages(history, [], after(90))["scaled"].since == after(60)
    # What is in force later was not known yet.
    assert ages(history, [], after(50))["scaled"].since == after(30)


def test_the_line_names_the_oldest_and_says_nothing_while_none_is_stale():
    assert stale_line(stale_thresholds(ALWAYS, [], after(10))) is None
    assert stale_line([]) is None
    every = stale_line(stale_thresholds(ALWAYS, [], after(120)))
    assert every == (
        f"The thresholds were last decided on 120 days ago ({BEGAN}): a review was due after {LIMIT} days."
    )
    history = PolicyHistory(
        (Effective(BEGAN, default_policy(), "v1"), Effective(after(80), raised("scaled", 5), "v2"))
    )
    some = stale_line(stale_thresholds(history, [], after(120), LEADING))
    assert some is not None
    assert some.startswith("2 of 3 thresholds were last decided on 120 days ago")
