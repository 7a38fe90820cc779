"""What holds on every ladder, whatever the policy and whatever happens to the account."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from mqa_platform.policy.transitions import DEFAULT_TABLE, LEGAL, STAGES, problems, row
from mqa_platform_tests.core.engine import day, default_policy, policy_with
from mqa_platform_tests.core.test_fold import CALM, histories, policies
from mqa_platform_tests.core.walking import HOT, QUIET, WARM, fact, fold, moves, path, states


def steps(history, policy) -> list[dict[str, Any]]:
    lines = fold([fact(i, **f) for i, f in enumerate(history)], policy)
    found = [m for m in lines if m["kind"] == "move"]
    return sorted(found, key=lambda m: (m["day"], m["seq"]))


@CALM
@given(history=histories(), policy=policies())
def test_every_step_is_in_the_table_and_leaves_the_rung_that_was_entered(history, policy):
    stood_on = "unqualified"
    for m in steps(history, policy):
        sources, targets = LEGAL[m["rule"]]
        assert m["from_stage"] in sources
        assert m["stage"] in targets
        assert m["from_stage"] == stood_on
        stood_on = m["stage"]


@CALM
@given(history=histories(), policy=policies())
def test_nobody_enters_engaged_or_mqa_without_evidence_newer_than_the_last_exit(history, policy):
    seen = [None if f["seen"] is None else i - f["seen"] for i, f in enumerate(history)]
    raised = {i for i, f in enumerate(history) if f["hand_raised"]}
    left = fallen = -1
    for m in steps(history, policy):
        t = (m["day"] - day(0)).days
        if m["rule"] != "override" and m["stage"] in ("engaged", "mqa"):
            newest = max([-1 if seen[t] is None else seen[t], *(r for r in raised if r <= t)])
            assert newest > left
            if m["from_stage"] == "target":
                assert newest > fallen or raised
        if m["stage"] in ("recycled", "disqualified"):
            left = t
        if (m["from_stage"], m["stage"]) == ("engaged", "target"):
            fallen = t


@CALM
@given(history=histories(), policy=policies())
def test_no_suppressed_account_begins_an_episode(history, policy):
    episodes = 0
    for m in steps(history, policy):
        if m["episode"] > episodes:
            assert not history[(m["day"] - day(0)).days]["is_suppressed"]
        episodes = m["episode"]


@CALM
@given(history=histories(), policy=policies())
def test_a_score_alone_never_moves_what_sales_holds(history, policy):
    quiet = [{**f, "score": 0} for f in history]
    held = ("sales_accepted", "sales_qualified")

    def fates(told):
        return [m["rule"] for m in steps(told, policy) if m["from_stage"] in held]

    allowed = {"exit_criteria_met", "crm_nurture", "stalled", "crm_won", "crm_opportunity_open",
               "override"}  # fmt: skip
    assert set(fates(history)) <= allowed
    assert set(fates(quiet)) <= allowed


def test_a_score_that_rises_because_bad_news_fades_lifts_nobody_again():
    fell = [WARM, *[{"score": 30, "seen": n + 1} for n in range(5)]]
    assert states(fell)[-1] == "target"
    back = [{"score": 50, "seen": 6 + n} for n in range(10)]
    assert states([*fell, *back])[-1] == "target"
    assert states([*fell, *back, WARM])[-1] == "engaged"


def test_the_exit_threshold_is_that_of_the_tier_with_which_the_episode_began():
    entered = {**HOT, "tier": "strategic"}
    # 75 is above 80 % of 80 and below 80 % of 100; the account has shrunk since.
    later = [{"score": 75, "seen": 1, "tier": "programmatic"}] * 12
    assert states([entered, *later])[-1] == "mqa"
    low = [{"score": 63, "seen": 1, "tier": "programmatic"}] * 12
    assert states([entered, *low])[-1] == "recycled"


def test_a_hand_raise_during_a_suppression_counts_when_it_is_over():
    asked = {"seen": 0, "hand_raised": True, "is_suppressed": True}
    quiet = {**QUIET, "is_suppressed": True}
    facts = [asked, quiet, quiet, QUIET]
    assert states(facts) == ["target", "target", "target", "mqa"]
    policy = policy_with(stages={"hand_raise_kept_days": 2})
    assert states(facts, policy)[-1] == "target"


def test_a_hand_raise_during_the_cool_down_counts_when_it_is_over():
    facts = [
        HOT,
        {"sales_event": "rejected", "sales_reason": "timing"},
        {"seen": 0, "hand_raised": True},
        *[QUIET] * 70,
    ]
    found = moves(facts)
    assert (61, "recycled", "engaged", "re_engaged") in found
    assert (61, "engaged", "mqa", "qualified") in found


def test_a_hand_raise_on_the_day_of_the_exit_counts_after_the_cool_down():
    asked = {"seen": 0, "hand_raised": True}
    rejected = {"sales_event": "rejected", "sales_reason": "timing"}
    found = moves([HOT, {**asked, **rejected}, *[QUIET] * 70])
    assert (61, "engaged", "mqa", "qualified") in found
    # One that made the episode which ended on the same day is used up.
    assert states([{**asked, **rejected}, *[QUIET] * 90])[-1] == "recycled"


def test_nobody_puts_a_suppressed_account_on_mqa_by_hand():
    forced = {**HOT, "forced_stage": "mqa", "forced_reason": "asked"}
    held = {**forced, "is_suppressed": True}
    assert states([held, held, forced]) == ["engaged", "engaged", "mqa"]
    # Within an episode it is no entry.
    accepted = {**HOT, "sales_event": "accepted"}
    assert states([HOT, accepted, held])[-1] == "mqa"


def test_an_account_put_back_on_mqa_goes_on_with_its_episode():
    back = {**HOT, "forced_stage": "mqa", "forced_reason": "asked"}
    lines = fold([fact(0, **HOT), fact(1, **HOT, sales_event="accepted"), fact(2, **back)])
    last = [s for s in lines if s["kind"] == "state"][-1]
    assert (last["stage"], last["episode"], last["mqa_on"]) == ("mqa", 1, day(0))


def test_a_hand_raise_before_the_exit_is_used_up():
    facts = [
        {**HOT, "hand_raised": True, "is_suppressed": True},
        HOT,
        {"sales_event": "rejected", "sales_reason": "timing"},
        *[QUIET] * 100,
    ]
    assert states(facts)[-1] == "recycled"


def test_newer_evidence_brings_an_account_back_to_engaged_and_no_further():
    facts = [HOT, {"sales_event": "rejected"}, {"score": 5, "seen": 0}, *[QUIET] * 28]
    facts += [{"score": 5, "seen": 29}]
    assert moves(facts)[-1] == (31, "recycled", "engaged", "re_engaged")


def test_an_account_stays_where_somebody_put_it_unless_a_deal_says_more():
    pinned = {"forced_stage": "engaged", "forced_reason": "key account"}
    assert (
        states([{**HOT, **pinned}, {**QUIET, **pinned}, *[{**QUIET, **pinned}] * 20])[-1]
        == "engaged"
    )
    assert states([{**HOT, **pinned}, HOT])[-1] == "mqa"
    assert states([{**HOT, **pinned, "open_opportunity": True}]) == ["opportunity"]


def test_who_is_put_below_mqa_by_hand_has_ended_the_episode():
    pinned = {"forced_stage": "target", "forced_reason": "wrong company"}
    lines = fold([fact(0, **HOT), fact(1, **HOT, **pinned), fact(2, **{**HOT, "seen": 1})])
    after = [s for s in lines if s["kind"] == "state"][1:]
    assert [(s["mqa_on"], s["episode_tier"], s["last_exit_on"]) for s in after] == [
        (None, None, day(1))
    ] * 2
    assert states([HOT, {**HOT, **pinned}, {**HOT, "seen": 1}, HOT])[1:] == [
        "target",
        "target",
        "mqa",
    ]


def expansion(**changed):
    policy = default_policy().of_motion("expansion")
    stages = policy.stages.model_copy(update=changed)
    return policy.model_copy(update={"stages": stages})


CUSTOMER = {"is_customer": True}


def test_a_customer_can_be_an_expansion_mqa_and_buys_again():
    hot, quiet = {**HOT, **CUSTOMER}, {**QUIET, **CUSTOMER}
    dealt = {**quiet, "open_opportunity": True}
    facts = [hot, dealt, *[{**quiet, "won": n} for n in range(120)]]
    assert path(facts, expansion()) == (
        "0:target 0:engaged 0:mqa 1:opportunity 2:customer 92:recycled"
    )


def test_who_is_no_customer_any_more_leaves_the_expansion_motion():
    hot = {**HOT, **CUSTOMER}
    found = moves([hot, HOT, *[HOT] * 20], expansion())
    assert found[3] == (1, "mqa", "recycled", "crm_churned")
    assert len(found) == 4


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([*DEFAULT_TABLE, row("target", "mqa", "stalled")], "may not lead from target to mqa"),
        ([*DEFAULT_TABLE, DEFAULT_TABLE[5]], "the rule target is declared 2 times"),
        ([t for t in DEFAULT_TABLE if t.rule != "crm_won"], "crm_won must be declared"),
        ([t for t in DEFAULT_TABLE if t.rule != "backlog"], "qualified needs the rule backlog"),
        ([t for t in DEFAULT_TABLE if t.enters != "disqualified"], "no rule leads to disqualified"),
        (
            [t for t in DEFAULT_TABLE if t.rule != "target"],
            "no rule leads to target, engaged, mqa, sales_accepted",
        ),
    ],
)
def test_a_table_that_could_not_work_is_refused_with_its_fault(table, why):
    assert any(why in p for p in problems(table))
    with pytest.raises(ValidationError, match=why):
        policy_with(stages={"transitions": [t.model_dump() for t in table]})


def test_the_packaged_tables_are_those_of_the_handbook():
    assert list(problems(default_policy().stages.transitions)) == []
    assert list(default_policy().stages.transitions) == list(DEFAULT_TABLE)
    assert list(problems(default_policy().of_motion("expansion").stages.transitions)) == []


def test_a_rule_that_is_left_out_never_speaks():
    table = [t for t in DEFAULT_TABLE if t.rule != "no_first_touch"]
    policy = policy_with(stages={"transitions": [t.model_dump() for t in table]})
    assert states([HOT] * 60, policy)[-1] == "mqa"


def test_every_rule_has_its_place_in_the_code():
    from mqa_platform.core.rules import RULES

    assert set(RULES) == set(LEGAL)
    assert len(STAGES) == 10
