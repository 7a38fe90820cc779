"""The fold: however the days are cut into runs, the stages are those of one pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mqa_platform.core.stage_facts import STATE_COLUMNS
from mqa_platform_tests.core.engine import day, default_policy, policy_with
from mqa_platform_tests.core.state_machine import walk
from mqa_platform_tests.core.walking import BEFORE_ALL, FACTS, fact, fold, one_after_another

CALM = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FACT = st.fixed_dictionaries(
    {
        "score": st.sampled_from([0, 39.9999, 40, 79.9999, 80, 99.9999, 100, 150]),
        "people": st.integers(0, 3),
        "committee": st.sampled_from([0, 0, 3]),
        "seen": st.sampled_from([None, 0, 0, 0, 1, 5, 27, 28]),
        "gate": st.sampled_from(["pass", "pass", "pass", "pass", "unknown", "fail"]),
        "score_type": st.sampled_from([None, "balanced", "intent_heavy"]),
        "is_target": st.booleans(),
        "is_suppressed": st.sampled_from([False] * 7 + [True]),
        "anonymous_evidence": st.sampled_from([False] * 5 + [True]),
        "hand_raised": st.sampled_from([False] * 11 + [True]),
        "open_opportunity": st.sampled_from([False] * 15 + [True]),
        "is_customer": st.sampled_from([False] * 25 + [True]),
        "won": st.sampled_from([None] * 9 + [0, 3]),
        "tier": st.sampled_from(["programmatic"] * 4 + ["scaled", "strategic"]),
        "forced_stage": st.sampled_from([None] * 20 + ["engaged", "mqa", "mqa", "disqualified"]),
        "forced_reason": st.just("asked"),
        "touched": st.sampled_from([False] * 7 + [True]),
        "answered": st.sampled_from([False] * 7 + [True]),
        "answered_news": st.sampled_from([False] * 7 + [True]),
        "sales_event": st.sampled_from(
            [None] * 9 + ["accepted", "rejected", "qualified", "nurture"]
        ),
        "sales_reason": st.sampled_from([None, "timing", "bad_fit"]),
        "loss_reason": st.sampled_from([None, "price"]),
    }
)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Some different days, each lasting for a while, as days do."""
    out = []
    for _ in range(draw(st.integers(1, 14))):
        found = draw(FACT)
        out += [found] * draw(st.sampled_from([1, 1, 1, 2, 5, 8, 35]))
    return out[:90]


@st.composite
def policies(draw: st.DrawFn, motion: str = "new_business"):
    if motion == "expansion":
        table = default_policy().of_motion("expansion").stages.model_dump()["transitions"]
    else:
        table = default_policy().stages.model_dump()["transitions"]
    policy = policy_with(
        stages={
            "transitions": table,
            "exit_days": draw(st.integers(1, 5)),
            "min_dwell_days": draw(st.sampled_from([0, 7])),
            "expiry_days": draw(st.sampled_from([3, 30])),
            "stall_days": draw(st.sampled_from([4, 60])),
            "accept_on_touch": draw(st.booleans()),
            "cool_down_days": {"default": draw(st.sampled_from([0, 3, 30])), "price": 9},
            "intent_heavy_needs_committee": draw(st.booleans()),
            "hand_raise_kept_days": draw(st.sampled_from([0, 4, 90])),
            "won_settles_days": draw(st.sampled_from([2, 90])),
            "tiers": {
                "strategic": {"threshold": draw(st.sampled_from([80, 95])), "sla_hours": 1},
                "scaled": {"threshold": 90, "sla_hours": 1},
                "programmatic": {"threshold": draw(st.sampled_from([85, 100])), "sla_hours": 1},
            },
        },
        identity={"discovery": draw(st.booleans())},
    )
    program = policy.program.model_copy(update={"motion": motion})
    return policy.model_copy(update={"program": program, "other_motions": {}})


def of(lines, account_id="acme"):
    return [line for line in lines if line["account_id"] == account_id]


def numbered(lines) -> list[tuple[Any, ...]]:
    found = sorted(
        (m["day"], m["seq"], m["from_stage"], m["stage"], m["rule"], m["episode"])
         for m in lines if m["kind"] == "move"
    )  # fmt: skip
    return [((d - day(0)).days, *rest) for d, *rest in found]


@settings(CALM, max_examples=30)
@given(history=histories(), policy=policies(), backlog=st.booleans())
def test_the_ladder_equals_a_second_state_machine(history, policy, backlog):
    first_day = day(0) if backlog else BEFORE_ALL
    lines = fold([fact(i, **f) for i, f in enumerate(history)], policy, first_day)
    assert numbered(lines) == walk(history, lambda _: policy, {0} if backlog else ())


@settings(CALM, max_examples=15)
@given(history=histories(), policy=policies("expansion"), data=st.data())
def test_so_does_the_ladder_of_customers(history, policy, data):
    # Nearly everybody is a customer here, and some buy again.
    history = [{**f, "is_customer": not f["is_customer"]} for f in history]
    lines = fold([fact(i, **f) for i, f in enumerate(history)], policy)
    assert numbered(lines) == walk(history, lambda _: policy)


@settings(CALM, max_examples=15)
@given(history=histories(), old=policies(), new=policies(), data=st.data())
def test_each_day_is_judged_by_the_policy_in_force_on_it(history, old, new, data):
    promoted = data.draw(st.integers(0, len(history)))
    spans = one_after_another((0, old, "v1"), (promoted, new, "v2"))
    lines = fold([fact(i, **f) for i, f in enumerate(history)], spans, {day(promoted)})
    wanted = walk(history, lambda t: new if t >= promoted else old, {promoted})
    assert numbered(lines) == wanted


def start_of(lines) -> list[dict[str, Any]]:
    """The last state of each account as rows that the next run starts from."""
    last = {s["account_id"]: s for s in lines if s["kind"] == "state"}
    blank = dict.fromkeys(FACTS.names)
    return [
        {**blank, "account_id": a, "day": s["day"], **{c: s[c] for c in STATE_COLUMNS}}
        for a, s in last.items()
    ]


@CALM
@given(history=histories(), policy=policies(), data=st.data())
def test_two_runs_equal_one_pass(history, policy, data):
    rows = [fact(i, **f) for i, f in enumerate(history)]
    cut = data.draw(st.integers(0, len(rows)))
    whole = fold(rows, policy)
    first = fold(rows[:cut], policy) if cut else []
    second = fold([*start_of(first), *rows[cut:]], policy) if cut < len(rows) else []
    assert first + second == whole


@settings(CALM, max_examples=5)
@given(one=histories(), other=histories(), policy=policies())
def test_other_accounts_change_nothing(one, other, policy):
    mine = [fact(i, **f) for i, f in enumerate(one)]
    theirs = [fact(i, account_id="other", **f) for i, f in enumerate(other)]
    assert of(fold(mine + theirs, policy)) == fold(mine, policy)
    assert of(fold(theirs[::-1] + mine[::-1], policy)) == fold(mine, policy)


@CALM
@given(history=histories(), policy=policies())
def test_every_entry_to_mqa_opens_the_next_episode_and_none_opens_inside_another(history, policy):
    lines = fold([fact(i, **f) for i, f in enumerate(history)], policy)
    moves = [m for m in lines if m["kind"] == "move"]
    episodes, inside = 0, False
    for m in moves:
        if m["stage"] == "mqa":
            # Only by hand is an account put back on the rung, and it goes on with its episode.
            assert not inside or m["rule"] == "override"
            episodes += not inside
            inside = True
        elif m["stage"] not in ("sales_accepted", "sales_qualified", "opportunity"):
            inside = False
        assert m["episode"] == episodes


def test_an_account_that_the_crm_lost_for_some_days_keeps_its_state():
    rows = [fact(0, score=120, people=3, seen=0), fact(9, score=120, people=3, seen=0)]
    others = [fact(i, account_id="other") for i in range(10)]
    lines = of(fold([*rows, *others], default_policy()))
    assert [s["stage"] for s in lines if s["kind"] == "state"] == ["mqa", "mqa"]
    assert [m["stage"] for m in lines if m["kind"] == "move"].count("mqa") == 1


@pytest.mark.parametrize("column", STATE_COLUMNS)
def test_every_column_of_the_state_is_a_fact_column_and_a_line(column):
    assert column in FACTS.names
