"""The reconciliation of sources: every row of a file is somewhere, and a lost one shows."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from mqa_platform.core import source_report
from mqa_platform.sources.schemas import LANDED
from mqa_platform_tests.core.engine import TIMESTAMP, Engine, at, day, landed_schema

COUNTS = ("landed_rows", "accepted_rows", "duplicate_rows", "filtered_rows", "quarantined_rows")
LEDGER = pa.schema(
    [
        ("batch_id", pa.string()),
        ("source", pa.string()),
        ("status", pa.string()),
        ("landed_at", TIMESTAMP),
        ("first_event_on", pa.date32()),
        ("last_event_on", pa.date32()),
        *((name, pa.int64()) for name in COUNTS),
    ]
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def batch(batch_id: str, accepted: int, **more: Any) -> dict[str, Any]:
    """A landed batch of accepted rows; ``landed_rows`` follows from the others."""
    row = {
        "batch_id": batch_id,
        "source": "web",
        "status": "landed",
        "landed_at": at(int(batch_id[1:])),
        **dict.fromkeys(COUNTS, 0),
        "accepted_rows": accepted,
        **more,
    }
    return {**row, "landed_rows": sum(row[c] for c in COUNTS if c != "landed_rows")}


def signal(event_id: str, batch_id: str, payload: str = "p", **more: Any) -> dict[str, Any]:
    number = int(batch_id[1:])
    return {
        "source": "web", "event_id": event_id, "event_date": day(1), "occurred_at": at(1),
        "received_at": at(number), "payload_hash": payload, "batch_id": batch_id, **more,
    }  # fmt: skip


def identity(ref: str, batch_id: str, **more: Any) -> dict[str, Any]:
    return {
        "source": "web", "kind": "cookie", "ref": ref, "person_ref": "email:p", "seen_at": at(1),
        "batch_id": batch_id, **more,
    }  # fmt: skip


def account(
    account_id: str, batch_id: str, name: str = "Acme", modified: int = 1
) -> dict[str, Any]:
    return {
        "source": "crm", "account_id": account_id, "name": name, "modified_at": at(modified),
        "batch_id": batch_id,
    }  # fmt: skip


def reported(
    engine: Engine, ledger: list[dict[str, Any]], **landed: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    tables = {
        name: engine.table(landed.get(name.removeprefix("landed_"), []), landed_schema(name))
        for name in source_report.TABLES
    }
    rows = engine.rows(source_report.source_report(engine.table(ledger, LEDGER), tables))
    return {r["source"]: r for r in rows}


def figures(row: dict[str, Any]) -> tuple[int, ...]:
    """landed, accepted, duplicate, conflict, quarantined, filtered."""
    names = ("landed", "accepted", "duplicate", "conflict", "quarantined", "filtered")
    return tuple(row[n] for n in names)


def reconciles(row: dict[str, Any]) -> bool:
    landed, accepted, duplicate, _, quarantined, filtered = figures(row)
    return landed == accepted + duplicate + quarantined + filtered


def test_an_event_delivered_in_three_files_is_accepted_once(engine: Engine) -> None:
    ledger = [batch("b1", 2, quarantined_rows=3, filtered_rows=4), batch("b2", 1), batch("b3", 1)]
    signals = [signal("e", "b1"), signal("f", "b1"), signal("e", "b2"), signal("e", "b3", "other")]
    row = reported(engine, ledger, signals=signals)["web"]
    assert figures(row) == (11, 2, 2, 1, 3, 4)
    assert reconciles(row)


def test_the_delivery_received_first_says_which_ones_are_in_conflict(engine: Engine) -> None:
    ledger = [batch("b1", 1), batch("b2", 1), batch("b3", 1)]
    # Landed first, but received last.
    signals = [signal("e", "b1", "new", received_at=at(9)), signal("e", "b2"), signal("e", "b3")]
    assert figures(reported(engine, ledger, signals=signals)["web"]) == (3, 1, 2, 1, 0, 0)


def test_the_same_event_id_of_two_sources_is_two_events(engine: Engine) -> None:
    ledger = [batch("b1", 1), batch("b2", 1, source="app")]
    signals = [signal("e", "b1"), signal("e", "b2", source="app")]
    found = reported(engine, ledger, signals=signals)
    assert figures(found["web"]) == figures(found["app"]) == (1, 1, 0, 0, 0, 0)


def test_an_unchanged_record_in_the_next_export_is_a_duplicate_and_a_changed_one_is_not(
    engine: Engine,
) -> None:
    ledger = [batch("b1", 2, source="crm"), batch("b2", 3, source="crm", duplicate_rows=1)]
    accounts = [
        account("a1", "b1"), account("a2", "b1"),
        account("a1", "b2"), account("a2", "b2", "Acme AG"), account("a2", "b2", modified=2),
    ]  # fmt: skip
    row = reported(engine, ledger, accounts=accounts)["crm"]
    assert figures(row) == (6, 4, 2, 0, 0, 0)
    assert (row["first_event_on"], row["last_landed_at"]) == (None, at(2))


def test_a_form_fill_is_one_row_and_a_repeated_identify_call_is_a_duplicate(engine: Engine) -> None:
    fill = {"anonymous_id": "c1", "person_ref": "email:p"}
    ledger = [batch("b1", 2), batch("b2", 2)]
    signals = [signal("form", "b1", **fill), signal("form", "b2", **fill)]
    identities = [identity(ref, b) for b in ("b1", "b2") for ref in ("c1", "c2")]
    row = reported(engine, ledger, signals=signals, identities=identities)["web"]
    assert figures(row) == (4, 2, 2, 0, 0, 0)
    assert reconciles(row)


def test_a_row_that_stands_in_two_tables_is_repeated_once(engine: Engine) -> None:
    ledger = [batch("b1", 1), batch("b2", 1)]
    said = {"source": "web", "kind": "cookie", "ref": "c2", "status": "denied", "changed_at": at(1)}
    row = reported(
        engine,
        ledger,
        identities=[identity("c2", "b1"), identity("c2", "b2")],
        consents=[{**said, "batch_id": b} for b in ("b1", "b2")],
    )["web"]
    assert figures(row) == (2, 1, 1, 0, 0, 0)


def test_a_held_batch_counts_as_quarantined_and_a_superseded_one_not_at_all(engine: Engine) -> None:
    ledger = [
        batch("b1", 1, first_event_on=day(1), last_event_on=day(2)),
        batch("b2", 0, status="held", quarantined_rows=50, filtered_rows=2),
        batch("b3", 7, status="superseded"),
        batch("b4", 0, status="unreachable", source="api"),
    ]
    found = reported(engine, ledger, signals=[signal("e", "b1")])
    assert list(found) == ["web"]
    assert figures(found["web"]) == (53, 1, 0, 0, 50, 2)
    assert (found["web"]["held_batches"], found["web"]["last_landed_at"]) == (1, at(1))
    assert (found["web"]["first_event_on"], found["web"]["last_event_on"]) == (day(1), day(2))


def test_a_landed_row_that_is_gone_breaks_the_sum(engine: Engine) -> None:
    signals = reported(engine, [batch("b1", 2)], signals=[signal("e", "b1")])["web"]
    assert not reconciles(signals)
    records = reported(engine, [batch("b1", 2, source="crm")], accounts=[account("a1", "b1")])
    assert not reconciles(records["crm"])


def test_a_row_that_made_two_signals_breaks_the_sum(engine: Engine) -> None:
    twice = [signal("e", "b1"), signal("f", "b1")]
    assert not reconciles(reported(engine, [batch("b1", 1)], signals=twice)["web"])


def test_every_landed_table_is_counted() -> None:
    assert set(source_report.TABLES) == set(LANDED) - {"landed_defects", "landed_ip_answers"}
