"""Stage 2 as assets: visits and touchpoints, published together.

Belongs here: ``sessions``, ``touchpoints`` and ``unresolved_signals``. Does not belong here: who a signal
belongs to (``core.identity``).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import sessions as core
from mqa_platform.core.evidence import Evidence
from mqa_platform.core.expressions import shard
from mqa_platform.core.identity import resolve
from mqa_platform.core.ip_answers import addresses, with_stored
from mqa_platform.core.matching import NAME_KEYS, ip_lookup
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.sources.lateness import IDENTITY
from mqa_platform.sources.reference import reference_domains

TABLES = {"sessions": ["sessions"], "touchpoints": ["touchpoints", "unresolved_signals"]}


def evidence(step: Step, signals: ir.Table) -> Evidence:
    """What identity looks at: all we know of people and cookies, and the answers for addresses."""
    session = step.session
    ips = addresses(signals)
    ranges = session.arrow(step.table("landed_ip_ranges"))
    named = step.table("crm_accounts").select("name").union(
        signals.filter(signals["company_name"].notnull()).select(name="company_name")
    ).distinct()  # fmt: skip
    live = session.apply(ip_lookup(ranges), ips.mutate(shard=shard(ips["ip"])), "shard")
    return Evidence(
        identities=step.table("landed_identities"),
        contacts=step.table("crm_contacts"),
        accounts=step.table("crm_accounts"),
        listed_domains=session.constant("listed_domains", reference_domains()),
        ip_answers=with_stored(live, step.table("landed_ip_answers"), signals),
        name_keys=session.apply(NAME_KEYS, named.mutate(shard=shard(named["name"])), "shard"),
        consents=step.table("landed_consents"),
    )


def sessions(step: Step, window: Window) -> Outcome:
    """Publishes visits, touchpoints and unresolved signals of the days whose signals are published."""
    known = step.session.days("signals")
    asked = step.session.asked("sessions")
    again = step.session.reopened(IDENTITY)
    days = sorted(
        {d for d in known if d in asked or (again is not None and d >= again)} | set(window.days())
    )
    span = Window(days[0], days[-1] + ONE_DAY)
    signals = step.table("signals")
    signals = signals.filter(
        (signals["signal_date"] >= span.lo) & (signals["signal_date"] < span.hi)
    )
    keep = step.session.keep
    resolved = keep(resolve(signals, evidence(step, signals), step.policy, keep))
    published = step.publish(
        span,
        {
            "sessions": core.sessions(signals, resolved, step.policy),
            "touchpoints": core.touchpoints(signals, resolved, step.policy),
            "unresolved_signals": core.unresolved_signals(signals, resolved),
        },
        days=days,
        reopens=("scores",),
        settles="sessions",
    )
    step.session.settle(IDENTITY)
    return Outcome(published, *_match_facts(step, window))


def _match_facts(step: Step, window: Window) -> tuple[dict[str, Any], dict[Any, dict[str, Any]]]:
    """Match rate and unresolved reasons, in all and a day."""
    t, u = step.table("touchpoints"), step.table("unresolved_signals")
    t = t.filter((t["touchpoint_date"] >= window.lo) & (t["touchpoint_date"] < window.hi))
    u = u.filter((u["signal_date"] >= window.lo) & (u["signal_date"] < window.hi))
    matched = {
        r["day"]: r["n"]
        for r in step.session.rows(
            t.group_by(day="touchpoint_date").aggregate(n=t["signal_id"].nunique())
        )
    }
    missed: dict[Any, int] = {}
    reasons: dict[str, int] = {}
    for r in step.session.rows(u.group_by("signal_date", "reason").aggregate(n=u.count())):
        missed[r["signal_date"]] = missed.get(r["signal_date"], 0) + r["n"]
        reasons[r["reason"]] = reasons.get(r["reason"], 0) + r["n"]
    by_day = {
        day: {"match_rate": matched.get(day, 0) / (matched.get(day, 0) + missed.get(day, 0))}
        for day in {*matched, *missed}
    }
    total = sum(matched.values()) + sum(missed.values())
    facts: dict[str, Any] = {f"unresolved_{k}": v for k, v in sorted(reasons.items())}
    facts["match_rate"] = sum(matched.values()) / total if total else 0.0
    return facts, by_day


def asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The assets over the given daily partitions."""

    @dg.multi_asset(
        specs=[spec("sessions", partitions), spec("touchpoints", partitions)],
        check_specs=[c for a, t in TABLES.items() for c in check_specs(a, *t)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        name="sessions",
    )
    def _sessions(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        yield from run_step(context, platform, TABLES, ASSET_OF, sessions)

    return _sessions
