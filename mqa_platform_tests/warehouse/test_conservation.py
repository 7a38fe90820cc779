"""No signal is lost, doubled or counted on two sides: whoever tries is refused, and the good rows stay.

The published tables' own contracts, on both engines that keep tables, with bad rows planted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from mqa_platform.contracts import load_contracts
from mqa_platform.core.window import Window
from mqa_platform.sources.schemas import LANDED
from mqa_platform.warehouse import AuditFailed, Publication
from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.postgres import PostgresWarehouse

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 2)
WINDOW = Window.of(FIRST, SECOND)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
Row = dict[str, Any]
Tables = dict[str, list[Row]]


def when(day: date) -> datetime:
    return NOON + timedelta(days=(day - FIRST).days)


def event(number: str, day: date = FIRST, source: str = "segment") -> Row:
    return {
        "source": source, "event_id": number, "event_date": day, "occurred_at": when(day),
        "received_at": when(day), "event": "page_view", "direction": "inbound",
        "is_bot_agent": False, "payload_hash": number, "batch_id": "b1",
    }  # fmt: skip


def signal(number: str, day: date = FIRST, source: str = "segment") -> Row:
    return {
        "signal_id": number, "signal_date": day, "occurred_at": when(day), "received_at": when(day),
        "signal_type": "page_view", "event": "page_view", "direction": "inbound", "source": source,
        "strength": 1.0, "consent": "granted", "is_bot_agent": False, "batch_id": "b1",
    }  # fmt: skip


def touchpoint(number: str, account: str, share: float = 1.0, day: date = FIRST) -> Row:
    return {
        "signal_id": number, "account_id": account, "touchpoint_date": day, "occurred_at": when(day),
        "received_at": when(day), "event": "page_view", "signal_type": "page_view",
        "direction": "inbound", "share": share, "match_confidence": 0.9, "strength": 1.0,
        "resolution_rule": "email_domain", "is_known_person": False, "seniority": 1.0,
    }  # fmt: skip


def nobody(number: str, day: date = FIRST, reason: str | None = "no_match") -> Row:
    return {"signal_id": number, "signal_date": day, "source": "segment", "reason": reason}


def batch(name: str, accepted: int, quarantined: int = 0, status: str = "landed") -> Row:
    return {
        "batch_id": name, "source": "segment", "path": "", "file_name": name, "sha256": name,
        "status": status, "stream": "", "read_as": "", "declared": "", "reasons": "{}",
        "landed_at": NOON, "landed_on": FIRST, "landed_rows": accepted + quarantined + 3,
        "accepted_rows": accepted, "duplicate_rows": 1, "filtered_rows": 2,
        "quarantined_rows": quarantined,
    }  # fmt: skip


def defect(name: str, row: str, copies: int) -> Row:
    return {"source": "segment", "raw_hash": row, "batch_id": name, "reason": "bad_json", "raw": "{",
            "landed_at": NOON, "copies": copies}  # fmt: skip


# "a" is shared by three accounts, "b" is one account's, "c" and "d" are nobody's, "e" came twice.
LANDED_ROWS = [
    *(event(n) for n in "abce"),
    event("d", SECOND),
    event("e"),
    event("f", SECOND, "marketo"),
]
GOOD: Tables = {
    "signals": [
        *(signal(n) for n in "abce"),
        signal("d", SECOND),
        signal("f", SECOND, "marketo"),
    ],
    "dropped_signals": [
        {"signal_date": FIRST, "source": "segment", "reason": "duplicate", "landed_rows": 1}
    ],
    "touchpoints": [
        *(touchpoint("a", account, 1 / 3) for account in ("one", "two", "three")),
        touchpoint("b", "one"),
        touchpoint("e", "two"),
        touchpoint("f", "two", day=SECOND),
    ],
    "unresolved_signals": [nobody("c"), nobody("d", SECOND, "isp")],
    "landed_batches": [batch("b1", 7, 3), batch("b2", 0), batch("b3", 0, 9, "held")],
    "quarantined_signals": [defect("b1", "x", 2), defect("b1", "y", 1), defect("b3", "z", 4)],
}
IDENTITY = ("touchpoints", "unresolved_signals")
SIGNALS = ("signals", "dropped_signals")
LANDING = ("landed_batches", "quarantined_signals")


def without(table: str, **key: Any) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        left = [r for r in tables[table] if not key.items() <= r.items()]
        assert len(left) == len(tables[table]) - 1
        tables[table] = left

    return change


def more(table: str, *rows: Row) -> Callable[[Tables], None]:
    return lambda tables: tables[table].extend(rows)


def other(table: str, key: Mapping[str, Any], **values: Any) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        (row,) = [r for r in tables[table] if key.items() <= r.items()]
        row.update(values)

    return change


ONE_OF_A = {"signal_id": "a", "account_id": "two"}
LOST_B = without("touchpoints", signal_id="b")
# What was done to good rows → what is published, and the rules that refuse it.
PLANTED = {
    "a row stands twice": (
        IDENTITY, [more("touchpoints", touchpoint("b", "one"))], {"key_unique", "shares_sum_to_one"}),
    "a share is on two accounts": (
        IDENTITY, [more("touchpoints", touchpoint("b", "two"))], {"shares_sum_to_one"}),
    "a share of 0.4 is missing": (
        IDENTITY, [other("touchpoints", {"signal_id": "b"}, share=0.6)], {"shares_sum_to_one"}),
    "an account of a tie is missing": (
        IDENTITY, [without("touchpoints", **ONE_OF_A)], {"shares_sum_to_one"}),
    "a share is nothing": (
        IDENTITY, [more("touchpoints", touchpoint("b", "two", 0.0))], {"every_share_is_something"}),
    "a share is less than nothing": (
        IDENTITY,
        [other("touchpoints", {"signal_id": "b"}, share=1.5),
         more("touchpoints", touchpoint("b", "two", -0.5))],
        {"share_in_range", "every_share_is_something"}),
    "a signal is on both sides": (
        IDENTITY, [more("unresolved_signals", nobody("b"))], {"signals_are_conserved"}),
    "a signal is lost": (IDENTITY, [LOST_B], {"signals_are_conserved"}),
    "an unresolved signal is lost": (
        IDENTITY, [without("unresolved_signals", signal_id="c")], {"signals_are_conserved"}),
    "one is lost and one on both sides": (
        IDENTITY, [LOST_B, more("unresolved_signals", nobody("a"))], {"signals_are_conserved"}),
    "one is lost and one nobody sent is there": (
        IDENTITY, [LOST_B, more("touchpoints", touchpoint("ghost", "one"))],
        {"signals_are_conserved"}),
    "nobody sent an unresolved one": (
        IDENTITY, [more("unresolved_signals", nobody("ghost", SECOND))], {"signals_are_conserved"}),
    "a signal is on another day": (
        IDENTITY, [other("touchpoints", {"signal_id": "b"}, touchpoint_date=SECOND)],
        {"signals_are_conserved"}),
    "a signal has no reason": (
        IDENTITY, [other("unresolved_signals", {"signal_id": "c"}, reason=None)],
        {"required_given"}),
    "a reason is made up": (
        IDENTITY, [other("unresolved_signals", {"signal_id": "c"}, reason="bad luck")],
        {"reason_in_set"}),
    "a signal was never landed": (
        SIGNALS, [more("signals", signal("ghost"))], {"landed_rows_are_conserved"}),
    "a signal was never landed on a day without any": (
        SIGNALS, [more("signals", signal("ghost", SECOND, "bombora"))],
        {"landed_rows_are_conserved"}),
    "a landed row is neither a signal nor dropped": (
        SIGNALS, [without("signals", signal_id="d")], {"landed_rows_are_conserved"}),
    "one source's row is lost and another's made up": (
        SIGNALS, [without("signals", signal_id="d"), more("signals", signal("d2", SECOND, "marketo"))],
        {"landed_rows_are_conserved"}),
    "a signal stands twice and nothing is dropped": (
        SIGNALS, [more("signals", signal("e")), without("dropped_signals", reason="duplicate")],
        {"key_unique"}),
    "the ledger counts a row too many": (
        LANDING, [other("landed_batches", {"batch_id": "b1"}, accepted_rows=8)],
        {"rows_are_conserved"}),
    "a quarantined row is lost": (
        LANDING, [without("quarantined_signals", raw_hash="y")], {"quarantined_rows_are_conserved"}),
    "all that was set aside is lost": (
        LANDING, [without("quarantined_signals", raw_hash="y"),
                  without("quarantined_signals", raw_hash="x")],
        {"quarantined_rows_are_conserved"}),
}  # fmt: skip


@pytest.fixture(scope="module", params=["duckdb", pytest.param("postgres", marks=pytest.mark.pg)])
def session(request, tmp_path_factory):
    """One warehouse with the good rows of all tables."""
    contracts = load_contracts()
    if request.param == "duckdb":
        path = tmp_path_factory.mktemp("conserved") / "warehouse.duckdb"
        warehouse: Any = DuckDBWarehouse(path, contracts, LANDED, lock_timeout=2)
    else:
        url = request.getfixturevalue("postgres_url")
        warehouse = PostgresWarehouse(url, contracts, LANDED, schema="conserved")
    with warehouse.session() as opened:
        schema = LANDED["landed_signals"]
        opened.ensure("landed_signals")
        opened.load("landed_signals", table(LANDED_ROWS, schema))
        for names in (LANDING, SIGNALS, IDENTITY):
            publish(opened, GOOD, names)
        yield opened


def table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{**dict.fromkeys(schema.names), **r} for r in rows], schema=schema)


def publish(session: Any, tables: Tables, names: tuple[str, ...]) -> None:
    given = []
    for name in names:
        contract = load_contracts()[name]
        # What a row lacks is for the rules to find, not for Arrow.
        loose = pa.schema([pa.field(f.name, f.type) for f in contract.arrow_schema])
        expr = session.constant(f"planted_{name}", table(tables[name], loose))
        given.append(Publication(contract, expr))
    session.publish(*given, window=None if names == LANDING else WINDOW, run_id="r")


def published(session: Any) -> dict[str, list[str]]:
    return {n: sorted(map(repr, session.rows(session.table(n)))) for n in GOOD}


@pytest.mark.parametrize("name", PLANTED)
def test_rows_that_do_not_add_up_are_refused_and_the_good_ones_stay(session, name: str) -> None:
    names, changes, rules = PLANTED[name]
    before = published(session)
    tables = {n: [dict(row) for row in rows] for n, rows in GOOD.items()}
    for change in changes:
        change(tables)
    with pytest.raises(AuditFailed) as failed:
        publish(session, tables, names)
    broken = [c for each in failed.value.checks_by_table.values() for c in each if not c.passed]
    assert {c.rule for c in broken if c.blocking} == rules
    assert published(session) == before
    assert all(before.values())


def test_rows_that_add_up_are_published(session) -> None:
    for names in (LANDING, SIGNALS, IDENTITY):
        publish(session, GOOD, names)
    told = published(session)
    assert {n: len(rows) for n, rows in told.items()} == {n: len(rows) for n, rows in GOOD.items()}
