"""Handoffs, reps and activities for the tests of clocks, worklists and follow-up.

Belongs here: rows with quiet defaults and the one call that runs all clocks. Does not belong here: tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.calendars import WRITTEN, calendars_kernel, landed_calendars
from mqa_platform.core.clocks import Clockwork, with_clocks
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.engine import TIMESTAMP, Engine, crm_schema, default_policy

_TEXTS = (
    "handoff_id", "account_id", "motion", "rep_id", "route_rule", "tier", "reject_reason", "status",
    "evidence_rule", "score_type", "policy_version", "play",
)  # fmt: skip
HANDOFFS = pa.schema(
    [
        *((name, pa.string()) for name in _TEXTS),
        ("episode", pa.int64()),
        ("sla_hours", pa.int64()),
        ("created_on", pa.date32()),
        ("released_on", pa.date32()),
        ("score", pa.decimal128(18, 4)),
        ("momentum", pa.float64()),
        *((name, TIMESTAMP) for name in ("qualified_at", "accepted_at", "rejected_at")),
    ]
)
CAPACITY = pa.schema(
    [
        ("user_id", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("team", pa.string()),
        *((name, pa.string()) for name in WRITTEN),
    ]
)
ABSENCES = pa.schema(
    [("rep_id", pa.string()), ("starts_on", pa.date32()), ("ends_on", pa.date32())]
)
OWNERS = pa.schema(
    [
        ("handoff_id", pa.string()),
        ("rep_id", pa.string()),
        ("from_on", pa.date32()),
        ("to_on", pa.date32()),
    ]
)
TRANSITIONS = pa.schema(
    [
        ("account_id", pa.string()),
        ("motion", pa.string()),
        ("changed_on", pa.date32()),
        ("to_stage", pa.string()),
        ("rule", pa.string()),
        ("episode", pa.int64()),
        ("qualified_at", TIMESTAMP),
    ]
)
STAGES = pa.schema(
    [
        ("account_id", pa.string()),
        ("motion", pa.string()),
        ("stage_date", pa.date32()),
        ("suppression_reason", pa.string()),
    ]
)
DELIVERIES = pa.schema(
    [
        ("handoff_id", pa.string()),
        ("channel", pa.string()),
        ("state", pa.string()),
        ("sent_at", TIMESTAMP),
    ]
)
Rows = Iterable[dict[str, Any]]
LATE = datetime(2026, 3, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    """A moment of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def handoff(qualified: str = "2026-01-05T10:00", **changed: Any) -> dict[str, Any]:
    """An account that Ann got on a Monday at ten, to be answered within eight hours."""
    moment = utc(qualified)
    return {
        "handoff_id": "h1", "account_id": "acme", "motion": "new_business", "episode": 1, "rep_id": "ann",
        "route_rule": "territory", "tier": "scaled", "status": "open", "evidence_rule": "people",
        "sla_hours": 8, "created_on": moment.date(), "released_on": moment.date(), "score": Decimal(100),
        "momentum": 1.0, "qualified_at": moment, "policy_version": "v1", **changed,
    }  # fmt: skip


def rep(user_id: str = "ann", **changed: Any) -> dict[str, Any]:
    """Works in Berlin, Monday to Friday from nine to five."""
    return {
        "user_id": user_id, "valid_from": date(2020, 1, 1), "team": "EMEA", "time_zone": "Europe/Berlin",
        "country": "Germany", "workdays": "mon-fri", "workday_starts": "09:00", "workday_ends": "17:00",
        **changed,
    }  # fmt: skip


def activity(when: str, kind: str = "call", **changed: Any) -> dict[str, Any]:
    """A call of Ann with Eva of Acme."""
    moment = utc(when)
    return {
        "activity_id": f"{kind} {when}", "account_id": "acme", "contact_id": "eva", "kind": kind,
        "occurred_at": moment, "is_held": True, "user_id": "ann", "is_deleted": False,
        "valid_from": moment.date(), **changed,
    }  # fmt: skip


def entry(made: dict[str, Any], rule: str = "qualified") -> dict[str, Any]:
    """The transition that made a handoff."""
    return {
        "account_id": made["account_id"], "motion": made["motion"], "changed_on": made["created_on"],
        "to_stage": "mqa", "rule": rule, "episode": made["episode"], "qualified_at": made["qualified_at"],
    }  # fmt: skip


def left(when: str, to_stage: str, **changed: Any) -> dict[str, Any]:
    """A later transition of Acme's first episode."""
    return {
        "account_id": "acme", "motion": "new_business", "changed_on": date.fromisoformat(when),
        "to_stage": to_stage, "rule": "x", "episode": 1, **changed,
    }  # fmt: skip


def calendars(
    engine: Engine, reps: Rows, absences: Rows = (), policy: Policy | None = None
) -> ir.Table:
    """The calendars of reps."""
    policy = policy or default_policy()
    given = landed_calendars(engine.table(reps, CAPACITY), engine.table(absences, ABSENCES), policy)
    return engine.apply(calendars_kernel(policy.sla), given, "shard")


def clocked(
    engine: Engine,
    *handoffs: dict[str, Any],
    reps: Rows | None = None,
    absences: Rows = (),
    activities: Rows = (),
    owners: Rows = (),
    moves: Rows = (),
    deliveries: Rows | None = None,
    stages: Rows = (),
    backlog: bool = False,
    policy: Policy | None = None,
    as_of: datetime = LATE,
) -> ir.Table:
    """Handoffs with their clocks."""
    policy = policy or default_policy()
    rule = "backlog" if backlog else "qualified"
    moved = [*(entry(h, rule) for h in handoffs), *moves]
    sent = None if deliveries is None else engine.table(deliveries, DELIVERIES)
    work = Clockwork(
        calendars(engine, [rep()] if reps is None else reps, absences, policy),
        engine.table(owners, OWNERS),
        engine.table(activities, crm_schema("landed_activities")),
        engine.table(moved, TRANSITIONS),
        sent,
        engine.table(stages, STAGES),
    )
    given = engine.table(handoffs, HANDOFFS)
    return engine.keep(with_clocks(given, work, policy, as_of, engine.apply))
