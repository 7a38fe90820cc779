"""Coming back: cool-down, newer evidence, further episodes, the way down, and the first load."""

from __future__ import annotations

import pytest

from mqa_platform_tests.core.engine import day, policy_with
from mqa_platform_tests.core.test_stages import then
from mqa_platform_tests.core.walking import HOT, QUIET, WARM, fact, fold, moves, states


@pytest.mark.parametrize(
    ("exit_facts", "wait"),
    [
        ([{"sales_event": "rejected", "sales_reason": "timing"}], 60),
        ([{"sales_event": "rejected", "sales_reason": "price"}], 90),
        ([{"sales_event": "rejected", "sales_reason": "never_heard_of"}], 30),
        ([{"sales_event": "rejected", "sales_reason": None}], 30),
        ([{"sales_event": "rejected", "sales_reason": "competitor"}], 180),
        ([{"open_opportunity": True}, {"loss_reason": "price"}], 90),
    ],
)
def test_the_cool_down_lasts_as_long_as_the_reason_of_the_exit_says(exit_facts, wait):
    facts = then(*exit_facts, *[HOT] * 200)
    first = next(m for m in moves(facts) if m[3] == "re_engaged")
    assert first[0] == len(exit_facts) + wait
    assert states(facts)[first[0]] == "mqa"


def test_a_recycled_account_needs_evidence_newer_than_its_exit():
    gone = then({"sales_event": "rejected"})
    old = [{"score": 120, "people": 3, "seen": i + 1} for i in range(1, 26)]
    assert set(states([*gone, *old])[1:]) == {"recycled"}
    policy = policy_with(stages={"cool_down_days": {"default": 0}})
    assert set(states([*gone, *old], policy)[1:]) == {"recycled"}
    assert states([*gone, {**HOT, "seen": 1}, HOT], policy)[2:] == ["recycled", "mqa"]


def test_a_second_qualification_is_a_second_episode():
    policy = policy_with(stages={"cool_down_days": {"default": 0}})
    lines = fold([fact(0, **HOT), fact(1, sales_event="rejected"), fact(2, **HOT)], policy)
    entries = [m["episode"] for m in lines if m["kind"] == "move" and m["stage"] == "mqa"]
    assert entries == [1, 2]


def test_an_episode_opens_once_however_long_the_score_stays_high():
    lines = fold([fact(i, **HOT, touched=i == 3) for i in range(90)])
    assert [m["stage"] for m in lines if m["kind"] == "move"].count("mqa") == 1


@pytest.mark.parametrize(("rung", "up"), [("engaged", WARM), ("target", QUIET)])
def test_a_rung_is_left_when_its_entry_rule_was_false_for_five_days(rung, up):
    down = QUIET if rung == "engaged" else {"gate": "fail"}
    below = "target" if rung == "engaged" else "unqualified"
    assert states([up, *[down] * 5]) == [*[rung] * 5, below]
    assert set(states([up, *[down, down, down, down, up] * 4])) == {rung}


def test_accounts_that_were_hot_before_anyone_looked_are_backlog():
    found = moves([HOT, HOT], first_day=day(0))
    assert [m[3] for m in found] == ["target", "engaged", "backlog"]
    assert moves([QUIET, HOT], first_day=day(0))[-1][3] == "qualified"


def test_a_hand_raise_on_the_first_day_is_no_backlog():
    assert moves([{"seen": 0, "hand_raised": True}], first_day=day(0))[-1][3] == "qualified"
