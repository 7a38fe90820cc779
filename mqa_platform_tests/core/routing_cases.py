"""Reps, accounts and handoffs for the tests of routing, and what became of them.

Belongs here: rows with sensible defaults and running the kernel on them. Does not belong here: tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow as pa

from mqa_platform.core.desk import DeskTables
from mqa_platform.core.routing import routing_kernel
from mqa_platform.core.routing_facts import DEAL, ENTRY, FACTS, OWNER
from mqa_platform.policy.routing import Routing

Row = Mapping[str, Any]
# A Monday, so that a week of the tests is days 0 to 6.
MONDAY = date(2026, 1, 5)
_ARROW = {
    "string": pa.string(), "date": pa.date32(), "int64": pa.int64(), "boolean": pa.bool_(),
    "timestamp('UTC')": pa.timestamp("us", tz="UTC"),
}  # fmt: skip
SCHEMA = pa.schema([(name, _ARROW[kind]) for name, kind in FACTS.items()])


def on(number: int) -> date:
    """A day of the tests' calendar; 0 is a Monday."""
    return MONDAY + timedelta(days=number)


def at(number: int, hour: int = 12) -> datetime:
    """A moment of such a day."""
    return datetime.combine(on(number), time(hour), UTC)


def rep(user_id: str, **changed: Any) -> dict[str, Any]:
    """A rep who has always been here and can take any number."""
    return {
        "user_id": user_id, "valid_from": on(-1000), "valid_to": None, "name": user_id.title(),
        "is_active": True, "is_listed": False, "time_zone": "Europe/Berlin", **changed,
    }  # fmt: skip


def left(user_id: str, number: int, **changed: Any) -> list[dict[str, Any]]:
    """A rep who leaves on a day."""
    before = rep(user_id, valid_to=on(number), **changed)
    return [before, {**before, "valid_from": on(number), "valid_to": None, "is_active": False}]


def away(user_id: str, first: int, end: int | None, cover: str | None = None) -> dict[str, Any]:
    """An absence, the end excluded."""
    return {
        "absence_id": f"{user_id}{first}", "rep_id": user_id, "starts_on": on(first),
        "ends_on": None if end is None else on(end), "kind": "holiday", "cover_id": cover,
    }  # fmt: skip


def order(
    from_rep: str, to_rep: str | None, first: int, end: int | None = None, **changed: Any
) -> dict[str, Any]:
    """An order to reassign."""
    return {
        "reassignment_id": f"{from_rep}>{to_rep} {first}", "from_rep": from_rep, "to_rep": to_rep,
        "handoff_id": None, "starts_on": on(first), "ends_on": None if end is None else on(end),
        "reason": "he left", "by": "ann", "at": at(first, 0), **changed,
    }  # fmt: skip


def handoff(handoff_id: str, number: int = 0, **changed: Any) -> dict[str, Any]:
    """A German software company of 500 people that qualifies at noon."""
    row = {
        "kind": ENTRY, "handoff_id": handoff_id, "rules": "r", "account_id": f"a-{handoff_id}",
        "motion": "new_business", "created_on": on(number), "qualified_at": at(number),
        "tier": "scaled", "country": "Germany", "industry": "Software", "employees": 500,
        "is_nameless": False, "is_backlog": False,
    }  # fmt: skip
    return {**row, **changed}


def deal(handoff_id: str, user: str, name: str = "d1", **changed: Any) -> dict[str, Any]:
    """A user who works an open opportunity of the account of a handoff."""
    row = {
        "kind": DEAL, "handoff_id": handoff_id, "rep_id": user, "deal": name, "is_open": True,
        "closed_on": None, "on_day": on(-30), "is_owner": True,
    }  # fmt: skip
    return {**row, **changed}


def new_owner(handoff_id: str, user: str, number: int) -> dict[str, Any]:
    """The CRM names another owner on a day."""
    return {"kind": OWNER, "handoff_id": handoff_id, "rep_id": user, "on_day": on(number)}


def steps(*order: str | Mapping[str, Any], **settings: Any) -> Routing:
    """Rules with these steps, named or whole."""
    listed = [{"rule": s} if isinstance(s, str) else dict(s) for s in order]
    return Routing.model_validate({"order": listed, **settings})


def folded(
    facts: Iterable[Row],
    capacity: Sequence[Row],
    routing: Routing | None = None,
    *,
    absences: Sequence[Row] = (),
    orders: Sequence[Row] = (),
    sla_moves: Sequence[Row] = (),
    as_of: int = 400,
    rules: Mapping[str, Routing] | None = None,
) -> list[dict[str, Any]]:
    """All rows that the kernel gives."""
    rows = [{**dict.fromkeys(SCHEMA.names), **fact} for fact in facts]
    named = rules or {"r": routing or Routing()}
    desk = DeskTables(capacity, absences, orders)
    kernel = routing_kernel(named, desk, on(as_of), sla_moves)
    return kernel.fn(pa.Table.from_pylist(rows, schema=SCHEMA)).to_pylist()


def of_kind(rows: Iterable[Row], kind: str) -> list[Row]:
    """The rows of one kind."""
    return [row for row in rows if row["kind"] == kind]


def routes(*args: Any, **kwargs: Any) -> dict[str, tuple[str, str]]:
    """Handoff → (who has it, rule)."""
    found = of_kind(folded(*args, **kwargs), "route")
    return {r["handoff_id"]: (r["rep_id"], r["rule"]) for r in found}


def holders(*args: Any, **kwargs: Any) -> dict[str, str]:
    """Handoff → who has it."""
    return {handoff: who for handoff, (who, _) in routes(*args, **kwargs).items()}
