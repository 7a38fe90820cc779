"""Stage 1 as an asset: landed events of the days, deduplicated and typed.

Belongs here: ``signals`` and ``dropped_signals``. Does not belong here: what a signal is (``core.signals``).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.health import late as late_signals
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.watches import PAGE_VIEWS_ARE_CLASSIFIED
from mqa_platform.core import horizon
from mqa_platform.core import signals as core
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.sources.lateness import SIGNAL_DAYS, SIGNALS
from mqa_platform.warehouse import Published

TABLES = ["signals", "dropped_signals"]
_SHOWN_PATHS = 10


def signals(step: Step, window: Window) -> Outcome:
    """Publishes the signals of the window and of the published days that late files have changed."""
    landed = _within_horizon(step)
    late = step.session.reopened(SIGNALS)
    known, asked = step.session.days("signals"), step.session.asked(SIGNAL_DAYS)
    again = {d for d in known if d in asked or (late is not None and d >= late)}
    days = again | set(window.days())
    # Before the rows are there: a kill in between asks in vain, and never leaves a day unasked.
    step.session.reopen_days("sessions", days)
    parts = [
        step.publish(
            span,
            {
                "signals": _read(step, landed, span),
                "dropped_signals": core.dropped_signals(landed, span),
            },
        )
        for span in unbroken(days)
    ]
    step.session.settle(SIGNALS)
    step.session.settle(SIGNAL_DAYS)
    published = [as_one(same) for same in zip(*parts, strict=True)]
    dropped = step.table("dropped_signals")
    dropped = dropped.filter(
        (dropped["signal_date"] >= window.lo) & (dropped["signal_date"] < window.hi)
    )
    by_reason = dropped.group_by("reason").aggregate(n=dropped["landed_rows"].sum())
    facts: dict[str, Any] = {
        f"dropped_{row['reason']}": int(row["n"]) for row in step.session.rows(by_reason)
    }
    if not published[0].rows:
        facts["message"] = f"no signals on {window}: empty partitions"
    checked, by_day = _classified(step, window)
    return Outcome(published, facts, by_day, [checked])


def _read(step: Step, landed: ir.Table, days: Window) -> ir.Table:
    """The signals of the days, each of the type that the policy of its day makes of it."""
    parts = [core.signals(landed, policy, its) for policy, its in step.readings(days)]
    return reduce(ir.Table.union, parts)


def _within_horizon(step: Step) -> ir.Table:
    """The landed signals that are taken."""
    landed, told = step.table("landed_signals"), late_signals(step)
    beyond = told.filter(told["outcome"] == horizon.BEYOND)
    if not step.session.rows(beyond.select("event_id").limit(1)):
        return landed
    return horizon.within_horizon(landed, step.session.keep(beyond))


def _classified(step: Step, window: Window) -> tuple[dg.AssetCheckResult, dict[date, Any]]:
    """How many page views of the window the taxonomy does not know, and the share a day."""
    s = step.table("signals")
    s = s.filter((s["signal_date"] >= window.lo) & (s["signal_date"] < window.hi))
    days = step.session.rows(core.page_views(s))
    total, missed = sum(d["page_views"] for d in days), sum(d["unclassified"] for d in days)
    share, limit = missed / total if total else 0.0, step.policy.signals.unclassified_limit
    pages = core.unclassified_pages(s)
    pages = pages.order_by(pages["views"].desc(), "page_path").limit(_SHOWN_PATHS)
    commonest = [(p["page_path"], p["views"]) for p in step.session.rows(pages)]
    found = PAGE_VIEWS_ARE_CLASSIFIED.result(
        missed if share > limit else 0,
        f"{share:.0%} of the page views have no page type, more than {limit:.0%}; "
        f"most are {', '.join(path or '(no path)' for path, _ in commonest[:3])}",
        {"share": share, "page_views": total, "unclassified": missed,
         "paths": dg.MetadataValue.json([{"path": p, "views": n} for p, n in commonest])},
    )  # fmt: skip
    shares = {
        d["signal_date"]: {"unclassified_share": d["unclassified"] / d["page_views"]} for d in days
    }
    return found, shares


def unbroken(days: Collection[date]) -> list[Window]:
    """The days as windows without gaps: a day between them that nobody ran is not published."""
    windows: list[Window] = []
    for day in sorted(days):
        if windows and windows[-1].hi == day:
            windows[-1] = Window(windows[-1].lo, day + ONE_DAY)
        else:
            windows.append(Window(day, day + ONE_DAY))
    return windows


def as_one(parts: Sequence[Published]) -> Published:
    """One table's publications of a run as one."""
    return replace(
        parts[-1],
        rows=sum(p.rows for p in parts),
        deleted=sum(p.deleted for p in parts),
        changed=any(p.changed for p in parts),
        rows_by_day={day: rows for p in parts for day, rows in p.rows_by_day.items()},
    )


def asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset over the given daily partitions."""

    @dg.multi_asset(
        specs=[spec("signals", partitions)],
        check_specs=check_specs("signals", *TABLES),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        name="signals",
    )
    def _signals(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        yield from run_step(context, platform, {"signals": TABLES}, ASSET_OF, signals)

    return _signals
