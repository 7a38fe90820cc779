"""Stage 6 as an asset: one handoff an episode, each rep's worklist, and what was known then.

Belongs here: ``handoffs``, ``mql_decisions``, and everything published with them. Does not belong here: clocks
(``clocks``), routing rules (``core.handoffs``) or sending anything; materializing this asset notifies nobody.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.briefs import with_briefs
from mqa_platform.assets.by_policy import by_policy
from mqa_platform.assets.clocks import CLOCK_TABLES, clock_tables, clocked
from mqa_platform.assets.decisions import decision_tables, logged
from mqa_platform.assets.judged import judged
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.reviewed import reviewed
from mqa_platform.assets.routing import TABLES as ROUTING
from mqa_platform.assets.routing import (
    entered,
    routed,
    routing_tables,
    rulebook,
    watched,
)
from mqa_platform.core import handoffs as core
from mqa_platform.core.accounts import in_motion
from mqa_platform.core.precedence import mql_decisions
from mqa_platform.core.releases import with_release
from mqa_platform.core.unmatched_people import ACT, unmatched_acts, unmatched_people
from mqa_platform.core.window import Window

TABLES = [
    "handoffs",
    *CLOCK_TABLES,
    *ROUTING,
    "mql_decisions",
    "decisions",
    "decision_drift",
    "known_entries",
    "briefs",
    "play_enrollments",
    "committees",
]


def handoffs(step: Step, window: Window | None = None) -> Outcome:
    """Publishes all handoffs, who had them when and why, the worklists, and what was known of each."""
    found = entered(step)
    decided, overrides = logged(step, "decisions"), step.table("overrides")
    acted_on = ((found, "created_on"), (decided, "known_on"), (overrides, "starts_on"))
    tables = judged(step, *(t.select("account_id", day=t[day]) for t, day in acted_on))
    book = rulebook(step, found)
    routing = routed(step, found, book)
    clocks = clocked(step, _made(step, found, routing.routes(), tables.scores), routing.owners())
    taken_away = step.session.rows(clocks.moves)
    if taken_away:
        routing = routed(step, found, book, sla_moves=taken_away)
    made = step.session.keep(core.rerouted(clocks.handoffs, routing.routes()))
    made, read = with_briefs(step, made, tables)
    told = {"handoffs": made, **clock_tables(step, made, clocks), **read}
    told |= routing_tables(step, book, routing)
    told |= decision_tables(step, made, tables, decided)
    told["mql_decisions"] = _mql_decisions(step, made)
    published = step.publish(None, told)
    h = step.table("handoffs")
    states = h.group_by("status").aggregate(n=h.count())
    facts = {f"status_{r['status']}": r["n"] for r in step.session.rows(states)}
    unrouted, shown = watched(step)
    thresholds, age = reviewed(step)
    return Outcome(published, {**facts, **shown, **age}, watched=[unrouted, thresholds])


def _made(step: Step, found: ir.Table, routes: ir.Table, scores: ir.Table) -> ir.Table:
    """Each entry as a handoff with the day from which it may be worked."""
    routes = step.session.keep(routes)
    moves = step.table("stage_transitions")
    parts = [
        core.handoffs(some, routes, moves, scores, policy)
        for some, policy in by_policy(step, found)
    ]
    made = step.session.keep(reduce(ir.Table.union, parts))
    capacity, apply = step.table("capacity"), step.session.apply
    return step.session.keep(with_release(made, capacity, step.policy, moves, apply))


def _mql_decisions(step: Step, made: ir.Table) -> ir.Table:
    """Who of the people goes where, as of the last published day."""
    days = step.session.days("stages")
    leading = step.policy.motions()[0]
    as_of = days[-1] if days else leading.program.history_starts_on
    accounts = in_motion(step.table("accounts"), step.table("account_fit"), leading.program.motion)
    touchpoints, people = step.table("touchpoints"), step.table("people")
    acts = unmatched_acts(step.table("signals"), step.table("unresolved_signals"), touchpoints)
    acts = step.session.keep(acts)
    others = unmatched_people(acts, leading, as_of, step.session.apply)
    who = ("person_id", "account_id", "person_score", "is_mql")
    every = [_nullable(t.select(*who)) for t in (people, others)]
    did = [_nullable(t.select(*ACT)) for t in (touchpoints, acts)]
    return mql_decisions(
        every[0].union(every[1]),
        did[0].union(did[1]),
        accounts,
        step.table("stages"),
        made,
        leading,
        as_of,
    )


def _nullable(t: ir.Table) -> ir.Table:
    """With columns that may be null, as both sides of a union must."""
    return t.cast({c: kind.copy(nullable=True) for c, kind in t.schema().items()})


@dg.multi_asset(
    specs=[spec("handoffs")], check_specs=check_specs("handoffs", *TABLES), name="handoffs"
)
def asset(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    """Handoffs and worklists."""
    yield from run_step(context, platform, {"handoffs": TABLES}, ASSET_OF, handoffs)
