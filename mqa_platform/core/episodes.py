"""Episodes: how each one began, when it left mqa, when it was over, and when the next one began.

Belongs here: the course of an episode read from the transitions. Does not belong here: which step an account
takes (``ladder``), or what the handoff of an episode says (``handoffs``, ``clocks``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import none_of_type

_SALES_HOLDS = ("mqa", "sales_accepted", "sales_qualified")
BACKLOG = "backlog"


def courses(transitions: ir.Table) -> ir.Table:
    """One row an episode, with columns that do not clash with those of a handoff.

    Args:
        transitions: stage_transitions, complete.

    Returns:
        c_account, c_motion, c_episode; was_backlog; left_on, the day on which the account first left mqa
        whatever for; over_on, the day on which sales held it no longer, with a deal or without; and
        next_qualified_at of the account's next episode. Days and moment are null while there is none.
    """
    t = transitions.filter(transitions["episode"] > 0)
    entry = t["to_stage"] == "mqa"
    moment = none_of_type("timestamp('UTC')")

    def first(condition: ir.BooleanValue) -> ir.DateScalar:
        return ibis.ifelse(condition, t["changed_on"], none_of_type("date")).min()

    found = t.group_by(c_account="account_id", c_motion="motion", c_episode="episode").aggregate(
        entered=ibis.ifelse(entry, 1, 0).max(),
        backlog=ibis.ifelse(entry & (t["rule"] == BACKLOG), 1, 0).max(),
        qualified=ibis.ifelse(entry, t["qualified_at"], moment).min(),
        left_on=first(~entry),
        over_on=first(~t["to_stage"].isin(_SALES_HOLDS)),
    )
    found = found.filter(found["entered"] == 1)
    order = ibis.window(group_by=["c_account", "c_motion"], order_by="c_episode")
    return found.select(
        "c_account",
        "c_motion",
        "c_episode",
        "left_on",
        "over_on",
        was_backlog=found["backlog"] == 1,
        next_qualified_at=found["qualified"].lead().over(order),
    )


def with_course(handoffs: ir.Table, transitions: ir.Table) -> ir.Table:
    """Handoffs and the columns of ``courses`` beside them, without its keys."""
    c = courses(transitions)
    t = handoffs.left_join(
        c,
        [
            handoffs["account_id"] == c["c_account"],
            handoffs["motion"] == c["c_motion"],
            handoffs["episode"] == c["c_episode"],
        ],
    )
    return t.mutate(was_backlog=t["was_backlog"].fill_null(False)).drop(
        "c_account", "c_motion", "c_episode"
    )


def while_callable(t: ir.Table, stages: ir.Table) -> ir.Table:
    """The rows with ``over_on`` no later than the first day on which nobody may call the account.

    Args:
        t: handoffs with their course.
        stages: account_id, motion, stage_date and suppression_reason, null where there is none.
    """
    s = stages.filter(stages["suppression_reason"].notnull())
    s = s.select("stage_date", s_account="account_id", s_motion="motion")
    s = t.select("handoff_id", "account_id", "motion", "created_on", "next_qualified_at").join(
        s, [("account_id", "s_account"), ("motion", "s_motion")]
    )
    next_on = s["next_qualified_at"].date()
    before_next = next_on.isnull() | (s["stage_date"] < next_on)
    s = s.filter((s["stage_date"] >= s["created_on"]) & before_next)
    s = s.group_by(s_handoff="handoff_id").aggregate(held_on=s["stage_date"].min())
    t = t.left_join(s, [("handoff_id", "s_handoff")])
    over, held = t["over_on"], t["held_on"]
    first = ibis.least(ibis.coalesce(over, held), ibis.coalesce(held, over))
    return t.mutate(over_on=first).drop("s_handoff", "held_on")
