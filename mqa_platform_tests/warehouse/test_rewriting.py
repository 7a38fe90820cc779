"""Replacing values for privacy, on both engines that keep tables."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from mqa_platform.warehouse import rewriting
from mqa_platform.warehouse.rewriting import Column, replace_values
from mqa_platform_tests.warehouse.sample import VISITS, publish, visit
from mqa_platform_tests.warehouse.test_landing import hits, land, landed

HITS = Column("landed_hits", "hit_id", "seen_at")
NEXT_DAY = date(2026, 1, 2)


def pairs(*rows):
    batch, old, new = zip(*rows, strict=True)
    return pa.table({"batch_id": batch, "old": old, "new": new})


def replaced(session, *rows, before=NEXT_DAY, **added):
    replace_values(session, [HITS], pairs(*rows), before, added)


def test_a_value_is_replaced_in_its_batch_alone(session):
    land(session, "b1", "x", "y")
    land(session, "b2", "x")
    replaced(session, ("b1", "x", "token"))
    assert landed(session) == [("token", "b1"), ("x", "b2"), ("y", "b1")]


def test_rows_of_later_days_keep_their_values(session):
    land(session, "b1", "x")
    replaced(session, ("b1", "x", "token"), before=date(2026, 1, 1))
    assert landed(session) == [("x", "b1")]


def test_rows_that_were_rejected_are_rewritten_as_well(session):
    session.create("landed_hits__rejected", session.catalogue.schema("landed_hits"))
    rows = hits("x").append_column("batch_id", pa.array(["b1"]))
    session.load("landed_hits__rejected", rows)
    replaced(session, ("b1", "x", "token"))
    assert session.fetch('SELECT hit_id FROM "landed_hits__rejected"') == [("token",)]


def test_rows_are_added_with_the_replacement_or_not_at_all(session, monkeypatch):
    land(session, "b1", "x")
    publish(session, visit("v1"))
    more = pa.Table.from_pylist([visit("v2")], schema=VISITS.arrow_schema)
    replaced(session, ("b1", "x", "token"), visits=more)
    found = session.rows(session.table("visits").order_by("visit_id"))
    assert [row["visit_id"] for row in found] == ["v1", "v2"]
    assert found[0]["occurred_at"] == datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)

    monkeypatch.setattr(rewriting, "_update", lambda *_: "UPDATE nothing_of_that_name SET a = 1")
    with pytest.raises(Exception, match="nothing_of_that_name"):
        replaced(session, ("b1", "token", "other"), visits=more)
    assert landed(session) == [("token", "b1")]
    assert session.table("visits").count().to_pyarrow().as_py() == 2
