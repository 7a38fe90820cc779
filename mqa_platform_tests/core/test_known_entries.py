"""An entry that late data makes is known too late, and the log says by how much."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.known_entries import known_entries, last_look, unknown_entries
from mqa_platform_tests.core.engine import TIMESTAMP, at, day

ARRIVED = pa.schema(
    [("account_id", pa.string()), ("touchpoint_date", pa.date32()), ("landed_at", TIMESTAMP),
     ("published_from", pa.date32()), ("published_to", pa.date32())]
)  # fmt: skip
MOVE = {"account_id": "acme", "motion": "new_business", "to_stage": "mqa", "episode": 1}
# Days 0 to 20 had been published when anything came, and the log was last written on day 21.
THEN = {"published_from": day(0), "published_to": day(20)}


LOGGED = at(21)


def told(engine, moves, touches=(), since=LOGGED, known=()):
    schemas = {n: load_contracts()[n].arrow_schema for n in ("stage_transitions", "known_entries")}
    log = engine.table(known, schemas["known_entries"])
    moved = engine.table([{**MOVE, **m} for m in moves], schemas["stage_transitions"])
    new = engine.keep(unknown_entries(moved, log))
    arrived = engine.table(touches, ARRIVED, account_id="acme")
    found = engine.keep(known_entries(new, arrived, since, day(22), at(23), 30))
    return found, engine.rows(found, "account_id", "changed_on", "to_stage")


LATE = {"touchpoint_date": day(3), "landed_at": at(22), **THEN}


@pytest.mark.parametrize(
    ("changed", "touch", "late"),
    [
        (day(5), LATE, 1),
        # It landed in time, comes after the entry, or is forgotten by then.
        (day(5), {**LATE, "landed_at": at(20)}, 0),
        (day(5), {**LATE, "touchpoint_date": day(6)}, 0),
        (day(5), {**LATE, "touchpoint_date": day(-25)}, 0),
        (day(5), {**LATE, "account_id": "other"}, 0),
        # The newest published day was still open, a later one was not there.
        (day(20), LATE, 0),
        (day(22), LATE, 0),
        # Before the first entry that is known, and after the last: what counts is what was published.
        (day(-1), {**LATE, "touchpoint_date": day(-2), "published_from": day(-9)}, 1),
        (day(21), {**LATE, "published_to": day(22)}, 1),
        (day(5), {**LATE, "published_from": None, "published_to": None}, 0),
    ],
)
def test_an_entry_of_a_published_day_is_late_when_its_touchpoints_are(engine, changed, touch, late):
    _, (row,) = told(engine, [{"changed_on": changed}], [touch])
    assert (row["late_touchpoints"], row["known_on"], row["known_at"]) == (late, day(22), at(23))


def test_the_first_load_is_never_late(engine):
    _, (row,) = told(engine, [{"changed_on": day(5)}], [LATE], None)
    assert row["late_touchpoints"] == 0


def test_what_is_known_is_not_known_again_and_other_steps_are_not_watched(engine):
    moves = [{"changed_on": day(5)}, {"changed_on": day(2), "to_stage": "engaged"}]
    found, rows = told(engine, [*moves, {"changed_on": day(1), "to_stage": "target"}])
    assert [r["to_stage"] for r in rows] == ["engaged", "mqa"]
    known = engine.rows(found)
    _, again = told(engine, [*moves, {"changed_on": day(4)}], [LATE], known=known)
    assert [(r["changed_on"], r["late_touchpoints"]) for r in again] == [(day(4), 1)]
    schema = load_contracts()["known_entries"].arrow_schema
    (was,) = engine.rows(last_look(engine.table(known, schema)))
    assert was == {"at": at(23)}
