"""What is not given away: to who is away, to who has no room, out of sight, or past what happened meanwhile."""

from __future__ import annotations

from typing import Any

from mqa_platform.core.desk import DeskTables
from mqa_platform.core.routing import standing_problems
from mqa_platform_tests.core.routing_cases import (
    at,
    away,
    folded,
    handoff,
    holders,
    left,
    new_owner,
    of_kind,
    on,
    order,
    rep,
    steps,
)

OWNER_OR_QUEUE = steps("named_owner")


def owners(*args: Any, **kwargs: Any) -> list[tuple[str, str]]:
    return [(r["rep_id"], r["reason"]) for r in of_kind(folded(*args, **kwargs), "owned")]


def problems(reps: list[dict[str, Any]], **tables: Any) -> set[tuple[str, str]]:
    desk = DeskTables(reps, **tables)
    found = standing_problems({"r": OWNER_OR_QUEUE}, desk, on(30)).to_pylist()
    return {(row["subject"], row["cause"]) for row in found}


def test_what_waits_in_the_fallback_queue_stays_an_exception_when_its_sla_is_missed() -> None:
    moves = [{"handoff_id": "h", "rep_id": "sla_queue", "reassigned_on": on(2)}]
    rows = folded([handoff("h")], [rep("a")], OWNER_OR_QUEUE, sla_moves=moves)
    assert of_kind(rows, "route")[0]["rep_id"] == "unrouted_queue"
    assert of_kind(rows, "exception")[0]["cause"] == "account_without_owner"


def test_a_new_owner_on_holiday_gets_nothing_and_who_stands_in_does() -> None:
    reps = [rep("a"), rep("b"), rep("c")]
    facts = [handoff("h", owner_id="a"), new_owner("h", "b", 2)]
    covered = holders(facts, reps, OWNER_OR_QUEUE, absences=[away("b", 1, 30, "c")])
    assert covered == {"h": "c"}
    assert holders(facts, reps, OWNER_OR_QUEUE, absences=[away("b", 1, 30)]) == {"h": "a"}


def test_what_was_lent_goes_back_when_the_lender_is_there_again() -> None:
    reps, facts = [rep("a"), rep("b")], [handoff("h", owner_id="a")]
    orders, absences = [order("a", "b", 2, 5)], [away("a", 2, 12)]
    until = {"orders": orders, "absences": absences}
    assert holders(facts, reps, OWNER_OR_QUEUE, as_of=11, **until) == {"h": "b"}
    assert holders(facts, reps, OWNER_OR_QUEUE, as_of=12, **until) == {"h": "a"}


def test_a_late_handoff_goes_to_the_owner_whom_the_crm_named_meanwhile() -> None:
    late = handoff("h", 0, owner_id="a", qualified_at=at(3))
    found = owners([late, new_owner("h", "b", 1)], [rep("a"), rep("b")], OWNER_OR_QUEUE)
    assert found == [("a", "routed"), ("b", "owner_changed")]


def test_a_late_handoff_obeys_the_order_of_its_week() -> None:
    late = handoff("h", 0, owner_id="a", qualified_at=at(3))
    reps = [rep("a"), rep("b")]
    assert holders([late], reps, OWNER_OR_QUEUE, orders=[order("a", "b", 1)]) == {"h": "b"}
    over = [order("a", "b", 1, 2)]
    assert holders([late], reps, OWNER_OR_QUEUE, orders=over) == {"h": "a"}


def test_a_rep_of_capacity_0_is_given_no_backlog_either() -> None:
    facts = [handoff("h", is_backlog=True)]
    rows = folded(facts, [rep("a", capacity_per_week=0)], steps("round_robin"))
    assert of_kind(rows, "exception")[0]["cause"] == "no_capacity"


def test_who_stands_in_for_an_owner_gets_no_more_than_he_has_room_for() -> None:
    reps = [rep("a"), rep("c", capacity_per_week=1), rep("d")]
    facts = [handoff(f"h{n}", owner_id="a") for n in range(3)]
    absences = [away("a", 0, 5, "c")]
    others = steps("named_owner", {"rule": "round_robin", "users": ["d"]})
    assert list(holders(facts, reps, others, absences=absences).values()) == ["c", "d", "d"]
    keep = steps({"rule": "named_owner", "over_capacity": "keep"})
    assert set(holders(facts, reps, keep, absences=absences).values()) == {"c"}


def test_an_order_to_who_has_left_and_a_stand_in_nobody_knows_are_told() -> None:
    reps = [rep("a"), *left("gone", 3)]
    late, timely = order("a", "gone", 5), order("a", "gone", 1)
    found = problems(reps, absences=[away("a", 0, 5, "typo")], reassignments=[late, timely])
    assert ("a", "cover_unknown") in found
    assert (late["reassignment_id"], "order_without_effect") in found
    assert (timely["reassignment_id"], "order_without_effect") not in found
