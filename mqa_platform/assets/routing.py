"""Who gets each handoff: what routing reads, the rules of each policy, and the tables that come of it.

Belongs here: gathering what the routing kernel needs. Does not belong here: the rules (``core.routing``), or
the handoffs themselves (``handoffs``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
import ibis.expr.types as ir

from mqa_platform.assets.by_policy import by_policy
from mqa_platform.assets.platform import Step
from mqa_platform.assets.watches import NOBODY_IS_UNROUTED
from mqa_platform.core import routing as core
from mqa_platform.core.desk import DeskTables
from mqa_platform.core.handoffs import entries
from mqa_platform.core.routing_facts import Sources, asks
from mqa_platform.policy.models import Policy
from mqa_platform.policy.routing import Routing

TABLES = ["route_steps", "handoff_owners", "routing_exceptions", "experiment_arms"]
_SHOWN = 10


@dataclass(frozen=True)
class Rulebook:
    """The handoffs in parts, and the rules that each part goes by, by name."""

    parts: list[tuple[ir.Table, str]]
    rules: dict[str, Routing]


def entered(step: Step) -> ir.Table:
    """Every entry to mqa with the account of that day."""
    return step.session.keep(entries(step.table("stage_transitions"), step.table("accounts")))


def entries_and_routes(step: Step) -> tuple[ir.Table, ir.Table]:
    """Every entry to mqa, and who has it by the rules of its own policy."""
    found = entered(step)
    return found, step.session.keep(routed(step, found, rulebook(step, found)).routes())


def rulebook(step: Step, found: ir.Table) -> Rulebook:
    """The rules under which each handoff was made."""
    leading = step.policy.routing
    parts, rules = [], {}
    for number, (some, policy) in enumerate(by_policy(step, found)):
        name = f"{policy.program.motion} {number}"
        parts.append((some, name))
        rules[name] = with_regions(policy, leading)
    return Rulebook(parts, rules)


def with_regions(policy: Policy, leading: Routing) -> Routing:
    """A motion's rules; regions that it does not name itself are those of the leading motion."""
    return policy.routing.model_copy(
        update={"regions": {**leading.regions, **policy.routing.regions}}
    )


def desk(step: Step) -> DeskTables:
    """The reps, their absences and the orders to reassign, as they are published."""
    tables = (step.session.rows(step.table(t)) for t in ("capacity", "absences", "reassignments"))
    return DeskTables(*tables)


def last_day(step: Step) -> date:
    """The day as of which handoffs are told: the last that is published."""
    return max(step.session.days("stages"), default=step.policy.program.history_starts_on)


def routed(
    step: Step, found: ir.Table, book: Rulebook, sla_moves: Iterable[Mapping[str, Any]] = ()
) -> core.Routed:
    """Who gets each handoff, and who has it after every move up to the last published day.

    Args:
        step: of the run.
        found: ``entered``.
        book: the rules that each handoff goes by.
        sla_moves: (handoff_id, rep_id, reassigned_on) of handoffs that nobody touched in time.
    """
    sources = Sources(
        step.table("stage_transitions"),
        step.table("accounts"),
        step.table("crm_accounts"),
        step.table("crm_opportunities"),
        step.table("crm_opportunity_team"),
        _asks(step, book),
    )
    kernel = core.routing_kernel(book.rules, desk(step), last_day(step), list(sla_moves))
    return core.route(book.parts, sources, kernel, step.session.apply)


def _asks(step: Step, book: Rulebook) -> ir.Table | None:
    """When accounts asked to be called, where an experiment may have held one of them out."""
    if all(rules.experiment is None for rules in book.rules.values()):
        return None
    return asks(step.table("touchpoints"), step.policy)


def routing_tables(step: Step, book: Rulebook, found: core.Routed) -> dict[str, ir.Table]:
    """The tables published beside the handoffs."""
    problems = core.standing_problems(book.rules, desk(step), last_day(step))
    return {
        "route_steps": found.steps(),
        "handoff_owners": found.owners(),
        "experiment_arms": found.arms(),
        "routing_exceptions": found.exceptions(
            step.session.constant("standing_problems", problems)
        ),
    }


def watched(step: Step) -> tuple[dg.AssetCheckResult, dict[str, Any]]:
    """Whether too many open handoffs wait for a rep, and the first of them; after publication."""
    t = step.table("routing_exceptions")
    waiting = t.filter(t["is_unrouted"] & t["is_open"])
    rows = step.session.rows(waiting.order_by("since", "handoff_id"))
    allowed = step.policy.routing.max_unrouted
    told = "; ".join(f"{r['account_id']}: {r['cause']}" for r in rows[:_SHOWN])
    result = NOBODY_IS_UNROUTED.result(
        len(rows) if len(rows) > allowed else 0,
        f"{len(rows)} open handoffs wait for a rep, {allowed} may: {told}",
        {"unrouted": len(rows), "max_unrouted": allowed},
    )
    return result, {"unrouted": len(rows), **_causes(rows)}


def _causes(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows:
        name = f"unrouted_{row['cause']}"
        found[name] = found.get(name, 0) + 1
    return found
