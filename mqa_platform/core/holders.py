"""Who had a handoff on a day, and by which calendar that rep worked.

Belongs here: the rep whose clock runs, and who answers for its end. Does not belong here: who gets a handoff
(``routing``) or the clocks themselves (``clocks``).
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from mqa_platform.core.episodes import with_course
from mqa_platform.core.experiments import HOLDOUT
from mqa_platform.core.expressions import in_force, newest_first, none_of_type, one_of


def with_calendar(
    handoffs: ir.Table,
    owners: ir.Table,
    calendars: ir.Table,
    transitions: ir.Table,
    queues: Sequence[str],
) -> ir.Table:
    """Handoffs with their course, ``given_on``, who then had them (``holder``) and the ``calendar`` of that rep.

    What such a queue had at first is given on the day on which sales gets it, and is ``handed_over``.

    Args:
        handoffs: with released_on, null for backlog that waits.
        owners: handoff_id, rep_id, from_on, to_on; what it does not know is with rep_id.
        calendars: rows of ``calendars.CALENDAR``.
        transitions: stage_transitions, complete.
        queues: where no clock of sales runs: that of marketing, and that of what is held out.
    """
    # What was held out is there from the day of its entry, whenever it may be worked.
    held = handoffs["route_rule"] == HOLDOUT
    released = ibis.ifelse(held, none_of_type("date"), handoffs["released_on"])
    given = handoffs.select(
        "handoff_id", "rep_id", given_on=ibis.coalesce(released, handoffs["created_on"])
    )
    holders = _owner_on(given, "given_on", owners)
    holders = holders.select(
        "handoff_id", "given_on", holder=ibis.coalesce(holders["owner"], holders["rep_id"])
    )
    holders = _handed_over(holders, owners, queues)
    held = _version_on(holders, "holder", "given_on", calendars)
    held = held.select("given_on", "holder", "handed_over", "calendar", h_handoff="handoff_id")
    t = with_course(handoffs, transitions)
    return t.left_join(held, [("handoff_id", "h_handoff")]).drop("h_handoff")


def _handed_over(holders: ir.Table, owners: ir.Table, queues: Sequence[str]) -> ir.Table:
    """Who had it first and from when, but for the silent queues where somebody got it later."""
    o = owners.select("from_on", o_handoff="handoff_id", next_holder="rep_id")
    o = o.filter(~one_of(o["next_holder"], queues))
    o = holders.filter(one_of(holders["holder"], queues)).join(o, [("handoff_id", "o_handoff")])
    o = o.filter(o["from_on"] > o["given_on"])
    o = newest_first(o, ["o_handoff"], [o["from_on"], o["next_holder"]])
    t = holders.left_join(
        o.select("o_handoff", "from_on", "next_holder"), [("handoff_id", "o_handoff")]
    )
    return t.select(
        "handoff_id",
        given_on=ibis.coalesce(t["from_on"], t["given_on"]),
        holder=ibis.coalesce(t["next_holder"], t["holder"]),
        handed_over=t["from_on"].notnull(),
    )


def with_end(t: ir.Table, owners: ir.Table, calendars: ir.Table) -> ir.Table:
    """The rows with ``sla_rep_id`` and ``sla_team``: who had it when touched or due, whichever came first.

    Args:
        t: handoff_id, holder, given_on, calendar, first_touch_at and due_at.
        owners: as ``with_calendar`` takes them.
        calendars: likewise.
    """
    touched, due = t["first_touch_at"], t["due_at"]
    ended = ibis.least(ibis.coalesce(due, touched), ibis.coalesce(touched, due)).date()
    t = t.mutate(clock_on=ibis.coalesce(ended, t["given_on"])).rename(own_calendar="calendar")
    t = _owner_on(t, "clock_on", owners)
    t = t.mutate(sla_rep_id=ibis.coalesce(t["owner"], t["holder"]))
    t = _version_on(t, "sla_rep_id", "clock_on", calendars).drop("calendar")
    return t.rename(sla_team="team", calendar="own_calendar")


def _owner_on(t: ir.Table, day: str, owners: ir.Table) -> ir.Table:
    """The rows of ``t`` with ``owner``: who had the handoff on a day, null if that is not told."""
    o = owners.select("from_on", "to_on", o_handoff="handoff_id", owner="rep_id")
    o = t.select("handoff_id", day).join(o, [("handoff_id", "o_handoff")])
    o = o.filter((o["from_on"] <= o[day]) & (o["to_on"].isnull() | (o[day] < o["to_on"])))
    o = newest_first(o, ["o_handoff"], [o["from_on"].desc(), o["owner"]])
    return t.left_join(o.select("o_handoff", "owner"), [("handoff_id", "o_handoff")]).drop(
        "o_handoff"
    )


def _version_on(t: ir.Table, rep: str, day: str, calendars: ir.Table) -> ir.Table:
    """The rows of ``t`` with ``calendar`` and ``team`` of a rep on a day, null where there are none."""
    c = calendars.select("valid_from", "valid_to", "calendar", "team", c_rep="rep_id")
    c = t.select("handoff_id", rep, day).join(c, [(rep, "c_rep")])
    c = c.filter(in_force(c, c[day]))
    order = [c["valid_from"].desc(), c["calendar"], c["team"].asc(nulls_first=False)]
    c = newest_first(c, ["handoff_id"], order)
    c = c.select("calendar", "team", c_handoff="handoff_id")
    return t.left_join(c, [("handoff_id", "c_handoff")]).drop("c_handoff")
