"""What holds of routing whatever the reps and accounts: shares, stability, capacity, nothing lost."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.desk import monday
from mqa_platform_tests.core.routing_cases import (
    at,
    away,
    folded,
    handoff,
    holders,
    of_kind,
    on,
    order,
    rep,
    steps,
)

LOT = steps("round_robin")
WEIGHTS = st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0]), min_size=2, max_size=6)


def team(weights: list[float], **changed: Any) -> list[dict[str, Any]]:
    return [rep(f"r{n}", weight=w, **changed) for n, w in enumerate(weights)]


def many(count: int) -> list[dict[str, Any]]:
    return [handoff(f"h{n}", account_id=f"account {n}") for n in range(count)]


@settings(max_examples=8, deadline=None)
@given(WEIGHTS)
def test_shares_follow_the_weights(weights: list[float]) -> None:
    count = 1000
    given_to = Counter(holders(many(count), team(weights), LOT).values())
    for n, weight in enumerate(weights):
        share = weight / sum(weights)
        # Five standard errors: one false alarm in a million draws.
        margin = 5 * math.sqrt(share * (1 - share) / count)
        assert abs(given_to[f"r{n}"] / count - share) <= margin


@settings(max_examples=12, deadline=None)
@given(WEIGHTS, st.data())
def test_who_leaves_moves_nobody_elses_accounts(weights: list[float], data: st.DataObject) -> None:
    reps = team(weights)
    gone = data.draw(st.sampled_from([r["user_id"] for r in reps]))
    before = holders(many(60), reps, LOT)
    after = holders(many(60), [r for r in reps if r["user_id"] != gone], LOT)
    assert {h: w for h, w in before.items() if w != gone} == {
        h: w for h, w in after.items() if before[h] != gone
    }


@settings(max_examples=12, deadline=None)
@given(WEIGHTS, st.sampled_from([0.5, 2.0, 9.0]))
def test_more_weight_only_ever_brings_accounts_to_its_rep(
    weights: list[float], more: float
) -> None:
    before = holders(many(60), team(weights), LOT)
    after = holders(many(60), team([weights[0] + more, *weights[1:]]), LOT)
    assert {after[h] for h in before if before[h] != after[h]} <= {"r0"}


REPS = st.lists(
    st.builds(
        dict,
        capacity_per_week=st.sampled_from([None, 0, 1, 3]),
        weight=st.sampled_from([None, 0.0, 1.0]),
        is_active=st.sampled_from([True, True, True, False, None]),
        is_listed=st.booleans(),
        team=st.sampled_from([None, "East", " east"]),
        regions=st.sampled_from([None, "", "Germany", "EMEA; France", "*", "US: Texas", ";;"]),
        postal_prefixes=st.sampled_from([None, "8", "DE: 9"]),
        industries=st.sampled_from([None, "software", "Steel;"]),
    ),
    max_size=4,
)
HANDOFFS = st.lists(
    st.builds(
        dict,
        number=st.integers(0, 20),
        late=st.sampled_from([None, 0, 30]),
        owner_id=st.sampled_from([None, "r0", "r1", "nobody", ""]),
        country=st.sampled_from([None, "", "Germany", "france", "Atlantis"]),
        industry=st.sampled_from([None, "Software", ""]),
        employees=st.sampled_from([None, 0, 500]),
        postal_code=st.sampled_from([None, "80331", ""]),
        tier=st.sampled_from([None, "strategic", "scaled", "programmatic"]),
        is_nameless=st.booleans(),
        is_backlog=st.booleans(),
    ),
    max_size=12,
)
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["r0", "r1", "unrouted_queue"]),
        st.sampled_from(["r2", "nobody", None, "marketing_play"]),
        st.integers(0, 25),
        st.sampled_from([None, 30]),
    ),
    max_size=3,
)
ABSENT = st.lists(
    st.tuples(st.sampled_from(["r0", "r1", "ghost"]), st.integers(0, 9), st.sampled_from([None, 12])),
    max_size=3,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(REPS, HANDOFFS, MOVES, ABSENT, st.integers(0, 3))
def test_whatever_the_data_every_handoff_has_one_owner_or_one_cause(
    reps: Any, handoffs: Any, moves: Any, absent: Any, otherwise: int
) -> None:
    capacity = [rep(f"r{n}", **changed) for n, changed in enumerate(reps)]
    facts = []
    for n, changed in enumerate(handoffs):
        given_on, late = changed.pop("number"), changed.pop("late")
        moment = None if late is None else at(given_on + late)
        facts.append(handoff(f"h{n}", given_on, qualified_at=moment, **changed))
    rules = steps("named_owner", {"rule": "territory", "team": "east"}, "vertical_specialist",
                  "round_robin", regions={"EMEA": ["Germany"]}, capacity_per_week=otherwise)  # fmt: skip
    found = folded(
        facts,
        capacity,
        rules,
        absences=[away(who, first, end) for who, first, end in absent],
        orders=[
            order(*move, reassignment_id=str(n)) for n, move in enumerate(moves)
        ],
    )  # fmt: skip
    routes = of_kind(found, "route")
    assert [r["handoff_id"] for r in routes] == sorted(f["handoff_id"] for f in facts)
    waiting = {r["handoff_id"] for r in of_kind(found, "exception") if r["queue"]}
    for route in routes:
        is_waiting = route["rep_id"] == "unrouted_queue"
        assert is_waiting == (route["cause"] is not None) == (route["handoff_id"] in waiting)
    owners = of_kind(found, "owned")
    for route in routes:
        mine = [o for o in owners if o["handoff_id"] == route["handoff_id"]]
        assert [o["seq"] for o in mine] == list(range(1, len(mine) + 1))
        assert [o["to_on"] for o in mine] == [*(o["from_on"] for o in mine[1:]), None]
        assert mine[-1]["rep_id"] == route["rep_id"]
        assert mine[0]["rep_id"] == route["first_rep_id"]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
    st.lists(st.integers(0, 13), max_size=30),
)
def test_nobody_is_given_more_than_his_week_holds(capacities: list[int], days: list[int]) -> None:
    reps = [rep(f"r{n}", capacity_per_week=c) for n, c in enumerate(capacities)]
    facts = [handoff(f"h{n}", d) for n, d in enumerate(days)]
    found = holders(facts, reps, LOT)
    load = Counter((who, monday(on(d))) for (_, who), d in zip(sorted(found.items()), [
        f["created_on"].toordinal() - on(0).toordinal() for f in sorted(facts, key=lambda f: f["handoff_id"])
    ], strict=True))  # fmt: skip
    for (who, week), n in load.items():
        if who != "unrouted_queue":
            assert n <= capacities[int(who[1:])]
        else:
            room = sum(capacities) - sum(load[r["user_id"], week] for r in reps)
            assert room == 0, "an account waits while somebody has room"
