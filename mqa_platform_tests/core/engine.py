"""A tiny in-process engine for the pure stages: tables from rows, kernels run at once.

Belongs here: how core tests compute an expression. Does not belong here: storage, publishing or any
rule of a stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy
from mqa_platform.sources.schemas import LANDED

Row = Mapping[str, Any]
TIMESTAMP = pa.timestamp("us", tz="UTC")


class Engine:
    """One in-memory DuckDB; every table gets a fresh name."""

    def __init__(self) -> None:
        self.con = ibis.duckdb.connect(threads=1)
        self._numbers = count(1)

    def table(self, rows: Iterable[Row], schema: pa.Schema, **defaults: Any) -> ir.Table:
        """The rows as a table; columns a row does not name come from the defaults, else are null."""
        listed = [{**dict.fromkeys(schema.names), **defaults, **row} for row in rows]
        for row in listed:
            assert not set(row) - set(schema.names), set(row) - set(schema.names)
        return self.keep_arrow(pa.Table.from_pylist(listed, schema=schema))

    def keep_arrow(self, table: pa.Table) -> ir.Table:
        return self.con.create_table(f"t{next(self._numbers)}", table)

    def keep(self, expr: ir.Table) -> ir.Table:
        return self.keep_arrow(expr.to_pyarrow())

    def apply(self, kernel: Kernel, expr: ir.Table, shard_by: str) -> ir.Table:
        """The kernel's answer for all shards in one call."""
        given = self.con.to_pyarrow(expr)
        assert shard_by in given.column_names
        if not given.num_rows:
            return self.keep_arrow(kernel.schema.empty_table())
        made = kernel.fn(given)
        assert made.schema.names == kernel.schema.names
        return self.keep_arrow(made.cast(kernel.schema))

    def rows(self, expr: ir.Table, *order: str) -> list[dict[str, Any]]:
        found = self.con.to_pyarrow(expr).to_pylist()
        return sorted(found, key=lambda r: tuple(str(r[c]) for c in order)) if order else found


@cache
def default_policy() -> Policy:
    """The packaged policy."""
    return load_policy(None)


def policy_with(**sections: Mapping[str, Any]) -> Policy:
    """The packaged policy with some keys of some sections replaced, checked like a loaded one."""
    meaning = default_policy().model_dump()
    for section, changes in sections.items():
        meaning[section] = {**meaning[section], **changes}
    return Policy.model_validate(meaning)


def day(number: int) -> date:
    """Day ``number`` of the tests' calendar; 0 is 1 January 2026."""
    return date.fromordinal(date(2026, 1, 1).toordinal() + number)


def at(number: int, hour: int = 12, minute: int = 0, second: float = 0) -> datetime:
    """A moment of a day of the tests' calendar."""
    d = day(number)
    whole = int(second)
    return datetime(
        d.year, d.month, d.day, hour, minute, whole, round((second - whole) * 1e6), tzinfo=UTC
    )


def landed_schema(table: str) -> pa.Schema:
    """The landed schema without its null rules, so that a test names only what it is about."""
    return pa.schema([pa.field(f.name, f.type) for f in LANDED[table]])


def crm_schema(table: str) -> pa.Schema:
    """The landed columns of a CRM table as its history has them."""
    fields = [f for f in landed_schema(table) if f.name not in ("batch_id", "modified_at")]
    days = ("valid_from", "valid_to", *(("said_on",) if table == "landed_contacts" else ()))
    return pa.schema([*fields, *((name, pa.date32()) for name in days)])


CORE = Path(__file__).parents[2] / "mqa_platform" / "core"

TOUCHPOINTS = pa.schema(
    [
        ("signal_id", pa.string()),
        ("account_id", pa.string()),
        ("touchpoint_date", pa.date32()),
        ("occurred_at", TIMESTAMP),
        ("received_at", TIMESTAMP),
        ("person_id", pa.string()),
        ("anonymous_id", pa.string()),
        ("signal_type", pa.string()),
        ("direction", pa.string()),
        ("share", pa.float64()),
        ("match_confidence", pa.float64()),
        ("strength", pa.float64()),
        ("resolution_rule", pa.string()),
        ("is_known_person", pa.bool_()),
        ("seniority", pa.float64()),
        ("page_type", pa.string()),
        ("topic", pa.string()),
        ("channel", pa.string()),
        ("campaign", pa.string()),
        ("intent_score", pa.float64()),
        ("session_id", pa.string()),
    ]
)
ACCOUNTS = pa.schema(
    [
        ("account_id", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("name", pa.string()),
        ("domain", pa.string()),
        ("parent_account_id", pa.string()),
        ("tier", pa.string()),
        ("is_target", pa.bool_()),
        ("is_discovered", pa.bool_()),
        ("fit_gate", pa.string()),
        ("fit_grade", pa.string()),
        ("suppression_reason", pa.string()),
        ("suppressed_until", pa.date32()),
        ("owner_id", pa.string()),
        ("account_type", pa.string()),
        ("industry", pa.string()),
        ("employees", pa.int64()),
        ("country", pa.string()),
    ]
)


OVERRIDES = pa.schema(
    [
        *((c, pa.string()) for c in ("override_id", "account_id", "motion", "action", "stage")),
        ("starts_on", pa.date32()),
        ("ends_on", pa.date32()),
        ("reason", pa.string()),
        ("by", pa.string()),
        ("at", TIMESTAMP),
    ]
)


def touch(number: int, signal_type: str = "pricing_view", **changed: Any) -> dict[str, Any]:
    """One inbound touchpoint of a sure match on a day of the tests' calendar."""
    row = {
        "signal_id": f"s{number}",
        "account_id": "acme",
        "touchpoint_date": day(number),
        "occurred_at": at(number),
        "received_at": at(number, 12, 5),
        "signal_type": signal_type,
        "direction": "inbound",
        "share": 1.0,
        "match_confidence": 1.0,
        "strength": 1.0,
        "resolution_rule": "crm_contact",
        "is_known_person": changed.get("person_id") is not None,
        "seniority": 1.0,
    }
    return {**dict.fromkeys(TOUCHPOINTS.names), **row, **changed}


def account(account_id: str = "acme", **changed: Any) -> dict[str, Any]:
    """An account that fits well and has existed for long."""
    return {
        "account_id": account_id,
        "valid_from": date(2020, 1, 1),
        "name": account_id.title(),
        "tier": "programmatic",
        "is_target": True,
        "is_discovered": False,
        "fit_gate": "pass",
        "fit_grade": "A",
        "country": "Germany",
        "industry": "Software",
        "employees": 500,
        **changed,
    }
