"""Seconds that the metrics take, by the number of accounts: ``python benchmarks/metrics_at_scale.py 5000 100000``.

Seconds of the processor, which a machine that is shared disturbs least.

A made-up year: of every ten accounts one episode, of every fourteen an opportunity; 120 touchpoints an account and a
stage a day. The shares are those of a year of the synthetic market.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from datetime import date

import ibis

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.calendars import CALENDAR
from mqa_platform.core.metrics.facts import Ground
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.tables import metric_tables
from mqa_platform.core.missed_deals import Seen
from mqa_platform.policy.loader import load_policy

SINCE, AS_OF = date(2025, 7, 1), date(2026, 6, 30)
_DAY = "DATE '2025-07-01' + CAST({0} AS INTEGER)"
_AT = "TIMESTAMPTZ '2025-07-01 12:00:00+00' + INTERVAL 1 DAY * CAST({0} AS INTEGER)"
_WHO = "'a' || CAST({0} AS VARCHAR)"
_MOTION = "'new_business'"


def _columns(table: str, told: dict[str, str]) -> str:
    """The contract's columns: what is told of them, else null."""
    columns = load_contracts()[table].arrow_schema.names
    return ", ".join(f"{told.get(c, 'NULL')} AS {c}" for c in columns)


def world(con: ibis.BaseBackend, accounts: int) -> dict[str, ibis.expr.types.Table]:
    """The published tables of so many accounts."""
    episodes, deals = accounts // 10, accounts // 14
    tier = "['strategic', 'scaled', 'programmatic'][1 + i % 3]"
    made = {
        "conversions": (
            f"range({episodes}) t(i)",
            {"account_id": _WHO.format("i * 10"), "motion": _MOTION, "episode": "1",
             "handoff_id": "'h' || CAST(i AS VARCHAR)", "qualified_at": _AT.format("i % 360"),
             "mqa_on": _DAY.format("i % 360"), "tier": tier, "segment": "'s' || CAST(i % 12 AS VARCHAR)",
             "meeting_at": f"CASE WHEN i % 4 = 0 THEN {_AT.format('i % 360 + 9')} END",
             "meeting_on": f"CASE WHEN i % 4 = 0 THEN {_DAY.format('i % 360 + 9')} END",
             "opportunity_on": f"CASE WHEN i % 3 = 0 THEN {_DAY.format('i % 360 + 20')} END",
             "opportunity_id": "CASE WHEN i % 3 = 0 THEN 'o' || CAST(i AS VARCHAR) END",
             "rep_id": "'r' || CAST(i % 60 AS VARCHAR)", "evidence_rule": "'people'", "policy_version": "'v'"},
        ),
        "handoffs": (
            f"range({episodes}) t(i)",
            {"handoff_id": "'h' || CAST(i AS VARCHAR)", "delivered_at": _AT.format("i % 360"), "status": "'open'",
             "touch_hours": "i % 50", "touch_business_hours": "i % 9", "sla_state": "['met', 'breached'][1 + i % 2]",
             "sla_rep_id": "'r' || CAST(i % 60 AS VARCHAR)"},
        ),
        "score_receipts": (
            f"range({episodes}) t(i), range(5) u(j)",
            {"account_id": _WHO.format("i * 10"), "motion": _MOTION, "score_date": _DAY.format("i % 360"),
             "component": "['pricing_view', 'ad_click', 'event_attendance', 'demo_request', 'multi_contact'][1 + j]",
             "points": "CAST(j AS DECIMAL(18, 4))"},
        ),
        "stage_transitions": (
            f"range({2 * episodes}) t(i)",
            {"account_id": _WHO.format("i * 5"), "motion": _MOTION, "changed_on": _DAY.format("i % 300"), "seq": "0",
             "to_stage": "'engaged'", "episode": "0"},
        ),
        "stages": (
            f"range({accounts}) t(i), range(365) u(j)",
            {"account_id": _WHO.format("i"), "motion": _MOTION, "stage_date": _DAY.format("j"),
             "stage": "CASE WHEN i % 10 = 0 THEN 'mqa' ELSE 'target' END"},
        ),
        "scores": (
            f"range({accounts // 2}) t(i), range(365) u(j)",
            {"account_id": _WHO.format("i * 2"), "motion": _MOTION, "score_date": _DAY.format("j"),
             "engagement_score": "CAST((i + j) % 90 AS DECIMAL(18, 4))", "threshold": "CAST(80 AS DECIMAL(18, 4))",
             "eligible_people": "i % 4", "people_on_high_intent": "0"},
        ),
        "account_fit": (
            f"range({accounts}) t(i)",
            {"account_id": _WHO.format("i"), "motion": _MOTION, "valid_from": "DATE '2020-01-01'", "tier": tier,
             "is_target": "i % 2 = 0", "fit_gate": "'pass'"},
        ),
        "accounts": (
            f"range({accounts}) t(i)",
            {"account_id": _WHO.format("i"), "valid_from": "DATE '2020-01-01'", "tier": tier,
             "industry": "'s' || CAST(i % 12 AS VARCHAR)"},
        ),
        "capacity": (
            "range(60) t(i)",
            {"user_id": "'r' || CAST(i AS VARCHAR)", "valid_from": "DATE '2020-01-01'", "is_active": "TRUE"},
        ),
        "touchpoints": (
            f"range({accounts}) t(i), range(120) u(j)",
            {"signal_id": "CAST(i AS VARCHAR) || '-' || CAST(j AS VARCHAR)", "account_id": _WHO.format("i"),
             "touchpoint_date": _DAY.format("(i + 3 * j) % 365"), "occurred_at": _AT.format("(i + 3 * j) % 365"),
             "direction": "'inbound'", "event": "'page_view'", "page_type": "'pricing'",
             "signal_type": "'pricing_view'",
             "channel": "['web', 'email', 'ads'][1 + j % 3]", "person_id": "CAST(j % 7 AS VARCHAR)"},
        ),
        "crm_opportunities": (
            f"range({deals}) t(i)",
            {"opportunity_id": "'o' || CAST(i AS VARCHAR)", "account_id": _WHO.format("i * 10"),
             "created_at": _AT.format("(i + 20) % 365"), "is_closed": "i % 2 = 0", "is_won": "i % 4 = 0",
             "closed_at": _AT.format("(i + 60) % 365"), "amount": "CAST(1000 + i % 9 AS DOUBLE)",
             "owner_id": "'r' || CAST(i % 60 AS VARCHAR)", "valid_from": "DATE '2020-01-01'", "is_deleted": "FALSE"},
        ),
    }  # fmt: skip
    found = {}
    for name, (rows, told) in made.items():
        kinds = load_contracts()[name].schema
        table = con.create_table(
            name, con.sql(f"SELECT {_columns(name, told)} FROM {rows}"), overwrite=True
        )
        found[name] = table.cast({c: k.copy(nullable=True) for c, k in kinds.items()})
    return found


def seconds(accounts: int) -> tuple[float, dict[str, int]]:
    """Seconds for all tables of so many accounts, and how many rows they have."""
    con = ibis.duckdb.connect()
    con.raw_sql("SET enable_progress_bar = false")
    t = world(con, accounts)
    names = iter(range(1000))

    def keep(expr):
        return con.create_table(f"kept_{next(names)}", expr)

    def apply(kernel, expr, shard_by):
        return con.create_table(
            f"kept_{next(names)}", kernel.fn(con.to_pyarrow(expr)).cast(kernel.schema)
        )

    calendars = con.create_table("calendars", CALENDAR.empty_table())
    entered = t["conversions"].mutate(created_on=ibis._.mqa_on)
    ground = Ground(*(t[n] for n in (
        "conversions", "handoffs", "score_receipts", "stage_transitions", "stages", "account_fit", "accounts",
        "capacity",
    )), calendars)  # fmt: skip
    seen = Seen(
        entered,
        *(t[n] for n in ("scores", "score_receipts", "stages", "account_fit", "touchpoints")),
    )
    policy = load_policy(None)
    started = time.process_time()
    made = metric_tables(
        ground, seen, t["crm_opportunities"], policy, Beside(SINCE, AS_OF), keep, apply
    )
    rows = {name: con.to_pyarrow(expr).num_rows for name, expr in made.items()}
    return time.process_time() - started, rows


def main() -> None:
    """Prints a line a size, and how seconds grow from the first to the last."""
    sizes = [int(a) for a in sys.argv[1:]] or [2_000, 4_000, 8_000]
    spent = []
    for accounts in sizes:
        took, rows = seconds(accounts)
        spent.append(took)
        told = ", ".join(f"{n} {c:,}" for n, c in rows.items())
        print(
            f"{accounts:,} accounts: {took:.1f} s, {1e6 * took / accounts:,.0f} µs an account; {told}",
            flush=True,
        )
    if len(sizes) > 1:
        grown = math.log(spent[-1] / spent[0]) / math.log(sizes[-1] / sizes[0])
        print(f"exponent from {sizes[0]:,} to {sizes[-1]:,} accounts: {grown:.2f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory: {peak:.1f} GiB")


if __name__ == "__main__":
    main()
