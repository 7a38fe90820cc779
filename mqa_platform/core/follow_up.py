"""Follow-up: whether what a play asks for after a handoff was done in time.

Belongs here: counting touches and people against the play's steps. Does not belong here: the steps (policy),
the play of a handoff (``plays``) or the first touch alone (``clocks``).
"""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from mqa_platform.core.clocks import touches
from mqa_platform.core.expressions import first_match


def follow_up(
    clocked: ir.Table, plays: ir.Table, activities: ir.Table, as_of: datetime
) -> ir.Table:
    """One row a delivered handoff whose play asks for a follow-up.

    Touches count from delivery until the last day, before the next episode; who was touched twice is one
    person, and a touch that names nobody is a touch of nobody. ``state`` is met as soon as both numbers are
    reached, missed when the last day is over without, stopped when sales held the account no longer before
    that, else running.

    Args:
        clocked: handoffs with their clocks.
        plays: handoff_id, play, and the play's touches, people and days, null where it asks for nothing.
        activities: crm_activities with history.
        as_of: what happened later is not known yet; of a whole day its end.

    Returns:
        handoff_id, account_id, rep_id, tier, play, required_touches, required_people, required_days,
        touches, people, due_on (the last day), state.
    """
    p = plays.filter(plays["touches"].notnull()).select(
        p_handoff="handoff_id", p_play="play", required_touches="touches", required_people="people",
        required_days="days",
    )  # fmt: skip
    order = ibis.window(group_by=["account_id", "motion"], order_by="episode")
    t = clocked.mutate(next_on=clocked["qualified_at"].lead().over(order))
    t = t.filter(t["delivered_at"].notnull()).join(p, [("handoff_id", "p_handoff")])
    t = t.mutate(due_on=_days_later(t["delivered_at"].date(), t["required_days"]))
    now = ibis.literal(as_of, type="timestamp('UTC')")
    a = touches(activities)
    a = t.select("handoff_id", "account_id", "delivered_at", "due_on", "next_on").join(
        a, [("account_id", "touched_account")]
    )
    a = a.filter(
        (a["occurred_at"] >= a["delivered_at"])
        & (a["occurred_at"] <= now)
        & (a["occurred_at"].date() <= a["due_on"])
        & (a["next_on"].isnull() | (a["occurred_at"] < a["next_on"]))
    )
    done = a.group_by(a_handoff="handoff_id").aggregate(
        touches=a.count(), people=a["contact_id"].nunique()
    )
    t = t.left_join(done, [("handoff_id", "a_handoff")])
    t = t.mutate(touches=t["touches"].fill_null(0), people=t["people"].fill_null(0))
    enough = (t["touches"] >= t["required_touches"]) & (t["people"] >= t["required_people"])
    # On the last day itself there is still time.
    passed = _days_later(t["due_on"], ibis.literal(1)).cast("timestamp('UTC')") <= now
    return t.select(
        "handoff_id", "account_id", "rep_id", "tier", "required_touches", "required_people",
        "required_days", "touches", "people", "due_on",
        play=t["p_play"],
        state=first_match(
            [
                (enough, ibis.literal("met")),
                ((t["over_on"] <= t["due_on"]).fill_null(False), ibis.literal("stopped")),
                (passed, ibis.literal("missed")),
            ],
            ibis.literal("running"),
        ),
    )  # fmt: skip


def _days_later(day: ir.DateValue, days: ir.IntegerValue) -> ir.DateValue:
    # The engines differ in what a day and an interval make: a day, or a moment.
    return (day + days.as_interval("D")).cast("timestamp").date()
