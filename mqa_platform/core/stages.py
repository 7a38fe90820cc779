"""Stage 5, stages: the facts of every account and day, and the fold's answer as tables.

Belongs here: gathering what the ladder asks about, and shaping what it answers. Does not belong here:
the rules (``ladder``) or the walk over days (``fold``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm import latest
from mqa_platform.core.expressions import in_force, newest_first, none_of_type, shard
from mqa_platform.core.fold import FACT_COLUMNS, fold_kernel
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.scores import threshold
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
STATE_COLUMNS = (
    "stage", "reason", "episode", "days_below", "exit_reason", "entered_on", "mqa_on",
    "last_exit_on", "first_touch_on", "last_activity_on",
)  # fmt: skip


@dataclass(frozen=True)
class Crm:
    """CRM tables with history, complete: what sales and the deals say beats the score."""

    accounts: ir.Table
    opportunities: ir.Table
    activities: ir.Table


def _deals(spine: ir.Table, crm: Crm) -> ir.Table:
    """(account_id, day): open opportunities, a won one, and the reason of the last loss so far."""
    o = crm.opportunities
    o = o.filter(~o["is_deleted"] & o["account_id"].notnull()).select(
        "opportunity_id", "valid_from", "valid_to", "is_closed", "is_won", "closed_at", "loss_reason",
        deal_account="account_id",
    )  # fmt: skip
    with_deals = spine.select("account_id", "day").join(o, spine["account_id"] == o["deal_account"])
    held = with_deals.filter(in_force(with_deals, with_deals["day"]))
    facts = held.group_by("account_id", "day").aggregate(
        open_deals=ibis.ifelse(held["is_closed"], 0, 1).sum(),
        won_deals=ibis.ifelse(held["is_won"] & held["is_closed"], 1, 0).sum(),
    )
    lost = held.filter(held["is_closed"] & ~held["is_won"])
    lost = newest_first(
        lost,
        ["account_id", "day"],
        [lost["closed_at"].desc(nulls_first=False), lost["opportunity_id"]],
    ).select("account_id", "day", "loss_reason")
    return facts.left_join(lost, ["account_id", "day"]).select(
        "account_id", "day", "open_deals", "won_deals", "loss_reason"
    )


def _touches(crm: Crm) -> ir.Table:
    """(account_id, day) of logged calls, e-mails, meetings and social touches.

    Bulk mail is none, nor is what a machine did.
    """
    # The last version only: a meeting that was moved happened once, one held is marked so later.
    a = latest(crm.activities)
    done = ~a["kind"].isin(["automatic", "bulk_email"]) & a["is_held"]
    by_person = a.filter(a["account_id"].notnull() & done)
    return by_person.select(
        touched_account=by_person["account_id"], touched_on=by_person["occurred_at"].date()
    ).distinct()


def _sales_events(crm: Crm) -> ir.Table:
    """(account_id, day) on which the CRM's sales status changed, and to what; a status is no event."""
    a = crm.accounts
    order = ibis.window(group_by="account_id", order_by="valid_from")
    a = a.mutate(before=a["sales_status"].lag().over(order).fill_null(""))
    changed = a.filter(a["sales_status"].notnull() & (a["sales_status"] != a["before"]))
    return changed.select(
        event_account="account_id",
        event_on="valid_from",
        sales_event="sales_status",
        sales_reason="sales_status_reason",
    )


def facts(
    accounts: ir.Table, scores: ir.Table, crm: Crm, calendar: ir.Table, policy: Policy
) -> ir.Table:
    """One row an account and day of the calendar (``day``) on which the account exists."""
    a = accounts.select(
        "account_id", "valid_from", "valid_to", "tier", "fit_gate", "is_target",
        "suppression_reason", "suppressed_until", "account_type",
    )  # fmt: skip
    spine = a.cross_join(calendar)
    spine = spine.filter(in_force(spine, spine["day"]))
    s = scores.select(
        "engagement_score", "eligible_people", "people_on_high_intent", "anonymous_evidence",
        "hand_raised", "last_eligible_on", "score_type",
        scored_account="account_id", scored_on="score_date",
    )  # fmt: skip
    t = spine.left_join(
        s, [spine["account_id"] == s["scored_account"], spine["day"] == s["scored_on"]]
    )
    deals = _deals(spine, crm).rename(deal_account="account_id", deal_day="day")
    t = t.left_join(deals, [("account_id", "deal_account"), ("day", "deal_day")])
    t = t.left_join(_touches(crm), [("account_id", "touched_account"), ("day", "touched_on")])
    t = t.left_join(_sales_events(crm), [("account_id", "event_account"), ("day", "event_on")])
    former = (t["account_type"] == "former_customer").fill_null(False)
    bought = (t["account_type"] == "customer").fill_null(False) | (t["won_deals"].fill_null(0) > 0)
    suppressed = t["suppression_reason"].notnull() & (
        t["suppressed_until"].isnull() | (t["day"] < t["suppressed_until"])
    )
    known = t.select(
        "account_id", "day", "engagement_score", "fit_gate", "score_type", "is_target",
        "eligible_people", "people_on_high_intent", "anonymous_evidence", "hand_raised",
        "last_eligible_on", "sales_event", "sales_reason", "loss_reason",
        threshold=threshold(t["tier"], policy),
        is_suppressed=suppressed,
        open_opportunity=t["open_deals"].fill_null(0) > 0,
        is_customer=bought & ~former,
        touched=t["touched_on"].notnull(),
    )  # fmt: skip
    blanks = {c: none_of_type(str(_state_type(c))) for c in STATE_COLUMNS}
    return known.mutate(**blanks).select(*FACT_COLUMNS)


def _state_type(column: str) -> str:
    dates = {"entered_on", "mqa_on", "last_exit_on", "first_touch_on", "last_activity_on"}
    if column in dates:
        return "date"
    return "int64" if column in ("episode", "days_below") else "string"


def before(stages: ir.Table, day: date, policy: Policy) -> ir.Table:
    """The state of every account after a published day, as rows the fold starts from."""
    known = stages.filter(
        (stages["stage_date"] <= day) & (stages["motion"] == policy.program.motion)
    )
    # An account that the CRM lost for some days comes back with the state it had.
    last = known.group_by("account_id").aggregate(stage_date=known["stage_date"].max())
    held = known.semi_join(last, ["account_id", "stage_date"])
    known = {"account_id": held["account_id"], "day": held["stage_date"]}
    known |= {c: held[c] for c in STATE_COLUMNS}
    blank_types = {
        "engagement_score": "decimal(18,4)", "threshold": "decimal(18,4)", "fit_gate": "string",
        "score_type": "string", "is_target": "boolean", "is_suppressed": "boolean",
        "eligible_people": "int64", "people_on_high_intent": "int64", "anonymous_evidence": "boolean",
        "hand_raised": "boolean", "last_eligible_on": "date", "open_opportunity": "boolean",
        "is_customer": "boolean", "touched": "boolean", "sales_event": "string",
        "sales_reason": "string", "loss_reason": "string",
    }  # fmt: skip
    return held.select(**known, **{c: none_of_type(d) for c, d in blank_types.items()}).select(
        *FACT_COLUMNS
    )


def stage_lines(
    facts: ir.Table, start: ir.Table | None, policy: Policy, first_day: date, apply: Apply
) -> ir.Table:
    """The fold's lines for the days of the facts; ``first_day`` is the first of the whole history."""
    rows = facts if start is None else facts.union(start)
    return apply(
        fold_kernel(policy, first_day), rows.mutate(shard=shard(rows["account_id"])), "shard"
    )


def stages(lines: ir.Table, accounts: ir.Table, policy: Policy, version: str) -> ir.Table:
    """One row an account and day: the rung it stands on at the end of the day."""
    t = lines.filter(lines["kind"] == "state")
    a = accounts.select("valid_from", "valid_to", "suppression_reason", named_account="account_id")
    t = t.join(a, t["account_id"] == a["named_account"])
    t = t.filter(in_force(t, t["day"]))
    return t.select(
        "account_id",
        motion=ibis.literal(policy.program.motion),
        stage_date=t["day"],
        stage=t["stage"],
        entered_on=t["entered_on"],
        episode=t["episode"],
        reason=t["reason"],
        suppression_reason=t["suppression_reason"],
        days_below=t["days_below"],
        exit_reason=t["exit_reason"],
        mqa_on=t["mqa_on"],
        last_exit_on=t["last_exit_on"],
        first_touch_on=t["first_touch_on"],
        last_activity_on=t["last_activity_on"],
        policy_version=ibis.literal(version),
    )


def stage_transitions(lines: ir.Table, moments: ir.Table, policy: Policy, version: str) -> ir.Table:
    """One row a step. ``qualified_at`` stands on steps to mqa only.

    It is when the touchpoint that made it true was received (``qualification.moments``); where none of
    the day's touchpoints did, a CRM change of that day made it true, and it is the day's start.
    """
    moves = lines.filter(lines["kind"] == "move")
    m = moments.select("qualified_at", m_account="account_id", m_day="day")
    t = moves.left_join(m, [moves["account_id"] == m["m_account"], moves["day"] == m["m_day"]])
    at = ibis.coalesce(t["qualified_at"], t["day"].cast("timestamp('UTC')"))
    return t.select(
        "account_id",
        motion=ibis.literal(policy.program.motion),
        changed_on=t["day"],
        seq=t["seq"],
        from_stage=t["from_stage"],
        to_stage=t["stage"],
        rule=t["rule"],
        reason=t["reason"],
        evidence=t["evidence"],
        episode=t["episode"],
        qualified_at=ibis.ifelse(t["stage"] == "mqa", at, ibis.null("timestamp('UTC')")),
        policy_version=ibis.literal(version),
    )
