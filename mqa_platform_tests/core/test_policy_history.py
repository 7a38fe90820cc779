"""Which policy holds on a day: the one effective that day; before the first, the first."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.core.history import Effective, PolicyHistory, backlog_days
from mqa_platform.core.window import Window
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy

DEFAULT = load_policy(None)
START = date(2025, 7, 1)


def at(number: int, version: str, policy: Policy = DEFAULT) -> Effective:
    return Effective(START + timedelta(days=number), policy, version)


def promoted(policy: Policy) -> frozenset[date]:
    """The days of a backlog of new business where a policy takes the packaged one's place on day 5."""
    return PolicyHistory((at(0, "one"), at(5, "two", policy))).promotion_days("new_business")


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


DAY = START + timedelta(days=5)
DEMO = DEFAULT.signals.signals["demo_request"]


def with_signals(**changes: Any) -> Policy:
    return DEFAULT.model_copy(update={"signals": DEFAULT.signals.model_copy(update=changes)})


def with_demo(**changes: Any) -> Policy:
    signals = {**DEFAULT.signals.signals, "demo_request": DEMO.model_copy(update=changes)}
    return with_signals(signals=signals)


def with_identity(**changes: Any) -> Policy:
    return DEFAULT.model_copy(update={"identity": DEFAULT.identity.model_copy(update=changes)})


@pytest.mark.parametrize(
    "policy",
    [
        with_identity(own_domains=[]),
        with_identity(confidence=DEFAULT.identity.confidence.model_copy(update={"asn_org": 0.9})),
        with_identity(roll_up="parent"),
    ],
    ids=["own_domains", "confidence", "roll_up"],
)
def test_a_promotion_that_finds_accounts_otherwise_makes_a_backlog(policy: Policy) -> None:
    assert promoted(policy) == {DAY}


@pytest.mark.parametrize(
    "policy",
    [
        with_stages(DEFAULT, evidence_people=1),
        with_stages(DEFAULT, cool_down_days={"default": 0}),
        with_demo(weight=50),
        with_demo(events=["demo_request", "chat"]),
        with_signals(eligible_confidence=0.1),
    ],
    ids=["evidence", "cool_down", "weight", "events", "confidence"],
)
def test_a_promotion_that_lets_more_accounts_in_makes_a_backlog(policy: Policy) -> None:
    assert promoted(policy) == {DAY}


def longer_sla() -> Policy:
    tiers = DEFAULT.stages.tiers
    return with_stages(
        DEFAULT,
        tiers=tiers.model_copy(update={"scaled": tiers.scaled.model_copy(update={"sla_hours": 9})}),
    )


@pytest.mark.parametrize(
    "policy",
    [
        with_stages(DEFAULT, hand_raise_sla_hours=2),
        longer_sla(),
        with_stages(DEFAULT, expiry_days=20),
        with_stages(DEFAULT, exit_days=9, min_dwell_days=2, exit_ratio=0.5),
        with_stages(DEFAULT, mql_threshold=Decimal(60)),
        with_stages(DEFAULT, precedence=DEFAULT.stages.precedence[:1]),
        with_demo(reason="Told in other words than before."),
        with_signals(unclassified_limit=0.5),
    ],
    ids=["sla", "tier_sla", "expiry", "exit", "mql", "precedence", "wording", "pages"],
)
def test_the_news_of_a_day_on_which_only_clocks_or_words_changed_does_not_wait(
    policy: Policy,
) -> None:
    assert promoted(policy) == frozenset()


def test_a_promotion_to_a_day_without_a_run_is_felt_on_the_next_one() -> None:
    friday, saturday, monday, tuesday = (START + timedelta(days=n) for n in (3, 4, 6, 7))
    assert backlog_days({saturday}, [friday, monday, tuesday], None) == {monday}
    # In the run after the weekend, and never again in a later one.
    assert backlog_days({saturday}, [monday], friday) == {monday}
    assert backlog_days({saturday}, [tuesday], monday) == frozenset()
    assert backlog_days({saturday}, [friday], None) == frozenset()
    assert backlog_days({monday, saturday}, [monday], friday) == {monday}


@given(
    st.sets(st.integers(0, 30), max_size=4),
    st.sets(st.integers(0, 30), min_size=1, max_size=20),
    st.integers(0, 30),
)
def test_a_backlog_is_the_same_in_one_run_and_in_two(
    promotions: set[int], published: set[int], cut: int
) -> None:
    days = {n: START + timedelta(days=n) for n in range(31)}
    on = {days[n] for n in promotions}
    first = [days[n] for n in sorted(published) if n < cut]
    second = [days[n] for n in sorted(published) if n >= cut]
    whole = backlog_days(on, [*first, *second], None)
    before = first[-1] if first else None
    assert backlog_days(on, first, None) | backlog_days(on, second, before) == whole
