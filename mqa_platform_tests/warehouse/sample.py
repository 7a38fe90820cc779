"""The sample tables of the warehouse tests, and rows for them.

Belongs here: data that several tests share. Does not belong here: fixtures (``conftest``) or facts
(tests).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.contracts import Contract, load_contracts
from mqa_platform.core.window import Window
from mqa_platform.warehouse import Publication, Published, Session

CONTRACTS = load_contracts(Path(__file__).parents[1] / "contracts" / "sample")
VISITS, COUNTS, PEOPLE = (CONTRACTS[name] for name in ("visits", "visit_counts", "people_list"))
LANDED = {
    "landed_hits": pa.schema(
        [
            pa.field("hit_id", pa.string(), nullable=False),
            ("seen_at", pa.timestamp("us", tz="UTC")),
            ("points", pa.float64()),
            ("account", pa.int64()),
            pa.field("batch_id", pa.string(), nullable=False),
        ]
    )
}
FIRST, SECOND, THIRD = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)
WINDOW = Window.of(FIRST, SECOND)


def visit(visit_id: str, day: date | None = FIRST, **changed: Any) -> dict[str, Any]:
    """One row of ``visits`` that breaks no rule."""
    return {
        "visit_id": visit_id,
        "visit_date": day,
        "occurred_at": datetime(2026, 1, 1, 12, 30, 15, 123456, tzinfo=UTC),
        "channel": "web",
        "page_views": 3,
        "amount": Decimal("12.3456"),
        "score": 50.5,
        "is_known": True,
        "person_key": "0123abcd",
        **changed,
    }


def visits(session: Session, *rows: dict[str, Any]) -> ir.Table:
    """The rows as an expression of the engine."""
    return session.constant("given", pa.Table.from_pylist(list(rows), schema=VISITS.arrow_schema))


def counted(expr: ir.Table) -> ir.Table:
    """The sister table of ``visits``."""
    return expr.group_by("visit_date").agg(visits=expr.count())


def publish(session: Session, *rows: dict[str, Any], **options: Any) -> list[Published]:
    """Publish visits with their counts, as a step would, without rules: an audit takes time."""
    return _publish(session, rows, options, replace(VISITS, rules=()), replace(COUNTS, rules=()))


def publish_audited(session: Session, *rows: dict[str, Any], **options: Any) -> list[Published]:
    """The same with every rule of the contracts."""
    return _publish(session, rows, options, VISITS, COUNTS)


def _publish(
    session: Session,
    rows: tuple[dict[str, Any], ...],
    options: dict[str, Any],
    first: Contract,
    sister: Contract,
) -> list[Published]:
    expr = visits(session, *rows)
    told = {"window": WINDOW, "run_id": "run", **options}
    return session.publish(Publication(first, expr), Publication(sister, counted(expr)), **told)


def ids(session: Session) -> list[str]:
    """The published visits, in order."""
    return sorted(row["visit_id"] for row in session.rows(session.table("visits")))


def staged_tables(session: Session) -> list[str]:
    """Staging tables that are there."""
    found = session.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() "
        "AND table_name LIKE '%\\_\\_staged\\_%' ESCAPE '\\'"
    )
    return sorted(name for (name,) in found)
