"""Stage 2 as assets: visits and touchpoints, published together.

Belongs here: ``sessions``, ``touchpoints`` and ``unresolved_signals``. Does not belong here: who a signal
belongs to (``core.identity``).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import reduce
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.addresses import ip_answers
from mqa_platform.assets.corrections import identities
from mqa_platform.assets.known import known
from mqa_platform.assets.names import names
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.signals import as_one, unbroken
from mqa_platform.core import sessions as core
from mqa_platform.core.bots import bot_days, requests
from mqa_platform.core.evidence import Behaviour, Evidence
from mqa_platform.core.expressions import BEGINNING
from mqa_platform.core.identity import resolve
from mqa_platform.core.link_scanners import mail_events, scanned_clicks
from mqa_platform.core.name_matching import with_near_keys
from mqa_platform.core.shared_ips import shared_ips
from mqa_platform.core.visits import around, disturbed, extents, visits
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.policy.models import Policy
from mqa_platform.sources.lateness import IDENTITY, TOUCHED
from mqa_platform.sources.reference import reference_domains

TABLES = {"sessions": ["sessions"], "touchpoints": ["touchpoints", "unresolved_signals"]}


def evidence(step: Step, signals: ir.Table) -> Evidence:
    """What identity looks at: all we know of people and cookies, and the answers for addresses."""
    session = step.session
    keys, near = names(step, signals)
    answers = ip_answers(step, signals)
    return Evidence(
        identities=identities(step),
        contacts=step.table("crm_contacts"),
        accounts=step.table("crm_accounts"),
        listed_domains=session.constant("listed_domains", reference_domains()),
        ip_answers=answers,
        name_keys=with_near_keys(keys, near),
        consents=step.table("landed_consents"),
        known=known(step),
        behaviour=behaviour(step, signals, answers),
        uses=step.table("landed_signals"),
    )


def behaviour(step: Step, signals: ir.Table, ip_answers: ir.Table) -> Behaviour:
    """What the visitors of whole days of signals did, judged a day at a time."""
    session, policy = step.session, step.policy
    days = signals.aggregate(first=signals["signal_date"].min(), last=signals["signal_date"].max())
    (span,) = session.rows(days)
    window = Window.of(span["first"] or BEGINNING, span["last"] or BEGINNING)
    mails = mail_events(step.table("landed_signals"), window)
    return Behaviour(
        bot_days=session.apply(bot_days(policy), requests(signals, policy), "shard"),
        scanned=session.apply(scanned_clicks(policy), mails, "shard"),
        shared_ips=shared_ips(signals, ip_answers, policy.identity),
    )


def sessions(step: Step, window: Window) -> Outcome:
    """Publishes visits, touchpoints and unresolved signals of the days whose signals are published."""
    days, cut = visits_of(step, window)
    spans = unbroken(days)
    after = [span.hi for span in spans if _goes_on(step, cut, span.hi)]
    signals = step.table("signals")
    signals = signals.filter(signals["signal_date"].isin([*days, *after]))
    keep = step.session.keep
    resolved = keep(
        resolve(signals, evidence(step, signals), step.policy, keep, step.session.apply)
    )
    near = around(Window(days[0], days[-1] + ONE_DAY), step.policy.identity)
    whole = _between(step.table("signals"), "signal_date", near)

    def visited(policy: Policy, its: Window) -> ir.Table:
        return _between(core.sessions(signals, cut, resolved, policy), "session_date", its)

    def touched(policy: Policy, its: Window) -> ir.Table:
        own = _between(signals, "signal_date", its)
        return core.touchpoints(own, cut, resolved, policy, whole)

    parts = []
    # The last days first: a publication settles what was asked of all days from its first on.
    for span in reversed(spans):
        own = _between(signals, "signal_date", span)
        published = step.publish(
            span,
            {
                "sessions": reduce(ir.Table.union, [visited(*p) for p in step.readings(span)]),
                "touchpoints": reduce(ir.Table.union, [touched(*p) for p in step.readings(span)]),
                "unresolved_signals": core.unresolved_signals(own, resolved),
            },
            tells=(TOUCHED,),
            settles="sessions",
            answers=(IDENTITY,) if span is spans[0] else (),
        )
        parts.append(published)
    together = [as_one(same) for same in zip(*parts, strict=True)]
    return Outcome(together, *_match_facts(step, window))


def visits_of(step: Step, window: Window) -> tuple[list[date], ir.Table]:
    """The days to publish, and the visit of every signal on them.

    These are the window's days, those whose signals have changed or are to be resolved again, and the
    published days beside them that share a visit with them.
    """
    session, identity = step.session, step.policy.identity
    known, published = session.days("signals"), set(session.days("sessions"))
    asked, again = session.asked("sessions"), session.reopened(IDENTITY)
    days = {d for d in known if d in asked or (again is not None and d >= again)}
    changed = days | (set(window.days()) - published)
    days |= set(window.days())
    span = Window(min(days), max(days) + ONE_DAY)
    signals = _between(step.table("signals"), "signal_date", around(span, identity, 2))
    cut = visits(signals, identity, session.apply)
    if changed and published - days:
        near = around(span, identity)
        found = _between(extents(signals, cut), "session_date", near)
        stood = _between(step.table("sessions"), "session_date", near)
        for row in session.rows(disturbed(found, stood, changed)):
            days |= {row["session_date"], row["ended_on"]} & published
    return sorted(days), cut


def _between(table: ir.Table, day: str, window: Window) -> ir.Table:
    return table.filter((table[day] >= window.lo) & (table[day] < window.hi))


def _goes_on(step: Step, cut: ir.Table, day: date) -> bool:
    """Whether a visit that began before the day has signals on it; no visit has any later."""
    on = step.table("signals")
    on = on.filter(on["signal_date"] == day).semi_join(
        cut.filter(cut["session_date"] < day), "signal_id"
    )
    return bool(step.session.rows(on.select("signal_id").limit(1)))


def _match_facts(step: Step, window: Window) -> tuple[dict[str, Any], dict[Any, dict[str, Any]]]:
    """How many signals were matched, softly matched, not, excluded or of bots: in all and a day."""
    counts = core.match_counts(
        _between(step.table("touchpoints"), "touchpoint_date", window),
        _between(step.table("unresolved_signals"), "signal_date", window),
    )
    facts: Counter[str] = Counter()
    by_day: dict[date, Counter[str]] = {}
    for row in step.session.rows(counts):
        day = by_day.setdefault(row["day"], Counter())
        for seen in (facts, day):
            seen[row["outcome"]] += row["signals"]
            if row["reason"]:
                seen[f"unresolved_{row['reason']}"] += row["signals"]
    return _with_rate(facts), {day: _with_rate(seen) for day, seen in by_day.items()}


def _with_rate(counts: Mapping[str, int]) -> dict[str, Any]:
    """The counts of every outcome and reason, and the share of signals on an account."""
    every = {**dict.fromkeys(core.OUTCOMES, 0), **dict(sorted(counts.items()))}
    total = sum(every[outcome] for outcome in core.OUTCOMES)
    return {**every, "match_rate": (every["matched"] + every["soft"]) / total if total else 0.0}


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
