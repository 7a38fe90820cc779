"""Routing: who gets each handoff, who had it when, what every step found, and what could not be routed.

Belongs here: the kernel around the fold, and the tables that come of it. Does not belong here: the fold
(``routing_fold``), the rules (``routing_steps``), or causes and remedies (``routing_causes``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.desk import Desk, DeskTables
from mqa_platform.core.expressions import first_match, identifier, none_of_type
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.routing_causes import HANDOFF, REMEDIES, standing
from mqa_platform.core.routing_events import Held
from mqa_platform.core.routing_facts import FACTS, Sources, facts
from mqa_platform.core.routing_fold import ASKED, BY_HAND, Fold
from mqa_platform.policy.routing import Routing

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
Row = Mapping[str, Any]

ROUTE, STEP, OWNED, EXCEPTION, ARM = "route", "step", "owned", "exception", "arm"
FOLDED = pa.schema(
    [
        *((c, pa.string()) for c in ("kind", "handoff_id", "account_id", "motion", "rep_id")),
        *((c, pa.string()) for c in ("first_rep_id", "rule", "outcome", "reason", "detail")),
        *((c, pa.string()) for c in ("cause", "queue")),
        *((c, pa.int64()) for c in ("attempt", "step", "candidates", "seq")),
        *((c, pa.date32()) for c in ("from_on", "to_on")),
        *((c, pa.bool_()) for c in ("over_capacity", "is_open")),
        *((c, pa.float64()) for c in ("share", "draw")),
    ]
)
PROBLEMS = pa.schema([(c, pa.string()) for c in ("scope", "subject", "cause", "detail")])


def routing_kernel(
    rules: Mapping[str, Routing], desk: DeskTables, as_of: date, sla_moves: Sequence[Row] = ()
) -> Kernel:
    """Kernel: facts of all handoffs → their routes, steps, owners and exceptions, told apart by ``kind``.

    One shard, because what a rep may still be given depends on what he was given before.

    Args:
        rules: the routing of each policy and motion, by the name in ``rules`` of the facts.
        desk: rows of capacity, absences and reassignments.
        as_of: moves after this day have not happened.
        sla_moves: (handoff_id, rep_id, reassigned_on) of handoffs that nobody touched in time.
    """

    def run(table: pa.Table) -> pa.Table:
        fold = Fold(rules, Desk(desk), as_of, table.to_pylist(), sla_moves)
        return pa.Table.from_pylist(list(_rows(fold)), schema=FOLDED)

    needs = tuple(c for c in FACTS if c != "kind")
    lineage = {c: ("handoff_id",) if c in ("kind", "handoff_id") else needs for c in FOLDED.names}
    return Kernel(
        "routing", run, FOLDED, lineage | {"account_id": ("account_id",), "motion": ("motion",)}
    )


def _rows(fold: Fold) -> Iterator[dict[str, Any]]:
    for handoff in sorted(fold.held):
        held = fold.held[handoff]
        same = {c: held.facts[c] for c in ("handoff_id", "account_id", "motion")}
        routing = fold.rules[held.rules].routing
        for row in _rows_of(held, routing, fold.as_of):
            yield {**dict.fromkeys(FOLDED.names), **same, **row}


def _rows_of(held: Held, routing: Routing, as_of: date) -> Iterator[dict[str, Any]]:
    last = held.owners[-1]
    waits = held.rep_id == routing.fallback_queue
    cause = (held.cause or (BY_HAND, held.rep_id)) if waits else None
    yield {
        "kind": ROUTE, "rep_id": held.rep_id, "first_rep_id": held.owners[0][0],
        "rule": held.rule, "cause": cause[0] if cause else None,
        "over_capacity": held.over_capacity,
        "from_on": last[1] if len(held.owners) > 1 else None,
        "reason": last[2] if len(held.owners) > 1 else None,
    }  # fmt: skip
    for attempt, a in held.steps:
        yield {
            "kind": STEP, "attempt": attempt, "step": a.number, "rule": a.step.rule,
            "outcome": a.outcome, "candidates": a.candidates, "reason": a.reason or None,
            "detail": a.detail or None, "rep_id": a.rep_id,
        }  # fmt: skip
    ends = [*(day for _, day, _ in held.owners[1:]), None]
    for seq, ((rep, day, why), until) in enumerate(zip(held.owners, ends, strict=True), 1):
        yield {
            "kind": OWNED, "seq": seq, "rep_id": rep, "from_on": day, "to_on": until,
            "reason": why,
        }  # fmt: skip
    if held.drawn is not None:
        asked_on = next((day for _, day, why in held.owners if why == ASKED), None)
        yield {
            "kind": ARM, "rule": held.drawn.experiment, "outcome": held.drawn.arm,
            "share": held.drawn.share, "draw": held.drawn.number, "seq": held.facts["episode"],
            "from_on": held.facts["created_on"], "to_on": asked_on,
        }  # fmt: skip
    told = dict(held.warnings)
    if cause:
        told[cause[0]] = cause[1]
    for name, detail in sorted(told.items()):
        queue = held.rep_id if cause and name == cause[0] else None
        yield {
            "kind": EXCEPTION, "cause": name, "detail": detail, "queue": queue,
            "from_on": held.facts["created_on"], "is_open": held.is_open(as_of),
        }  # fmt: skip


@dataclass(frozen=True)
class Routed:
    """What routing found, as expressions over the folded table."""

    folded: ir.Table

    def _of(self, kind: str) -> ir.Table:
        return self.folded.filter(self.folded["kind"] == kind)

    def routes(self) -> ir.Table:
        """One row a handoff: who has it, who had it first, by which rule, and what keeps it from a rep.

        ``exception_cause`` is given where it waits in the fallback queue, and only there.
        """
        t = self._of(ROUTE)
        return t.select(
            "handoff_id", "rep_id", "first_rep_id", "over_capacity",
            route_rule=t["rule"],
            exception_cause=t["cause"],
            reassigned_on=t["from_on"],
            reassign_reason=t["reason"],
        )  # fmt: skip

    def steps(self) -> ir.Table:
        """One row a handoff, attempt and step of the order; later attempts are those of a move."""
        return self._of(STEP).select(
            "handoff_id", "attempt", "step", "rule", "outcome", "candidates", "reason", "detail",
            "rep_id",
        )  # fmt: skip

    def owners(self) -> ir.Table:
        """Who had each handoff from which day to which, the end excluded, null while it is his."""
        return self._of(OWNED).select("handoff_id", "seq", "rep_id", "from_on", "to_on", "reason")

    def arms(self) -> ir.Table:
        """One row a handoff that an experiment drew for: its arm, and when it left it by asking."""
        t = self._of(ARM)
        return t.select(
            "handoff_id", "account_id", "motion", "draw",
            episode=t["seq"],
            created_on=t["from_on"],
            experiment=t["rule"],
            arm=t["outcome"],
            holdout_share=t["share"],
            asked_on=t["to_on"],
        )  # fmt: skip

    def exceptions(self, problems: ir.Table) -> ir.Table:
        """What waits in a fallback queue, and what is wrong with accounts, rules, reps and orders.

        Args:
            problems: rows of ``standing_problems``.
        """
        t = self._of(EXCEPTION)
        own = t.select(
            "handoff_id", "account_id", "motion", "cause", "detail", "queue", "is_open",
            scope=ibis.literal(HANDOFF),
            subject=t["handoff_id"],
            since=t["from_on"],
        )  # fmt: skip
        kinds = {"handoff_id": "string", "account_id": "string", "motion": "string",
                 "queue": "string", "since": "date"}  # fmt: skip
        nothing = {c: none_of_type(kind) for c, kind in kinds.items()}
        others = problems.mutate(**nothing, is_open=ibis.literal(True)).select(*own.columns)
        both = stacked(own, others)
        remedy = [(both["cause"] == c, ibis.literal(text)) for c, text in REMEDIES.items()]
        return both.mutate(
            exception_id=identifier(both["scope"], both["subject"], both["cause"]),
            remedy=first_match(remedy, ibis.literal("")),
            is_unrouted=both["queue"].notnull(),
        ).select(
            "exception_id", "scope", "subject", "handoff_id", "account_id", "motion", "cause",
            "detail", "remedy", "queue", "since", "is_open", "is_unrouted",
        )  # fmt: skip


def route(
    entered: Iterable[tuple[ir.Table, str]], sources: Sources, kernel: Kernel, apply: Apply
) -> Routed:
    """Who gets each handoff.

    Args:
        entered: handoffs with the name of the rules each part of them goes by.
        sources: what is known of their accounts.
        kernel: of ``routing_kernel``, which knows the rules of every name.
        apply: of the session.
    """
    known = facts(entered, sources).mutate(shard=ibis.literal(0))
    return Routed(apply(kernel, known, "shard"))


def standing_problems(rules: Mapping[str, Routing], desk: DeskTables, as_of: date) -> pa.Table:
    """What is wrong with rules, reps and orders as of a day: scope, subject, cause and detail."""
    return pa.Table.from_pylist(standing(rules, Desk(desk), desk, as_of), schema=PROBLEMS)
