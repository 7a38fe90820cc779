"""Stage 6 as an asset: one handoff an episode, each rep's worklist, and what was known then.

Belongs here: ``handoffs``, ``worklist``, ``mql_decisions`` and the decisions published with them. Does not belong here:
routing rules (``core.handoffs``) or sending anything; materializing this asset notifies nobody.
"""

from collections.abc import Iterator
from functools import reduce
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.decisions import decision_tables, logged
from mqa_platform.assets.judged import judged
from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.core import handoffs as core
from mqa_platform.core.accounts import in_motion
from mqa_platform.core.expressions import one_of
from mqa_platform.core.precedence import mql_decisions
from mqa_platform.core.releases import with_release
from mqa_platform.core.unmatched_people import ACT, unmatched_acts, unmatched_people
from mqa_platform.core.window import Window
from mqa_platform.policy.models import Policy

TABLES = ["handoffs", "worklist", "mql_decisions", "decisions", "decision_drift", "known_entries"]


def by_policy(step: Step, entered: ir.Table) -> Iterator[tuple[ir.Table, Policy]]:
    """The entries of each motion with the policy under which they were made.

    An entry whose policy is not kept, as of a folder that was edited since, goes by the one of now.
    """
    known = {v: p for v, p in step.policies.versions().items() if v != step.version}
    version = entered["policy_version"]
    for motion in step.policies.motions:
        mine = entered["motion"] == motion
        for name, policy in known.items():
            if motion in {p.program.motion for p in policy.motions()}:
                yield entered.filter(mine & (version == name)), policy.of_motion(motion)
        if motion in {p.program.motion for p in step.policy.motions()}:
            yield entered.filter(mine & ~one_of(version, known)), step.policy.of_motion(motion)


def entries_and_routes(step: Step) -> tuple[ir.Table, ir.Table]:
    """Every entry to mqa with the account of that day, and the rep it is routed to."""
    entered = step.session.keep(
        core.entries(step.table("stage_transitions"), step.table("accounts"))
    )
    users = step.table("crm_users")
    routes = [core.routed(some, users, policy) for some, policy in by_policy(step, entered)]
    return entered, step.session.keep(reduce(ir.Table.union, routes))


def handoffs(step: Step, window: Window | None = None) -> Outcome:
    """Publishes all handoffs, the worklists they make and what was known when each was made."""
    entered, routes = entries_and_routes(step)
    decided, overrides = logged(step, "decisions"), step.table("overrides")
    acted_on = ((entered, "created_on"), (decided, "known_on"), (overrides, "starts_on"))
    tables = judged(step, *(t.select("account_id", day=t[day]) for t, day in acted_on))
    given = (step.table("stage_transitions"), tables.scores, tables.score_receipts)
    parts = [
        core.handoffs(some, routes, *given, policy, step.session.apply)
        for some, policy in by_policy(step, entered)
    ]
    found = step.session.keep(reduce(ir.Table.union, parts))
    users, last = step.table("crm_users"), max(step.session.days("stages"), default=None)
    made = step.session.keep(with_release(found, users, step.policy, step.session.apply))
    told = {"handoffs": made, "worklist": core.worklist(made, last, step.table("stages"))}
    told |= decision_tables(step, made, tables, decided)
    told["mql_decisions"] = _mql_decisions(step, made)
    published = step.publish(None, told)
    h = step.table("handoffs")
    states = h.group_by("status").aggregate(n=h.count())
    return Outcome(published, {f"status_{r['status']}": r["n"] for r in step.session.rows(states)})


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
