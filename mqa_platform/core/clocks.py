"""Clocks: when each handoff was delivered, due, touched, met and taken up, all out of what was logged.

Belongs here: the moments of a handoff and whether its SLA was kept. Does not belong here: working time
(``business_time``, ``calendars``), who is told (``sla_events``) or shares over many (``compliance``).

Nothing here runs: a clock is what the tables say as of a moment. A rerun gives the same rows, and an activity
that is logged late, or deleted, is as if it had always, or never, been there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm import latest
from mqa_platform.core.due import due_kernel, run_kernel
from mqa_platform.core.episodes import while_callable
from mqa_platform.core.expressions import first_match, none_of_type, one_of, shard
from mqa_platform.core.holders import with_calendar, with_end
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
# States of a delivery that reached its channel.
SENT: Final = ("sent", "delivered")
_NO_TOUCH: Final = ("automatic", "bulk_email")
# Column of a handoff that the clocks fill, with its type.
CLOCKS: Final = {
    "delivered_at": "timestamp('UTC')",
    "delivered_via": "string",
    "due_at": "timestamp('UTC')",
    "accept_due_at": "timestamp('UTC')",
    "first_touch_at": "timestamp('UTC')",
    "meeting_at": "timestamp('UTC')",
    "accepted_at": "timestamp('UTC')",
    "rejected_at": "timestamp('UTC')",
    "over_on": "date",
    "sla_met": "boolean",
    "sla_state": "string",
    "sla_rep_id": "string",
    "sla_team": "string",
    "remind_at": "timestamp('UTC')",
    "escalate_at": "timestamp('UTC')",
    "reminder_at": "timestamp('UTC')",
    "escalated_at": "timestamp('UTC')",
    "breached_at": "timestamp('UTC')",
    "unaccepted_at": "timestamp('UTC')",
    "taken_away_at": "timestamp('UTC')",
    "touch_hours": "float64",
    "touch_business_hours": "float64",
    "waited_business_hours": "float64",
    "open_business_hours": "float64",
    "sla_left_hours": "float64",
}


@dataclass(frozen=True)
class Clockwork:
    """What the clocks are read from.

    Attributes:
        calendars: rows of ``calendars.CALENDAR``, kept.
        owners: who had a handoff: handoff_id, rep_id, from_on, to_on (excluded, null = now).
        activities: crm_activities with history.
        transitions: stage_transitions, complete.
        deliveries: handoff_id, channel, state, sent_at; None where nothing delivers yet.
        stages: who is suppressed on which day; None where nobody is.
    """

    calendars: ir.Table
    owners: ir.Table
    activities: ir.Table
    transitions: ir.Table
    deliveries: ir.Table | None = None
    stages: ir.Table | None = None


def with_clocks(
    handoffs: ir.Table, work: Clockwork, policy: Policy, as_of: datetime, apply: Apply
) -> ir.Table:
    """Handoffs with the columns of ``CLOCKS`` filled; what they had of these is replaced.

    A handoff is delivered by its first delivery that succeeded. Without one the worklist is the channel: it
    is delivered when the account qualified, and backlog when the rep's working day starts on the day of its
    release; what is held out is not delivered. It is due when ``sla_hours`` of the working time of who then had
    it have passed, whoever has it later. What waits in the marketing queue, or is held out, has no clock: nobody
    is meant to call. When a rep gets it from there, it is delivered when the rep's working day starts on that day.

    The SLA is met by a touch up to due_at: a call, e-mail, meeting or social touch that a person logged on
    the account, after delivery and before the next episode. It is breached when due_at has passed without
    one; it is stopped, neither, when sales held the account no longer by then, or might not call it: over_on
    is the first day of either, and no clock starts again in an episode.

    Args:
        handoffs: of the motion and policy, with ``released_on``.
        work: see ``Clockwork``.
        policy: of the motion.
        as_of: what happened after it is not known yet; of a whole day its end.
        apply: of the session.
    """
    rest = [c for c in handoffs.columns if c not in CLOCKS]
    now = ibis.literal(as_of, type="timestamp('UTC')")
    silent = policy.routing.silent_queues
    t = with_calendar(handoffs, work.owners, work.calendars, work.transitions, silent)
    t = t if work.stages is None else while_callable(t, work.stages)
    t = _delivered(t, work, now)
    runs = ~one_of(t["holder"], silent)
    # Marketing is given what it has; what is held out is given to nobody.
    held_out = one_of(t["holder"], silent[1:]).fill_null(False)
    given = t.select(
        "handoff_id", "account_id", "calendar", "sent_at", "sla_hours", "tier",
        "evidence_rule", "holder", "given_on", "over_on", "next_qualified_at",
        qualified_at=ibis.ifelse(held_out, none_of_type("timestamp('UTC')"), t["qualified_at"]),
        # What comes from marketing is given like backlog: when the working day starts.
        was_backlog=t["was_backlog"] | t["handed_over"],
        released_on=ibis.ifelse(t["handed_over"], t["given_on"], t["released_on"]),
        runs=runs.fill_null(True), shard=shard(t["handoff_id"]),
    )  # fmt: skip
    # What the kernels answer is read from here on, so that no step repeats the joins of those before it.
    due = apply(due_kernel(policy, as_of), given, "shard")
    answered = with_end(_answered(due, work, now), work.owners, work.calendars)
    answered = answered.filter(answered["delivered_at"].notnull())
    spans = answered.mutate(shard=shard(answered["handoff_id"])).select(
        "handoff_id", "calendar", "delivered_at", "over_on", "first_touch_at", "meeting_at",
        "sla_rep_id", "sla_team", "shard",
    )  # fmt: skip
    run = apply(run_kernel(policy, as_of), spans, "shard")
    t = handoffs.select(
        *rest,
        accepted_on=handoffs["accepted_at"].date(),
        rejected_on=handoffs["rejected_at"].date(),
    )
    due = due.drop("account_id").rename(d_handoff="handoff_id")
    t = t.left_join(due, [("handoff_id", "d_handoff")])
    t = t.left_join(run.rename(r_handoff="handoff_id"), [("handoff_id", "r_handoff")])
    return _judged(t, now).select(*rest, *CLOCKS)


def _delivered(t: ir.Table, work: Clockwork, now: ir.TimestampValue) -> ir.Table:
    """``sent_at``: the first delivery that succeeded, up to now."""
    if work.deliveries is None:
        return t.mutate(sent_at=none_of_type("timestamp('UTC')"))
    d = work.deliveries
    d = d.filter(d["state"].isin(SENT) & (d["sent_at"] <= now))
    d = d.select("sent_at", d_handoff="handoff_id")
    d = t.select("handoff_id", "given_on", "handed_over").join(d, [("handoff_id", "d_handoff")])
    # What marketing was sent is no delivery to the rep who gets it later.
    d = d.filter(~d["handed_over"] | (d["sent_at"].date() >= d["given_on"]))
    first = d.group_by(s_handoff="d_handoff").aggregate(sent_at=d["sent_at"].min())
    return t.left_join(first, [("handoff_id", "s_handoff")]).drop("s_handoff")


def _answered(t: ir.Table, work: Clockwork, now: ir.TimestampValue) -> ir.Table:
    """``first_touch_at`` and ``meeting_at`` of each handoff."""
    a = touches(work.activities)
    a = t.select("handoff_id", "account_id", "delivered_at", "next_qualified_at").join(
        a, [("account_id", "touched_account")]
    )
    before_next = a["next_qualified_at"].isnull() | (a["occurred_at"] < a["next_qualified_at"])
    a = a.filter((a["occurred_at"] >= a["delivered_at"]) & (a["occurred_at"] <= now) & before_next)
    moment = none_of_type("timestamp('UTC')")
    found = a.group_by(t_handoff="handoff_id").aggregate(
        first_touch_at=a["occurred_at"].min(),
        meeting_at=ibis.ifelse(a["kind"] == "meeting", a["occurred_at"], moment).min(),
    )
    return t.left_join(found, [("handoff_id", "t_handoff")]).drop("t_handoff")


def touches(activities: ir.Table) -> ir.Table:
    """What people of sales did with an account: touched_account, occurred_at, kind, contact_id.

    Bulk mail is none, nor is what a machine sent, what was deleted, or a meeting that was not held.
    """
    # The last version only: a meeting that was moved happened once.
    a = latest(activities)
    a = a.filter(a["account_id"].notnull() & a["is_held"] & ~a["kind"].isin(_NO_TOUCH))
    return a.select("occurred_at", "kind", "contact_id", touched_account="account_id")


def _judged(t: ir.Table, now: ir.TimestampValue) -> ir.Table:
    """Met or breached, whom it was told to when, and the times of the CRM's answers."""
    midnight = "timestamp('UTC')"

    def day_or(day: ir.DateValue, known: ir.Value) -> ir.Value:
        """A day of the CRM as a moment: that of the touch that made it, and never before the entry."""
        same = (known.date() == day).fill_null(False)
        return ibis.ifelse(
            day.isnull(),
            none_of_type(midnight),
            ibis.ifelse(same, known, ibis.greatest(day.cast(midnight), t["qualified_at"])),
        )

    touched = t["first_touch_at"]

    def waits(moment: ir.Value) -> ir.BooleanValue:
        """Whether it had no answer at a moment that has come, and sales still held it."""
        unanswered = touched.isnull() | (touched > moment)
        held = t["over_on"].isnull() | (moment.date() < t["over_on"])
        return ((moment <= now) & unanswered & held).fill_null(False)

    breached = waits(t["due_at"])
    met = (touched <= t["due_at"]).fill_null(False)
    state = first_match(
        [
            (~t["runs"], ibis.literal("no_clock")),
            (t["delivered_at"].isnull(), ibis.literal("not_delivered")),
            (met, ibis.literal("met")),
            (breached, ibis.literal("breached")),
            (t["over_on"].notnull() | t["due_at"].isnull(), ibis.literal("stopped")),
        ],
        ibis.literal("running"),
    )
    t = t.mutate(
        accepted_at=day_or(t["accepted_on"], touched),
        rejected_at=day_or(t["rejected_on"], none_of_type(midnight)),
        sla_state=state,
        reminder_at=_only(waits(t["remind_at"]), t["remind_at"]),
        escalated_at=_only(waits(t["escalate_at"]), t["escalate_at"]),
        taken_away_at=_only(waits(t["reassign_at"]), t["reassign_at"]),
    )
    left = t["sla_hours"].cast("float64") - t["waited_business_hours"]
    answer = ibis.coalesce(t["accepted_at"], t["rejected_at"])
    late = t["accept_due_at"] <= now
    late = late & (answer.isnull() | (answer > t["accept_due_at"]))
    late = late & (t["over_on"].isnull() | (t["accept_due_at"].date() < t["over_on"]))
    return t.mutate(
        unaccepted_at=_only(late.fill_null(False), t["accept_due_at"]),
        sla_met=first_match(
            [
                (t["sla_state"] == "met", ibis.literal(True)),
                (t["sla_state"] == "breached", ibis.literal(False)),
            ],
            none_of_type("boolean"),
        ),
        breached_at=_only(t["sla_state"] == "breached", t["due_at"]),
        sla_rep_id=ibis.coalesce(t["sla_rep_id"], t["holder"]),
        sla_left_hours=ibis.ifelse(
            t["runs"] & touched.isnull() & t["over_on"].isnull(), left, none_of_type("float64")
        ),
    )


def _only(condition: ir.BooleanValue, moment: ir.Value) -> ir.Value:
    return ibis.ifelse(condition, moment, none_of_type("timestamp('UTC')"))
