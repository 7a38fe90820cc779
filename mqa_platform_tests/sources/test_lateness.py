"""Which published days a batch of identities opens again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from mqa_platform.sources.landed import conform
from mqa_platform.sources.lateness import told_anew, withdrawn
from mqa_platform.sources.schemas import LANDED, TIMESTAMP
from mqa_platform.warehouse import Session

SIGNALS = [
    ("lead:old", None, date(2025, 7, 1)),
    ("lead:older", None, date(2025, 6, 1)),
    ("lead:new", None, date(2025, 7, 9)),
    (None, "c-1", date(2025, 7, 5)),
    (None, "c-2", date(2025, 2, 5)),
    (None, "c-2", date(2025, 7, 3)),
]
DOMAINS = {"email:pia": "acme.com", "email:bea": "beta.com"}
KNOWN = [
    ("lead", "older", "lead:old", 1),
    ("cookie", "c-1", "email:ana", 2),
    ("cookie", "c-1", "email:bob", 1),
    ("cookie", "c-2", "email:pia", 1),
    ("cookie", "c-2", "email:bea", 4),
]


def _identities(rows: list[tuple[str, str, str, int]]) -> pa.Table:
    kind, ref, person, month = zip(*rows, strict=True)
    columns = {
        "source": "marketo",
        "kind": pa.array(kind),
        "ref": pa.array(ref),
        "person_ref": pa.array(person),
        "email_domain": pa.array([DOMAINS.get(p) for p in person], pa.string()),
        "seen_at": pa.array([datetime(2025, m, 1, tzinfo=UTC) for m in month], TIMESTAMP),
    }
    return conform("landed_identities", len(rows), columns)


class Tables:
    """The part of a session that is asked for: published signals and what has landed."""

    def __init__(self, known: list[tuple[str, str, str, int]]) -> None:
        identities = _identities(known)
        batch = pa.repeat(pa.scalar("b1"), len(identities))
        person, cookie, day = (list(column) for column in zip(*SIGNALS, strict=True))
        signals = {
            "person_key": pa.array(person, pa.string()),
            "anonymous_id": pa.array(cookie, pa.string()),
            "ip": pa.nulls(len(day), pa.string()),
            "signal_date": pa.array(day),
        }
        self._tables = {
            "landed_identities": identities.append_column(
                LANDED["landed_identities"].field("batch_id"), batch
            ),
            "landed_corrections": LANDED["landed_corrections"].empty_table(),
            "signals": pa.table(signals),
        }
        self._engine = ibis.duckdb.connect()

    def table(self, name: str) -> ir.Table:
        if name not in self._engine.list_tables():
            self._engine.create_table(name, self._tables[name])
        return self._engine.table(name)

    def constant(self, name: str, rows: pa.Table) -> ir.Table:
        return self._engine.create_table(name, rows, overwrite=True)

    def keep(self, expr: ir.Table) -> ir.Table:
        return self.constant("kept", self._engine.to_pyarrow(expr))

    def with_addresses(self, ranges: pa.Table) -> Tables:
        """The same with these ranges landed, and an address on every signal."""
        signals = self._tables["signals"].drop_columns("ip")
        column = pa.repeat(pa.scalar("192.0.2.7"), len(signals))
        self._tables |= {"signals": signals.append_column("ip", column), "landed_ip_ranges": ranges}
        return self

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        return list(self._engine.to_pyarrow(expr).to_pylist())


@pytest.mark.parametrize(
    ("told", "first"),
    [
        (("lead", "new", "email:ana", 3), date(2025, 7, 9)),
        # The signals of all leads that were merged into it are that person's as well.
        (("lead", "old", "email:ana", 3), date(2025, 6, 1)),
        (("lead", "old", "lead:new", 3), date(2025, 6, 1)),
        (("cookie", "c-1", "email:cid", 3), date(2025, 7, 5)),
        # It is known already whose cookie it is; hearing it again changes nothing.
        (("cookie", "c-1", "email:ana", 3), None),
        (("cookie", "c-1", "email:bob", 3), date(2025, 7, 5)),
        # A browser of two companies is that of the last log-in: in between it may read otherwise.
        (("cookie", "c-2", "email:bea", 3), date(2025, 7, 3)),
        (("cookie", "c-2", "email:bea", 8), None),
        (("lead", "nobody", "email:ana", 3), None),
    ],
)
def test_news_of_a_person_opens_the_days_that_may_read_otherwise(
    told: tuple[str, str, str, int], first: date | None
) -> None:
    session = cast("Session", Tables(KNOWN))
    landed = {"landed_identities": _identities([told])}
    assert told_anew(session, landed) == first


def _office(**more: Any) -> pa.Table:
    schema = LANDED["landed_ip_ranges"]
    row = {"source": "office_ips", "batch_id": "b1", "kind": "office", "range_start": -1,
           "range_end": -1, "org": "Acme", "org_key": "acme", "domain": "acme.com"}  # fmt: skip
    return pa.Table.from_pylist([{**dict.fromkeys(schema.names), **row, **more}], schema=schema)


@pytest.mark.parametrize(
    ("more", "is_news"),
    [
        ({}, False),
        ({"batch_id": "b2"}, False),
        ({"valid_to": date(2025, 7, 7)}, True),
        ({"ipv6_start": "20010db8" + "0" * 24, "ipv6_end": "20010db8" + "f" * 24}, True),
        ({"domain": "beta.com"}, True),
    ],
)
def test_a_range_that_says_something_new_opens_the_days_with_addresses(
    more: dict[str, Any], is_news: bool
) -> None:
    tables = Tables(KNOWN).with_addresses(_office())
    told = told_anew(cast("Session", tables), {"landed_ip_ranges": _office(**more)})
    assert told == (min(day for *_, day in SIGNALS) if is_news else None)


class Landed(Tables):
    """One landed table has rows of the batch ``gone``."""

    def __init__(self, table: str, row: dict[str, Any]) -> None:
        super().__init__(KNOWN)
        names = ("signals", "ip_ranges", "consents", "corrections", "associations")
        self._tables |= {f"landed_{n}": LANDED[f"landed_{n}"].empty_table() for n in names}
        told = {**dict.fromkeys(LANDED[table].names), **row, "source": "s", "batch_id": "gone"}
        self._tables[table] = pa.Table.from_pylist([told], schema=LANDED[table])

    def days(self, table: str) -> list[date]:
        return sorted(day for *_, day in SIGNALS)


AT = datetime(2025, 7, 3, tzinfo=UTC)
SPLIT = {"kind": "cookie", "ref": "c-1", "action": "split", "at": AT}
LINK = {"from_object": "account", "from_id": "b", "to_object": "survivor", "to_id": "a",
        "modified_at": AT, "is_deleted": False}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "row", "is_news"),
    [
        ("landed_corrections", SPLIT, True),
        ("landed_associations", LINK, True),
        # Which deal is whose says nothing about who somebody is.
        ("landed_associations", {**LINK, "from_object": "opportunity"}, False),
    ],
)
def test_days_are_opened_when_a_correction_or_a_merge_is_withdrawn(
    table: str, row: dict[str, Any], is_news: bool
) -> None:
    first, late = withdrawn(cast("Session", Landed(table, row)), ["gone"])
    assert (first is not None, late) == (is_news, None)
