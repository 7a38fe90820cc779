"""What a clock sets off: a reminder, an escalation, a breach, a handoff taken away; or that it was kept.

Belongs here: which of these has come to pass, when, and who is told. Does not belong here: telling anybody
(``destinations``), the moments themselves (``clocks``) or who gets what was taken away (``routing``).
"""

from __future__ import annotations

from functools import reduce

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import first_match
from mqa_platform.policy.models import Policy

KINDS = ("reminder", "escalation", "breach", "unaccepted", "reassignment", "met")
MOVED = "sla"


def sla_events(clocked: ir.Table, policy: Policy) -> ir.Table:
    """One row a handoff and kind of what has come to pass.

    Args:
        clocked: handoffs of a motion, as ``clocks.with_clocks`` makes them.
        policy: of the motion.

    Returns:
        handoff_id, kind, account_id, rep_id (who had it), team, told (whom to tell: the rep, a manager or a
        queue), due_at of the handoff, and at.
    """
    t = clocked
    manager = manager_of(t, policy)
    rep, queue = t["sla_rep_id"], ibis.literal(policy.sla.reassign_to)
    happened = {
        "reminder": (t["reminder_at"], rep),
        "escalation": (t["escalated_at"], manager),
        "breach": (t["breached_at"], manager),
        "unaccepted": (t["unaccepted_at"], manager),
        "reassignment": (t["taken_away_at"], queue),
        "met": (ibis.ifelse(t["sla_met"], t["first_touch_at"], ibis.null("timestamp('UTC')")), rep),
    }
    parts = [
        t.select(
            "handoff_id", "account_id", "due_at",
            kind=ibis.literal(kind), rep_id=rep, team=t["sla_team"], told=told, at=at,
        ).filter(at.notnull())
        for kind, (at, told) in happened.items()
    ]  # fmt: skip
    found = reduce(stacked, parts)
    return found.select(
        "handoff_id", "kind", "account_id", "rep_id", "team", "told", "due_at", "at"
    )


def manager_of(t: ir.Table, policy: Policy) -> ir.StringValue:
    """The manager of the team of each row's ``sla_team``, or whoever is told of a team without one."""
    return first_match(
        [(t["sla_team"] == team, ibis.literal(user)) for team, user in policy.sla.managers.items()],
        ibis.literal(policy.sla.escalate_to),
    )


def sla_moves(clocked: ir.Table, policy: Policy) -> ir.Table:
    """What was taken away, for the history of owners: handoff_id, rep_id (the queue), reassigned_on, reason."""
    t = clocked.filter(clocked["taken_away_at"].notnull())
    return t.select(
        "handoff_id",
        rep_id=ibis.literal(policy.sla.reassign_to),
        reassigned_on=t["taken_away_at"].date(),
        reason=ibis.literal(MOVED),
    )
