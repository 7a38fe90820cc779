"""The sales desk as tables: reps.csv over the CRM's users, absences, and who works which opportunity."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from mqa_platform.core.capacity import absences, capacity, reassignments
from mqa_platform.core.opportunity_teams import opportunity_team, who_knows
from mqa_platform_tests.core.engine import TIMESTAMP, at, crm_schema, day, landed_schema

BATCHES = pa.schema([("batch_id", pa.string()), ("landed_at", TIMESTAMP)])
LANDED = [{"batch_id": f"b{n}", "landed_at": at(n)} for n in range(5)]
ENTERED = pa.schema(
    [("handoff_id", pa.string()), ("account_id", pa.string()), ("created_on", pa.date32())]
)
BEGINNING = date(1900, 1, 1)


def user(user_id: str, first: int = -100, end: int | None = None, **changed: Any) -> Any:
    return {
        "user_id": user_id, "name": user_id, "is_active": True, "valid_from": day(first),
        "valid_to": None if end is None else day(end), **changed,
    }  # fmt: skip


def listed(rep_id: str, first: int | None = None, batch: str = "b1", **changed: Any) -> Any:
    valid_from = None if first is None else day(first)
    return {"rep_id": rep_id, "valid_from": valid_from, "batch_id": batch, **changed}


def table(engine: Any, reps: list[Any], users: list[Any]) -> list[dict[str, Any]]:
    landed = engine.table(reps, landed_schema("landed_rep_capacity"), source="reps")
    batches = engine.table(LANDED, BATCHES)
    told = engine.table(users, crm_schema("landed_users"), source="crm")
    return engine.rows(capacity(landed, batches, told), "user_id", "valid_from")


def test_what_reps_csv_lacks_comes_from_the_crm(engine) -> None:
    users = [
        user("ann", capacity_per_week=9, team="East", territory="France", time_zone="Europe/Paris")
    ]
    (row,) = table(engine, [listed("ann", capacity_per_week=4, weight=2.0)], users)[1:]
    assert (row["capacity_per_week"], row["weight"], row["team"]) == (4, 2.0, "East")
    assert (row["regions"], row["time_zone"], row["is_listed"]) == ("France", "Europe/Paris", True)


def test_a_rep_is_cut_wherever_either_of_the_two_changes(engine) -> None:
    users = [user("ann", -100, 10, team="East"), user("ann", 10, team="West")]
    reps = [listed("ann", 5, capacity_per_week=3), listed("ann", 20, capacity_per_week=7)]
    found = table(engine, reps, users)
    assert [(r["valid_from"], r["valid_to"], r["team"], r["capacity_per_week"]) for r in found] == [
        (day(-100), day(5), "East", None),
        (day(5), day(10), "East", 3),
        (day(10), day(20), "West", 3),
        (day(20), None, "West", 7),
    ]


def test_a_rep_in_one_of_the_two_only_is_told_as_such(engine) -> None:
    found = table(engine, [listed("ghost")], [user("ann")])
    told = [(r["user_id"], r["is_active"], r["is_listed"]) for r in found]
    assert told == [("ann", True, False), ("ghost", None, True)]


def test_the_file_that_came_last_counts_unless_an_older_one_was_changed_later(engine) -> None:
    reps = [listed("ann", batch="b1", capacity_per_week=1), listed("ann", batch="b3", capacity_per_week=3)]  # fmt: skip
    (row,) = [r for r in table(engine, reps, []) if r["valid_to"] is None]
    assert (row["capacity_per_week"], row["valid_from"]) == (3, BEGINNING)
    reps[0]["modified_at"] = at(9)
    (row,) = table(engine, reps, [])
    assert row["capacity_per_week"] == 1


def test_two_rows_of_one_rep_and_day_are_one_and_always_the_same(engine) -> None:
    reps = [listed("ann", 5, capacity_per_week=n) for n in (4, 2, 3)]
    first = table(engine, reps, [user("ann")])
    assert table(engine, reps[::-1], [user("ann")]) == first
    assert len(first) == 2


def test_an_absence_that_is_told_again_replaces_what_was_told(engine) -> None:
    rows = [
        {
            "absence_id": "x",
            "rep_id": "ann",
            "starts_on": day(1),
            "ends_on": day(5),
            "batch_id": "b1",
        },
        {
            "absence_id": "x",
            "rep_id": "ann",
            "starts_on": day(1),
            "ends_on": None,
            "batch_id": "b2",
        },
    ]
    landed = engine.table(rows, landed_schema("landed_absences"), source="s", kind="sick")
    (row,) = engine.rows(absences(landed, engine.table(LANDED, BATCHES)))
    assert row["ends_on"] is None


def test_an_order_that_was_landed_twice_is_one(engine) -> None:
    same = {
        "reassignment_id": "o", "from_rep": "a", "starts_on": day(1), "reason": "r", "by": "b",
        "at": at(1), "source": "s",
    }  # fmt: skip
    schema = landed_schema("landed_reassignments")
    landed = engine.table([{**same, "batch_id": "b1"}, {**same, "batch_id": "b2"}], schema)
    assert len(engine.rows(reassignments(landed))) == 1


def link(one: str, other: str, number: int, **changed: Any) -> Any:
    ends = {"from_object": "opportunity", "from_id": one, "to_object": "user", "to_id": other}
    return {**ends, "modified_at": at(number), "is_deleted": False, "batch_id": "b1", **changed}


def knows(engine, deals: list[Any], links: list[Any], on: int = 0) -> list[tuple[Any, ...]]:
    entered = [{"handoff_id": "h", "account_id": "acme", "created_on": day(on)}]
    schema = landed_schema("landed_associations")
    team = engine.keep(opportunity_team(engine.table(links, schema, source="crm")))
    found = who_knows(
        engine.table(entered, ENTERED),
        engine.table(deals, crm_schema("landed_opportunities"), source="crm"),
        team,
    )
    return [
        (r["rep_id"], r["deal"], r["is_open"], r["is_owner"])
        for r in engine.rows(found, "deal", "rep_id")
    ]


def opportunity(name: str = "d", **changed: Any) -> Any:
    return {
        "opportunity_id": name, "account_id": "acme", "owner_id": "ann", "is_closed": False,
        "is_deleted": False, "created_at": at(-20), "valid_from": day(-20), **changed,
    }  # fmt: skip


def test_who_works_an_opportunity_is_its_owner_and_its_team(engine) -> None:
    links = [link("d", "bob", -10), link("d", "cyd", -9, is_deleted=True)]
    assert knows(engine, [opportunity()], links) == [
        ("ann", "d", True, True), ("bob", "d", True, False),
    ]  # fmt: skip
    both_ways = {"from_object": "user", "from_id": "bob", "to_object": "opportunity", "to_id": "d"}
    assert knows(engine, [opportunity()], [{**link("", "", -10), **both_ways}])[1][0] == "bob"


def test_the_day_of_the_handoff_decides_what_is_known(engine) -> None:
    won = [
        opportunity(valid_to=day(5)),
        opportunity(is_closed=True, closed_at=at(5), valid_from=day(5), owner_id="eve"),
    ]
    assert knows(engine, won, [], on=0) == [("ann", "d", True, True)]
    assert knows(engine, won, [], on=5) == [("eve", "d", False, True)]
    assert knows(engine, won, [link("d", "bob", 6)], on=5) == [("eve", "d", False, True)]
    assert knows(engine, [opportunity(created_at=at(3), valid_from=day(-9))], [], on=0) == []


def test_deleted_opportunities_and_those_of_nobody_say_nothing(engine) -> None:
    assert knows(engine, [opportunity(is_deleted=True)], []) == []
    assert knows(engine, [opportunity(account_id=None)], []) == []
    assert knows(engine, [opportunity(owner_id=None)], []) == []
    owner_in_team = [link("d", "ann", -5)]
    assert knows(engine, [opportunity()], owner_in_team) == [("ann", "d", True, True)]
