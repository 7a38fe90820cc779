"""Routing from files to tables: who has what and why, other rules tried without a trace, and orders to reassign."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.assets import handoffs
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.reassigning import Move, ReassignmentError, reassign
from mqa_platform_tests.system.pipeline import (
    FIRST,
    LANDING,
    LAST,
    fingerprints,
    rows,
    run,
)

pytestmark = pytest.mark.slow
Verb = Callable[..., tuple[int, str]]
RANGE = ("--from", FIRST.isoformat(), "--to", LAST.isoformat())


def again(home: Home, window: Window) -> None:
    """Lands what is new and makes the handoffs again."""
    run(home, window, work=(*LANDING, handoffs.handoffs))


def open_ones(home: Home) -> dict[str, str]:
    states = "'open', 'accepted', 'backlog'"
    sql = f"SELECT handoff_id, rep_id FROM handoffs WHERE status IN ({states})"
    return {str(handoff): str(rep) for handoff, rep in rows(home, sql)}


def workers(home: Home) -> list[str]:
    here = "SELECT user_id FROM capacity WHERE is_active AND valid_to IS NULL ORDER BY 1"
    return [user for (user,) in rows(home, here)]


def simulated(verb: Verb, home: Home, *more: str) -> dict[str, Any]:
    code, out = verb(home, "route", "simulate", *RANGE, "--json", *more)
    assert code == 0, out
    return json.loads(out)


def policy(folder: Path, routing: str) -> str:
    folder.mkdir()
    (folder / "routing.yaml").write_text(routing, encoding="utf-8")
    return str(folder)


def test_every_handoff_of_the_market_has_a_rep_and_says_by_which_step(built: Home) -> None:
    assert rows(built, "SELECT count(*) FROM routing_exceptions WHERE is_unrouted") == [(0,)]
    told = rows(
        built,
        "SELECT h.handoff_id FROM handoffs h LEFT JOIN route_steps s ON s.handoff_id = h.handoff_id "
        "AND s.outcome = 'fired' AND s.rep_id = h.first_rep_id AND s.rule = h.route_rule "
        "WHERE s.handoff_id IS NULL AND h.route_rule <> 'anonymous_evidence'",
    )
    assert told == []
    assert rows(built, "SELECT count(*) > 0 FROM handoffs") == [(True,)]
    owners = rows(
        built,
        "SELECT h.handoff_id FROM handoffs h JOIN handoff_owners o ON o.handoff_id = h.handoff_id "
        "AND o.to_on IS NULL WHERE o.rep_id <> h.rep_id",
    )
    assert owners == []


def test_the_rules_in_force_routed_again_move_nothing_and_write_nothing(
    built: Home, verb: Verb
) -> None:
    before = fingerprints(built)
    found = simulated(verb, built)
    (count,) = rows(built, "SELECT count(*) FROM handoffs")[0]
    assert (found["unrouted"], found["moved"], found["exceptions"]) == (0, [], [])
    assert found["routed"] + found["marketing"] == found["handoffs"] == count
    given = sum(r["given"] + r["backlog"] for r in found["load"])
    assert given == found["routed"]
    assert found["over_capacity"] == sum(r["over"] for r in found["load"])
    assert fingerprints(built) == before
    code, out = verb(built, "route", "simulate", *RANGE)
    assert (code, "Nobody's accounts would be another's" in out) == (0, True)


def test_other_rules_say_who_would_have_got_what_and_what_would_wait(
    built: Home, verb: Verb, tmp_path: Path
) -> None:
    someone = workers(built)[0]
    only = policy(tmp_path / "one", f'order: [{{rule: round_robin, users: ["{someone}"]}}]\n')
    one = simulated(verb, built, "--policy", only)
    mine = [h for h in one["load"] if h["rep_id"] == someone]
    assert sum(r["given"] + r["backlog"] for r in mine) >= 1
    assert all(m["to_rep"] == someone or m["to_rule"] == "fallback_queue" for m in one["moved"])
    nobody = policy(tmp_path / "none", "order: [{rule: round_robin, team: Nobody}]\n")
    none = simulated(verb, built, "--policy", nobody)
    leading = [e for e in none["exceptions"] if e["cause"] == "nobody_in_the_team"]
    assert none["unrouted"] >= len(leading) > 0
    assert all(e["remedy"] for e in none["exceptions"])


def test_days_that_are_not_there_are_refused_with_the_reason(built: Home, verb: Verb) -> None:
    assert verb(built, "route", "simulate", "--from", "2030-01-01", "--to", "2030-02-01")[0] == 2
    assert verb(built, "route", "simulate", "--from", "2025-07-10", "--to", "2025-07-01")[0] == 2
    assert verb(built, "route", "simulate", "--from", "soon", "--to", "2025-07-01")[0] == 2


def test_the_open_handoffs_of_a_rep_go_to_another_and_a_rerun_changes_nothing(home: Home) -> None:
    before = open_ones(home)
    rep = min(before.values())
    other = next(who for who in workers(home) if who != rep)
    found = reassign(home, Move(rep, other, reason="she left", by="ann"), again)
    after = open_ones(home)
    assert {h for h, who in after.items() if who == rep} == set()
    assert {m["handoff_id"] for m in found["moved"]} == {h for h, w in before.items() if w == rep}
    told = rows(
        home,
        "SELECT DISTINCT first_rep_id, reassign_reason, reassigned_on FROM handoffs "
        f"WHERE rep_id = '{other}' AND first_rep_id = '{rep}'",
    )
    assert told == [(rep, "reassigned", LAST)]
    stored = fingerprints(home)
    again(home, Window.of(LAST, LAST))
    assert fingerprints(home) == stored
    with pytest.raises(ReassignmentError, match="no open handoff"):
        reassign(home, Move(rep, other, reason="again"), again)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"reason": " "}, "say why"),
        ({"from_rep": "Nobody At All"}, "no rep or queue"),
        ({"to_rep": "Nobody At All"}, "no rep or queue"),
        ({"to_rep": "unrouted_queue", "ends_on": FIRST}, "it would end on"),
        ({"handoff_id": "h-1"}, "has no open handoff"),
    ],
)
def test_an_order_that_cannot_be_is_refused_and_nothing_is_written(
    built: Home, changed: dict[str, Any], problem: str
) -> None:
    rep = min(open_ones(built).values())
    move = Move(**{"from_rep": rep, "to_rep": None, "reason": "why", **changed})
    with pytest.raises(ReassignmentError, match=problem):
        reassign(built, move, again)
    assert not (built.inbox / "reassignments").exists()
