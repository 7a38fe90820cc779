"""Who is held out: by a draw that nothing but its name moves, and without a trace at sales."""

from __future__ import annotations

import math
from datetime import date
from hashlib import md5
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mqa_platform.core.calendar_problems import calendar_problems
from mqa_platform.core.experiments import drawn
from mqa_platform.core.routing_facts import ASKED
from mqa_platform.core.worklist import worklist
from mqa_platform.policy.loader import policy_version
from mqa_platform.policy.routing import Experiment, Routing
from mqa_platform_tests.core.clock_cases import HANDOFFS, STAGES, calendars, clocked, utc
from mqa_platform_tests.core.clock_cases import handoff as clocked_handoff
from mqa_platform_tests.core.engine import ACCOUNTS, Engine, account, default_policy, policy_with
from mqa_platform_tests.core.routing_cases import (
    at,
    folded,
    handoff,
    holders,
    left,
    new_owner,
    of_kind,
    on,
    order,
    rep,
    routes,
    steps,
)

QUEUE = "held_out"
TEAM = [rep("ann"), rep("ben")]


def tried(share: float = 0.5, name: str = "spring", **changed: Any) -> Routing:
    """Everybody may get everything, and a share is held out."""
    return steps(
        "named_owner", "round_robin",
        experiment={"name": name, "holdout_share": share, **changed},
    )  # fmt: skip


def person(n: int | str, number: int = 0, **changed: Any) -> dict[str, Any]:
    """A handoff that people qualified."""
    row = {"evidence_rule": "people", "episode": 1, "account_id": f"account {n}", **changed}
    return handoff(f"h{n}", number, **row)


def many(count: int, **changed: Any) -> list[dict[str, Any]]:
    return [person(n, **changed) for n in range(count)]


def number(name: str, n: int | str, episode: int = 1) -> float:
    """The draw by its own words: the first 52 bits of an MD5 as a fraction."""
    text = f"{name}|account {n}|new_business|{episode}".encode()
    digits = int(md5(text, usedforsecurity=False).hexdigest()[:13], 16)
    return (digits + 0.5) / 16**13


def control(count: int, routing: Routing, **changed: Any) -> set[str]:
    """The handoffs that are held out."""
    found = holders(many(count, **changed), TEAM, routing)
    return {h for h, who in found.items() if who == QUEUE}


HELD = next(n for n in range(100) if number("spring", n) < 0.5)
GIVEN = next(n for n in range(100) if number("spring", n) >= 0.5)


def test_an_account_is_held_out_when_its_draw_is_below_the_share() -> None:
    wanted = {f"h{n}" for n in range(50) if number("spring", n) < 0.5}
    assert control(50, tried()) == wanted
    assert 10 < len(wanted) < 40
    again = {f"h{n}" for n in range(50) if number("spring", n, 2) < 0.5}
    assert control(50, tried(), episode=2) == again != wanted


@settings(max_examples=10, deadline=None)
@given(st.floats(0.01, 0.5), st.sampled_from(["a", "b", "spring_2026"]))
def test_the_share_of_those_held_out_is_the_one_that_was_set(share: float, name: str) -> None:
    count = 2000
    found = len(control(count, tried(share, name)))
    # Five standard errors: one false alarm in a million draws.
    assert abs(found / count - share) <= 5 * math.sqrt(share * (1 - share) / count)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(40)), st.integers(1, 39), st.floats(0.05, 0.5))
def test_neither_order_nor_what_else_is_there_moves_an_arm(
    order_: list[int], cut: int, share: float
) -> None:
    routing, rows = tried(share), many(40)
    arms = {r["handoff_id"]: r["outcome"] for r in of_kind(folded(rows, TEAM, routing), "arm")}
    shuffled = [rows[i] for i in order_]
    parts = [*folded(shuffled[:cut], TEAM, routing), *folded(shuffled[cut:], [rep("cy")], routing)]
    assert {r["handoff_id"]: r["outcome"] for r in of_kind(parts, "arm")} == arms


@settings(max_examples=10, deadline=None)
@given(st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_a_larger_share_keeps_who_was_drawn_by_the_smaller_one(one: float, other: float) -> None:
    assert control(300, tried(min(one, other))) <= control(300, tried(max(one, other)))


def test_another_name_draws_anew() -> None:
    one, other = control(2000, tried(0.5)), control(2000, tried(0.5, "autumn"))
    # Independent draws share a quarter; five standard errors around it.
    assert abs(len(one & other) / 2000 - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 2000)


@pytest.mark.parametrize("rule", ["hand_raise", "override", "anonymous_only", None])
def test_nobody_is_held_out_who_asked_or_whom_somebody_put_there(rule: str | None) -> None:
    rows = many(40, evidence_rule=rule, is_nameless=rule == "anonymous_only")
    found = folded(rows, TEAM, tried())
    assert of_kind(found, "arm") == []
    assert QUEUE not in {r["rep_id"] for r in of_kind(found, "route")}


def test_only_the_named_tiers_take_part() -> None:
    assert control(40, tried(tiers=["strategic"])) == set()
    assert control(40, tried(tiers=["scaled"])) == control(40, tried())


def test_without_an_experiment_everything_is_as_it_was() -> None:
    rows = many(60)
    off = folded(rows, TEAM, steps("named_owner", "round_robin"))
    assert of_kind(off, "arm") == []
    # A share that draws nobody differs in nothing but what it drew.
    nobody = folded(rows, TEAM, tried(1e-9))
    assert [r for r in nobody if r["kind"] != "arm"] == off
    assert len(of_kind(nobody, "arm")) == 60


def test_what_is_given_to_sales_goes_where_it_would_have_gone() -> None:
    rows = many(60)
    off = holders(rows, TEAM, steps("named_owner", "round_robin"))
    on_ = holders(rows, TEAM, tried())
    assert {h: w for h, w in on_.items() if w != QUEUE}.items() <= off.items()


def test_what_is_held_out_fills_nobodys_week() -> None:
    held = [n for n in range(200) if number("spring", n) < 0.5][:5]
    rows = [*(person(n) for n in held), person(GIVEN, 1)]
    found = routes(rows, [rep("ann", capacity_per_week=1)], tried())
    assert found[f"h{GIVEN}"] == ("ann", "round_robin")
    assert {found[f"h{n}"] for n in held} == {(QUEUE, "holdout")}


def test_neither_a_new_owner_nor_an_order_nor_a_departure_moves_what_is_held_out() -> None:
    rows = [person(HELD), new_owner(f"h{HELD}", "ben", 2)]
    orders = [order(QUEUE, "ben", 3), order(QUEUE, None, 4), order("ann", QUEUE, 1)]
    reps = [*left("ann", 5), rep("ben")]
    found = folded([*rows, person(GIVEN)], reps, tried(), orders=orders)
    owners = [(r["handoff_id"], r["rep_id"]) for r in of_kind(found, "owned")]
    assert [rep for h, rep in owners if h == f"h{HELD}"] == [QUEUE]
    assert QUEUE not in [rep for h, rep in owners if h == f"h{GIVEN}"]


def asked(n: int, day: int) -> dict[str, Any]:
    return {"kind": ASKED, "handoff_id": f"h{n}", "on_day": on(day)}


def test_who_asks_to_be_called_is_called_and_stays_in_his_arm() -> None:
    rows = [person(HELD), new_owner(f"h{HELD}", "ben", 2), asked(HELD, 3)]
    found = folded(rows, TEAM, tried())
    owners = [(r["rep_id"], r["from_on"], r["reason"]) for r in of_kind(found, "owned")]
    # The owner that the CRM named meanwhile.
    assert owners == [(QUEUE, on(0), "routed"), ("ben", on(3), "asked")]
    (arm,) = of_kind(found, "arm")
    assert (arm["outcome"], arm["to_on"]) == ("held_out", on(3))
    (routed,) = of_kind(found, "route")
    assert (routed["rule"], routed["first_rep_id"], routed["reason"]) == ("holdout", QUEUE, "asked")
    # What happens after the last published day has not happened.
    early = folded(rows, TEAM, tried(), as_of=2)
    assert [r["rep_id"] for r in of_kind(early, "owned")] == [QUEUE]
    assert [a["to_on"] for a in of_kind(early, "arm")] == [None]


def test_who_asks_before_a_late_handoff_is_known_is_called_too() -> None:
    late = person(HELD, qualified_at=at(4))
    found = folded([late, asked(HELD, 2)], [rep("ann")], tried())
    assert [r["rep_id"] for r in of_kind(found, "owned")] == [QUEUE, "ann"]


def test_who_asks_of_those_that_sales_has_moves_nothing() -> None:
    rows = [person(GIVEN)]
    assert folded([*rows, asked(GIVEN, 2)], TEAM, tried()) == folded(rows, TEAM, tried())


def test_who_asks_after_it_was_over_is_not_called_for_it() -> None:
    over = person(HELD, over_on=on(2))
    found = of_kind(folded([over, asked(HELD, 3)], TEAM, tried()), "owned")
    assert [r["rep_id"] for r in found] == [QUEUE]


def test_an_experiment_that_is_off_leaves_the_version_of_the_policy() -> None:
    policy = default_policy()
    assert policy.routing.experiment is None
    on_ = policy_with(routing={"experiment": {"name": "spring", "holdout_share": 0.1}})
    other = policy_with(routing={"experiment": {"name": "spring", "holdout_share": 0.2}})
    assert len({policy_version(p) for p in (policy, on_, other)}) == 3
    meaning = policy.model_dump()
    del meaning["routing"]["experiment"]
    assert policy_version(type(policy).model_validate(meaning)) == policy_version(policy)


@pytest.mark.parametrize(
    "wrong",
    [{"holdout_share": 0}, {"holdout_share": 0.51}, {"holdout_share": 0.1, "name": "Spring 26"},
     {"holdout_share": 0.1, "holdout_queue": "marketing_play"}],
)  # fmt: skip
def test_an_experiment_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Routing.model_validate({"experiment": {"name": "spring", **wrong}})


def test_a_programmatic_account_without_a_tier_takes_part_as_one() -> None:
    entry = person(HELD, tier=None)
    experiment = Experiment(name="spring", holdout_share=0.5, tiers=["programmatic"])
    found = drawn(experiment, entry)
    assert found is not None
    assert found.is_held_out
    assert drawn(experiment.model_copy(update={"tiers": ["scaled"]}), entry) is None


POLICY = policy_with(routing={"experiment": {"name": "spring", "holdout_share": 0.5}})


def of_clock(engine: Engine, **changed: Any) -> dict[str, Any]:
    backlog, owners = changed.pop("backlog", False), changed.pop("owners", ())
    row = clocked_handoff(rep_id=QUEUE, status=QUEUE, route_rule="holdout", **changed)
    found = clocked(engine, row, policy=POLICY, backlog=backlog, owners=owners)
    (told,) = engine.rows(found)
    return told


@pytest.mark.parametrize("backlog", [False, True])
def test_what_is_held_out_is_delivered_to_nobody_and_runs_no_clock(
    engine: Engine, backlog: bool
) -> None:
    found = of_clock(engine, backlog=backlog, released_on=None)
    silent = ("delivered_at", "delivered_via", "due_at", "remind_at", "escalate_at", "sla_met",
              "first_touch_at", "taken_away_at")  # fmt: skip
    assert {found[c] for c in silent} == {None}
    assert (found["sla_state"], found["sla_rep_id"]) == ("no_clock", QUEUE)


def test_the_clock_starts_when_somebody_asks_and_a_rep_gets_it(engine: Engine) -> None:
    owners = [
        {
            "handoff_id": "h1",
            "rep_id": QUEUE,
            "from_on": date(2026, 1, 5),
            "to_on": date(2026, 1, 7),
        },
        {"handoff_id": "h1", "rep_id": "ann", "from_on": date(2026, 1, 7), "to_on": None},
    ]
    found = of_clock(engine, owners=owners, released_on=date(2026, 1, 7))
    assert found["delivered_at"] == utc("2026-01-07T08:00")
    assert (found["due_at"], found["sla_rep_id"]) == (utc("2026-01-07T16:00"), "ann")


def test_what_is_held_out_is_on_no_worklist(engine: Engine) -> None:
    rows = [
        clocked_handoff(handoff_id=h, rep_id=who, status=state, account_id=h)
        for h, who, state in (("given", "ann", "open"), ("held", QUEUE, "held_out"))
    ]
    accounts = engine.table([account(h) for h in ("given", "held")], ACCOUNTS)
    found = worklist(clocked(engine, *rows, policy=POLICY), accounts, engine.table([], STAGES))
    assert [r["handoff_id"] for r in engine.rows(found)] == ["given"]


def test_the_queue_of_an_experiment_that_is_over_is_no_rep_without_a_calendar(
    engine: Engine,
) -> None:
    rows = [
        clocked_handoff(handoff_id="held", rep_id=QUEUE, route_rule="holdout", status="recycled"),
        clocked_handoff(handoff_id="given", rep_id="who", account_id="other"),
    ]
    made, held = engine.table(rows, HANDOFFS), calendars(engine, [])
    found = calendar_problems(held, made, default_policy(), date(2026, 1, 5), engine.apply)
    assert {r["rep_id"] for r in engine.rows(found)} == {"who"}
