"""Which policy holds on a day: the one effective that day; before the first, the first."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.history import Effective, PolicyHistory
from mqa_platform.core.window import Window
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy

DEFAULT = load_policy(None)
START = date(2025, 7, 1)


def at(number: int, version: str, policy: Policy = DEFAULT) -> Effective:
    return Effective(START + timedelta(days=number), policy, version)


def with_stages(policy: Policy, **changes: Any) -> Policy:
    return policy.model_copy(update={"stages": policy.stages.model_copy(update=changes)})


def test_before_the_first_policy_the_first_is_in_force() -> None:
    history = PolicyHistory((at(5, "one"), at(9, "two")))
    assert [history.effective_on(START + timedelta(days=n)).version for n in (0, 4, 5, 8, 9, 99)] == [
        "one", "one", "one", "one", "two", "two",
    ]  # fmt: skip


def test_of_two_promotions_to_one_day_the_last_holds() -> None:
    history = PolicyHistory((at(0, "one"), at(5, "two"), at(5, "one")))
    assert history.effective_on(START + timedelta(days=6)).version == "one"


def test_a_promotion_to_an_earlier_day_holds_until_the_next_one_begins() -> None:
    history = PolicyHistory((at(0, "one"), at(9, "three"), at(5, "two")))
    assert [s.version for s in history.spans(Window.of(START, START + timedelta(days=20)))] == [
        "one",
        "two",
        "three",
    ]


def test_one_policy_is_in_force_on_all_days_when_nothing_was_promoted() -> None:
    history = PolicyHistory.always(DEFAULT, "only")
    window = Window.of(START, START + timedelta(days=400))
    assert [(s.window, s.version) for s in history.spans(window)] == [(window, "only")]
    assert history.promotion_days() == frozenset()


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from("abcd")), min_size=1, max_size=6),
    st.integers(0, 60),
    st.integers(1, 40),
)
def test_the_spans_of_a_window_are_its_days_each_with_the_policy_of_the_day(
    promoted: list[tuple[int, str]], first: int, length: int
) -> None:
    history = PolicyHistory(tuple(at(n, v) for n, v in promoted))
    window = Window(START + timedelta(days=first), START + timedelta(days=first + length))
    spans = history.spans(window)
    assert [d for s in spans for d in s.window.days()] == window.days()
    for span in spans:
        assert {history.effective_on(d).version for d in span.window.days()} == {span.version}


def test_a_motion_is_left_out_on_days_on_which_there_is_none() -> None:
    alone = DEFAULT.model_copy(update={"other_motions": {}})
    history = PolicyHistory((at(0, "one", alone), at(5, "two")))
    window = Window(START, START + timedelta(days=10))
    assert history.motions == ("new_business", "expansion")
    (span,) = history.spans(window, "expansion")
    assert (span.window.lo, span.policy.program.motion) == (START + timedelta(days=5), "expansion")
    assert len(history.spans(window, "new_business")) == 2


def test_only_a_promotion_that_changes_what_qualifies_makes_a_backlog_of_its_motion() -> None:
    tiers = DEFAULT.stages.tiers
    lower = tiers.model_copy(
        update={"scaled": tiers.scaled.model_copy(update={"threshold": Decimal(85)})}
    )
    routed = DEFAULT.model_copy(
        update={"program": DEFAULT.program.model_copy(update={"currency": "EUR"})}
    )
    history = PolicyHistory(
        (at(0, "one"), at(5, "two", with_stages(DEFAULT, tiers=lower)), at(9, "three", routed))
    )
    day = START + timedelta(days=5)
    assert history.promotion_days("new_business") == {day, START + timedelta(days=9)}
    # Expansion has thresholds of its own, which neither changed.
    assert history.promotion_days("expansion") == frozenset()
