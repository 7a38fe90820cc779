"""How the sources are, published beside the ledger: their reconciliation, their health, what came
late.

Belongs here: ``source_report``, ``late_arrivals`` and ``source_health``, whose changes re-open scores, and
the warning that nothing arrived. Does not belong here: what stale means (``core.health``), or landing
(``sources``).
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.assets.platform import Step
from mqa_platform.assets.watches import SOURCES_HAVE_ARRIVED
from mqa_platform.core import health as core
from mqa_platform.core import horizon
from mqa_platform.core import source_report as reports
from mqa_platform.core.window import Window

TABLES = ("source_report", "source_health", "late_arrivals")
_EXPECTED = pa.schema([("source", pa.string()), ("expect_every_days", pa.int64())])
_LATE = ("stale", "silent")


def last_day(window: Window | None) -> date:
    """The last of the days that are being run; today where a run has none."""
    return window.days()[-1] if window else datetime.now(UTC).date()


def source_tables(step: Step, day: date) -> dict[str, ir.Table]:
    """The tables as they are to be published; scores that read differently now are asked for again.

    Args:
        step: after landing.
        day: the last day that is being run; health is judged to there, or to the last published day.
    """
    landed = _with_rows(step)
    report = reports.source_report(step.table("landed_batches"), landed)
    health = step.session.keep(_health(step, landed, max([day, *step.session.days("scores")])))
    before, now = degraded_by(step, step.table("source_health")), degraded_by(step, health)
    differing = [d for d in step.session.days("scores") if before.get(d) != now.get(d)]
    if differing:
        # Before the table is there: a kill in between asks in vain, and never leaves a day unasked.
        step.session.reopen("scores", differing[0])
    found = {"source_report": report, "source_health": health}
    return {**found, "late_arrivals": horizon.late_arrivals(late(step))}


def late(step: Step) -> ir.Table:
    """The landed signals of days that were published before they came."""
    landed, batches = step.table("landed_signals"), step.table("landed_batches")
    return horizon.late_signals(landed, batches, step.policy.program.late_horizon_days)


def _with_rows(step: Step) -> dict[str, ir.Table]:
    """The landed tables that have rows, and those that always count.

    Few of them do in any one installation, and an empty one costs more to plan than to read.
    """
    tables = {name: step.table(name) for name in reports.TABLES}
    return {
        name: t
        for name, t in tables.items()
        if name in reports.ALWAYS or step.session.rows(t.select("source").limit(1))
    }


def _health(step: Step, landed: Mapping[str, ir.Table], until: date) -> ir.Table:
    rhythm = core.expectations(step.policy)
    first = step.policy.program.history_starts_on
    days = Window.of(first, until).days() if first <= until else []
    expected = pa.table(
        {"source": list(rhythm), "expect_every_days": list(rhythm.values())}, schema=_EXPECTED
    )
    calendar = pa.table({"day": pa.array(days, pa.date32())})
    ledger = step.table("landed_batches")
    return core.source_health(
        ledger,
        step.session.keep(core.arrivals(landed, ledger, rhythm)),
        step.session.constant("expected_sources", expected),
        step.session.constant("health_days", calendar),
    )


def degraded_by(step: Step, health: ir.Table) -> Mapping[date, list[str]]:
    """Day → ``source:status`` of every source that is not ok on it."""
    found: dict[date, list[str]] = defaultdict(list)
    bad = health.filter(health["status"] != core.OK).order_by("day", "source")
    for row in step.session.rows(bad):
        found[row["day"]].append(f"{row['source']}:{row['status']}")
    return found


def watched(step: Step, day: date) -> tuple[dg.AssetCheckResult, dict[str, Any]]:
    """Whether every source has arrived by a day, and the facts that show it; after publication."""
    health = step.table("source_health")
    rows = step.session.rows(health.filter(health["day"] == day).order_by("source"))
    late = [r for r in rows if r["status"] in _LATE]
    names = "; ".join(
        f"{r['source']} is {r['status']}"
        + (f", last on {r['last_event_on']}" if r["last_event_on"] else ", it has never delivered")
        for r in late
    )
    found = SOURCES_HAVE_ARRIVED.result(
        len(late),
        f"Nothing arrived in time by {day}: {names}",
        {"day": day.isoformat(), "sources": len(rows)},
    )
    facts: dict[str, Any] = {}
    if rows:
        shown = ("source", "status", "last_event_on", "days_behind", "detail")
        lines = [f"| {' | '.join(_cell(r[c]) for c in shown)} |" for r in rows]
        head = f"| {' | '.join(shown)} |\n|{'---|' * len(shown)}\n"
        facts["source_health"] = dg.MetadataValue.md(f"As of {day}:\n\n{head}" + "\n".join(lines))
    return found, facts


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
