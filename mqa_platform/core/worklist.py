"""The worklist of each rep, and the manager's view of what grows old.

Belongs here: which handoffs are on a list and in which order. Does not belong here: their clocks
(``clocks``), who has them (``routing``) or the screen (``cli_handoffs``).
"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from mqa_platform.core.due import HAND_RAISE
from mqa_platform.core.expressions import first_match, newest_first

_TIERS = ("strategic", "scaled", "programmatic")


def _open(handoffs: ir.Table, stages: ir.Table, as_of: date | None) -> ir.Table:
    """Nobody who is suppressed on the day is on a list."""
    shown = handoffs["status"].isin(["open", "accepted"])
    if as_of is not None:
        released = (handoffs["released_on"] <= ibis.literal(as_of)).fill_null(False)
        shown = shown | ((handoffs["status"] == "backlog") & released)
        held = (stages["stage_date"] == ibis.literal(as_of)) & stages[
            "suppression_reason"
        ].notnull()
        suppressed = stages.filter(held).select("account_id", "motion")
        return handoffs.filter(shown).anti_join(suppressed, ["account_id", "motion"])
    return handoffs.filter(shown)


def _with_name(t: ir.Table, accounts: ir.Table) -> ir.Table:
    now = accounts.filter(accounts["valid_to"].isnull())
    now = newest_first(now, ["account_id"], [now["valid_from"].desc(), now["name"]])
    now = now.select("name", named="account_id")
    return t.left_join(now, [("account_id", "named")]).drop("named")


def worklist(
    handoffs: ir.Table, accounts: ir.Table, stages: ir.Table, as_of: date | None = None
) -> ir.Table:
    """Open handoffs of each rep in the order to work them.

    A hand-raise that nobody has touched comes first, then what has the least of its SLA left in whole
    working hours, then the tier, then score × momentum. What has been touched, a hand-raise too, has no SLA
    left to keep and comes after what waits. With a day, backlog whose turn has come by then is among them.

    Args:
        handoffs: with clocks and plays.
        accounts: their versions; the current one gives the name.
        stages: who is suppressed on the day.
        as_of: the last published day.
    """
    t = _with_name(_open(handoffs, stages, as_of), accounts)
    tier = first_match(
        [(t["tier"] == name, ibis.literal(i)) for i, name in enumerate(_TIERS)], ibis.literal(9)
    )
    raised = (t["evidence_rule"] == HAND_RAISE) & t["first_touch_at"].isnull()
    t = t.mutate(
        _raised=ibis.ifelse(raised.fill_null(False), 0, 1),
        _left=t["sla_left_hours"].floor(),
        _tier=tier,
        _heat=t["score"].cast("float64") * t["momentum"].fill_null(0.0),
    )
    order = ibis.window(
        group_by="rep_id",
        order_by=[
            t["_raised"],
            t["_left"].asc(nulls_first=False),
            t["_tier"],
            t["_heat"].desc(nulls_first=False),
            t["handoff_id"],
        ],
    )
    return t.select(
        "rep_id",
        "account_id",
        "handoff_id",
        "due_at",
        "sla_left_hours",
        "sla_state",
        "tier",
        "score",
        "momentum",
        "play",
        "delivered_at",
        "first_touch_at",
        "name",
        rank=ibis.row_number().over(order) + 1,
        reason=t["evidence_rule"],
    )


def ageing_handoffs(
    handoffs: ir.Table, accounts: ir.Table, stages: ir.Table, as_of: date | None = None
) -> ir.Table:
    """Open handoffs with how long each has waited in working hours, for the manager of a team.

    ``state`` is the furthest that the handoff has come: accepted, touched, taken_away, escalated, overdue,
    reminded, waiting, or not_delivered.
    """
    t = _with_name(_open(handoffs, stages, as_of), accounts)
    state = first_match(
        [
            (t["status"] == "accepted", ibis.literal("accepted")),
            (t["first_touch_at"].notnull(), ibis.literal("touched")),
            (t["taken_away_at"].notnull(), ibis.literal("taken_away")),
            (t["escalated_at"].notnull(), ibis.literal("escalated")),
            (t["breached_at"].notnull(), ibis.literal("overdue")),
            (t["reminder_at"].notnull(), ibis.literal("reminded")),
            (t["delivered_at"].notnull(), ibis.literal("waiting")),
        ],
        ibis.literal("not_delivered"),
    )
    return t.select(
        "handoff_id", "rep_id", "account_id", "name", "tier", "delivered_at", "due_at", "first_touch_at",
        "sla_left_hours",
        team=t["sla_team"],
        reason=t["evidence_rule"],
        age_business_hours=t["open_business_hours"],
        state=state,
    )  # fmt: skip
