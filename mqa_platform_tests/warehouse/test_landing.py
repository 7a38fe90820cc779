"""Landing a batch, on both engines that keep tables."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from mqa_platform.contracts import ContractError
from mqa_platform.warehouse import UnknownTableError

SEEN = datetime(2026, 1, 1, 23, 59, 59, 999999, tzinfo=UTC)


def hits(*names: str) -> pa.Table:
    return pa.table(
        {
            "hit_id": list(names),
            "seen_at": pa.array([SEEN] * len(names), pa.timestamp("us", tz="UTC")),
            "points": [0.1] * len(names),
            "account": pa.array([None] * len(names), pa.int64()),
        }
    )


def land(session, batch_id, *names, **ledger):
    return session.land(
        "web", batch_id, f"landing/web/{batch_id}", {"landed_hits": hits(*names)}, ledger
    )


def landed(session):
    return sorted(
        (row["hit_id"], row["batch_id"]) for row in session.rows(session.table("landed_hits"))
    )


def test_a_batch_is_landed_with_its_rows_stamped_and_its_ledger_entry(session):
    assert land(session, "b1", "x", "y", rows=2, landed_at=SEEN)

    assert landed(session) == [("x", "b1"), ("y", "b1")]
    assert session.rows(session.table("landed_hits"))[0]["seen_at"] == SEEN
    (entry,) = session.rows(session.table("landed_batches"))
    assert (entry["batch_id"], entry["source"], entry["rows"], entry["landed_at"]) == (
        "b1",
        "web",
        2,
        SEEN,
    )
    assert entry["path"] == "landing/web/b1"


def test_the_same_batch_again_is_a_no_op(session):
    land(session, "b1", "x")

    assert not land(session, "b1", "x", "other")
    assert landed(session) == [("x", "b1")]
    assert len(session.rows(session.table("landed_batches"))) == 1


def test_an_empty_batch_is_remembered(session):
    assert land(session, "b1")
    assert not land(session, "b1")
    assert landed(session) == []


def test_rows_with_other_columns_are_refused_and_nothing_is_landed(session):
    with pytest.raises(
        ContractError, match="landed_hits: columns are not as declared: missing points"
    ):
        session.land("web", "b1", "p", {"landed_hits": hits("x").drop_columns(["points"])}, {})
    wrong = hits("x").set_column(3, "account", pa.array(["not a number"]))
    with pytest.raises(ContractError, match="column account is not int64"):
        session.land("web", "b1", "p", {"landed_hits": wrong}, {})
    with pytest.raises(ContractError, match="landed_batches: .*unknown surprise"):
        land(session, "b1", "x", surprise=1)
    with pytest.raises(UnknownTableError, match="'visits' is not a landed table"):
        session.land("web", "b1", "p", {"visits": hits("x")}, {})

    assert landed(session) == []
    assert land(session, "b1", "x")


def test_a_batch_that_fails_half_way_is_not_landed_at_all(session, monkeypatch):
    land(session, "b1", "x")
    session.run("DROP TABLE landed_batches")
    session.run("CREATE TABLE landed_batches (batch_id VARCHAR)")

    with pytest.raises(Exception, match="source"):
        land(session, "b2", "y")

    assert landed(session) == [("x", "b1")]


def statuses(session):
    return {r["batch_id"]: r["status"] for r in session.rows(session.table("landed_batches"))}


def test_a_batch_that_is_read_again_takes_the_place_of_the_former_in_one_step(session):
    land(session, "old", "x", "y", status="landed")
    land(session, "other", "z", status="landed")

    assert session.land(
        "web", "new", "p", {"landed_hits": hits("x2")}, {"status": "landed"}, replaces=["old"]
    )

    assert landed(session) == [("x2", "new"), ("z", "other")]
    assert statuses(session) == {"old": "superseded", "other": "landed", "new": "landed"}


def test_a_held_batch_gives_way_to_itself_once_it_lands(session):
    land(session, "b1", status="held")

    assert session.land(
        "web", "b1", "p", {"landed_hits": hits("x")}, {"status": "landed"}, replaces=["b1"]
    )
    assert landed(session) == [("x", "b1")]
    assert statuses(session) == {"b1": "landed"}


def test_a_replacement_that_fails_leaves_the_former_batch_as_it_was(session):
    land(session, "old", "x", status="landed")

    with pytest.raises(ContractError):
        session.land(
            "web", "new", "p", {"landed_hits": hits("y")}, {"nothing": 1}, replaces=["old"]
        )

    assert landed(session) == [("x", "old")]
    assert statuses(session) == {"old": "landed"}


def test_a_batch_whose_file_was_taken_away_is_remembered_without_rows(session):
    land(session, "b1", "x", status="landed")
    land(session, "b2", "y", status="landed")

    session.supersede(["b1"])
    session.supersede([])

    assert landed(session) == [("y", "b2")]
    assert statuses(session) == {"b1": "superseded", "b2": "landed"}
