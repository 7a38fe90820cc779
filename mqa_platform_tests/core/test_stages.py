"""The stage ladder: every row of the transition table, and every guard on it."""

from __future__ import annotations

import pytest

from mqa_platform_tests.core.engine import day, policy_with
from mqa_platform_tests.core.walking import HOT, QUIET, WARM, fact, fold, moves, path, states

UP = "0:target 0:engaged 0:mqa"
TOUCHED = {**HOT, "touched": True}


def then(*facts, **first):
    """A hot first day, and what comes after it."""
    return [{**HOT, **first}, *facts]


def test_an_account_that_fits_becomes_a_target_without_being_listed():
    assert path([QUIET]) == "0:target"
    assert path([QUIET], policy_with(identity={"discovery": False})) == ""


@pytest.mark.parametrize("gate", ["pass", "unknown", "fail"])
def test_the_target_list_makes_a_target_whatever_the_gate(gate):
    policy = policy_with(identity={"discovery": False})
    assert path([{**QUIET, "gate": gate, "is_target": True}], policy) == "0:target"


@pytest.mark.parametrize(
    ("score", "seen", "engaged"),
    [(40, 0, True), (40, 27, True), (39.9999, 0, False), (40, 28, False), (40, None, False)],
)
def test_engaged_needs_forty_percent_and_a_touchpoint_of_the_last_four_weeks(score, seen, engaged):
    assert path([{"score": score, "seen": seen}]).endswith("engaged") is engaged


def test_the_engaged_limit_is_met_by_the_score_equal_to_it_at_any_ratio():
    policy = policy_with(stages={"engaged_ratio": 0.07})
    assert path([{"score": 7, "seen": 0}], policy).endswith("engaged")


def test_an_account_climbs_all_rungs_of_a_day_in_order():
    found = [m for m in fold([fact(0, **HOT)]) if m["kind"] == "move"]
    assert [(m["seq"], m["from_stage"], m["stage"]) for m in found] == [
        (0, "unqualified", "target"),
        (1, "target", "engaged"),
        (2, "engaged", "mqa"),
    ]
    assert [m["rule"] for m in found] == ["target", "engaged", "qualified"]
    assert found[-1]["reason"] == "people"
    assert "score 120.0000, threshold 100.0000, 3 people" in found[-1]["evidence"]


@pytest.mark.parametrize(
    ("facts", "qualifies"),
    [
        ({"score": 100, "people": 2}, True),
        ({"score": 99.9999, "people": 2}, False),
        ({"score": 400, "people": 1}, False),
        ({"score": 100, "anonymous_evidence": True}, True),
        ({"score": 99, "anonymous_evidence": True}, False),
        ({"score": 0, "hand_raised": True}, True),
        ({"score": 100, "people": 2, "is_suppressed": True}, False),
        ({"score": 0, "hand_raised": True, "is_suppressed": True}, False),
        ({"score": 100, "people": 2, "gate": "unknown"}, False),
        ({"score": 100, "people": 2, "score_type": "intent_heavy", "committee": 2}, False),
        ({"score": 100, "people": 3, "score_type": "intent_heavy", "committee": 3}, True),
    ],
)
def test_qualification_needs_the_threshold_and_one_rule_of_evidence(facts, qualifies):
    assert path([{"seen": 0, **facts}]).endswith("mqa") is qualifies


def test_interest_without_fit_may_be_enough_by_policy():
    policy = policy_with(stages={"intent_heavy_needs_committee": False})
    assert path([{**HOT, "score_type": "intent_heavy"}], policy) == UP


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"people": 2, "anonymous_evidence": True}, "people"),
        ({"anonymous_evidence": True}, "anonymous_only"),
        ({"people": 2, "hand_raised": True}, "hand_raise"),
    ],
)
def test_the_strongest_evidence_names_the_entry(facts, rule):
    lines = fold([fact(0, score=100, seen=0, **facts)])
    assert [m["reason"] for m in lines if m["kind"] == "move"][-1] == rule


@pytest.mark.parametrize("gate", ["pass", "unknown"])
@pytest.mark.parametrize("before", [QUIET, WARM, {"gate": "unknown"}])
def test_a_hand_raise_lifts_an_account_from_any_low_rung(gate, before):
    raised = {"seen": 0, "hand_raised": True, "gate": gate}
    assert states([before, raised])[-1] == "mqa"


def test_a_hand_raise_from_a_company_that_cannot_be_a_customer_lifts_nothing():
    assert states([{"seen": 0, "hand_raised": True, "gate": "fail"}]) == ["unqualified"]


def test_an_account_of_unknown_fit_stays_a_target_however_hot():
    assert states([{**HOT, "gate": "unknown", "is_target": True}] * 3) == ["target"] * 3


def test_suppression_blocks_only_the_entry_to_mqa():
    assert states([{**HOT, "is_suppressed": True}, HOT]) == ["engaged", "mqa"]
    assert states(then({**HOT, "is_suppressed": True})) == ["mqa", "mqa"]


def test_the_crm_accepts():
    assert moves(then({"sales_event": "accepted"}))[-1][2:] == ("sales_accepted", "crm_accepted")


def test_a_touch_by_somebody_else_or_before_the_entry_is_not_the_first_touch():
    other = {**HOT, "touched": True, "answered": False}
    assert path(then(other, other)) == "0:target 0:engaged 0:mqa"
    too_early = {**HOT, "touched": True, "answered_news": False}
    assert path([too_early, HOT]) == "0:target 0:engaged 0:mqa"
    assert path([too_early, TOUCHED]).endswith(" 1:sales_accepted")


def test_backlog_waits_for_its_turn_and_does_not_expire_for_want_of_a_touch():
    found = moves([HOT] * 60, first_day=day(0))
    assert [m[3] for m in found] == ["target", "engaged", "backlog"]
    assert moves([HOT] * 60)[-1] == (30, "mqa", "recycled", "no_first_touch")
    cold = moves([HOT, *[QUIET] * 20], first_day=day(0))
    assert ("mqa", "recycled", "score_below_exit") in [m[1:] for m in cold]


def test_the_first_touch_accepts_when_policy_says_so():
    assert moves(then(TOUCHED))[-1] == (1, "mqa", "sales_accepted", "first_touch")
    policy = policy_with(stages={"accept_on_touch": False})
    assert states(then(TOUCHED), policy) == ["mqa", "mqa"]


def test_an_answer_on_the_day_of_the_entry_counts():
    assert path([TOUCHED]) == f"{UP} 0:sales_accepted"
    assert path([{**HOT, "sales_event": "accepted"}]) == f"{UP} 0:sales_accepted"


def test_a_touch_before_the_entry_accepts_nothing():
    assert path([{**QUIET, "touched": True}, HOT, HOT]) == "0:target 1:engaged 1:mqa"


@pytest.mark.parametrize("reason", ["bad_fit", "competitor", "duplicate"])
def test_a_terminal_rejection_disqualifies(reason):
    facts = {**HOT, "sales_event": "rejected", "sales_reason": reason}
    assert moves(then(facts))[-1][2:] == ("disqualified", "crm_rejected_for_good")


@pytest.mark.parametrize("reason", ["timing", None])
def test_any_other_rejection_recycles(reason):
    facts = {**HOT, "sales_event": "rejected", "sales_reason": reason}
    assert moves(then(facts))[-1][2:] == ("recycled", "crm_rejected")


def test_a_score_must_stay_below_the_exit_limit_for_five_days_in_a_row_and_a_week_after_entry():
    low, line = {"score": 79.9999, "seen": 1}, {"score": 80, "seen": 1}
    assert states(then(*[low] * 7))[-2:] == ["mqa", "recycled"]
    assert states(then(*[low] * 6, line, *[low] * 5))[-2:] == ["mqa", "recycled"]
    assert set(states(then(*[low, low, low, low, line] * 5))) == {"mqa"}
    assert moves(then(*[low] * 7))[-1][3] == "score_below_exit"


def test_a_handoff_that_nobody_touches_expires():
    assert moves(then(*[HOT] * 30))[-1] == (30, "mqa", "recycled", "no_first_touch")
    policy = policy_with(stages={"accept_on_touch": False})
    assert states(then(TOUCHED, *[HOT] * 60), policy)[-1] == "mqa"


def test_sales_qualifies_what_it_accepted():
    facts = then(TOUCHED, {"sales_event": "qualified"})
    assert moves(facts)[-1][1:] == ("sales_accepted", "sales_qualified", "exit_criteria_met")


def test_a_crm_that_qualifies_at_once_has_accepted_as_well():
    assert path(then({"sales_event": "qualified"})) == f"{UP} 1:sales_accepted 1:sales_qualified"


@pytest.mark.parametrize("last", [TOUCHED, {**TOUCHED, "sales_event": "qualified"}])
def test_sales_sends_an_account_back_to_nurture(last):
    facts = then(last, {"sales_event": "nurture", "sales_reason": "timing"})
    assert moves(facts)[-1][2:] == ("recycled", "crm_nurture")


def test_an_account_that_sales_holds_moves_by_silence_and_never_by_its_score():
    found = moves(then(TOUCHED, *[QUIET] * 60))
    assert found[-1] == (61, "sales_accepted", "recycled", "stalled")
    busy = [QUIET if i % 50 else {**QUIET, "touched": True} for i in range(1, 200)]
    assert states(then(TOUCHED, *busy))[-1] == "sales_accepted"


ANYWHERE = {
    "unqualified": [{"gate": "fail"}],
    "target": [QUIET],
    "engaged": [WARM],
    "mqa": [HOT],
    "sales_accepted": then(TOUCHED),
    "sales_qualified": then({**TOUCHED, "sales_event": "qualified"}),
    "recycled": then({"sales_event": "rejected"}),
    "disqualified": then({"sales_event": "rejected", "sales_reason": "bad_fit"}),
}


@pytest.mark.parametrize("stage", ANYWHERE)
@pytest.mark.parametrize("gate", ["pass", "fail"])
def test_crm_facts_beat_the_score_from_any_rung(stage, gate):
    assert states(ANYWHERE[stage])[-1] == stage
    opened = {"open_opportunity": True, "gate": gate}
    assert states([*ANYWHERE[stage], opened])[-1] == "opportunity"
    assert states([*ANYWHERE[stage], {**opened, "is_customer": True}])[-1] == "customer"
    won = moves([*ANYWHERE[stage], opened, {"is_customer": True, "gate": gate}])
    assert won[-1][1:] == ("opportunity", "customer", "crm_won")


def test_the_last_open_opportunity_lost_recycles_and_a_churned_customer_too():
    lost = [QUIET, {"open_opportunity": True}, {"loss_reason": "price"}]
    assert moves(lost)[-1][1:] == ("opportunity", "recycled", "crm_opportunity_lost")
    churned = moves([QUIET, {"is_customer": True}, QUIET])
    assert churned[-1][1:] == ("customer", "recycled", "crm_churned")
