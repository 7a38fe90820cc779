"""Stage 6, handoffs: one an episode, on a named rep, with its SLA class and brief.

Belongs here: who gets an account and by which rule, the state of the handoff, the worklist. Does not
belong here: sending anything (``destinations``); a handoff is an intent until something delivers it, so
delivered_at, due_at and first_touch_at stay empty here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import ibis
import ibis.expr.types as ir

from mqa_platform.core.briefs import BRIEFS
from mqa_platform.core.expressions import (
    day_text,
    first_match,
    identifier,
    in_force,
    newest_first,
    none_of_type,
    shard,
)
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
_TIERS = ("strategic", "scaled", "programmatic")


def entries(transitions: ir.Table, accounts: ir.Table) -> ir.Table:
    """One row an episode: its entry to mqa, with the account as it was on that day.

    The id is made of the account, the motion and the day of the entry, never of the number of the episode:
    what late data, a correction or an erasure does to other episodes leaves it alone.
    """
    t = transitions.filter(transitions["to_stage"] == "mqa")
    # Who is put back on the rung by hand within an episode has not entered again.
    t = newest_first(t, ["account_id", "motion", "episode"], [t["changed_on"], t["seq"]])
    a = accounts.select(
        "valid_from", "valid_to", "name", "tier", "owner_id", "country", "employees", "industry",
        of_account="account_id",
    )  # fmt: skip
    t = t.join(a, t["account_id"] == a["of_account"])
    t = t.filter(in_force(t, t["changed_on"]))
    return t.select(
        "account_id", "motion", "episode", "name", "owner_id", "country", "employees", "industry",
        "qualified_at", "policy_version",
        tier=ibis.coalesce(t["episode_tier"], t["tier"]),
        handoff_id=identifier(t["account_id"], t["motion"], day_text(t["changed_on"])),
        created_on=t["changed_on"],
        # Who is put on the rung by hand has somebody's word for evidence.
        evidence_rule=ibis.ifelse(t["rule"] == "override", "override", t["reason"]),
        is_backlog=t["rule"] == "backlog",
    )  # fmt: skip


def routed(entered: ir.Table, users: ir.Table, policy: Policy) -> ir.Table:
    """(handoff_id, rep_id, route_rule): the first routing rule that names an active rep.

    Within a rule the rep with the smallest digest of (handoff, rep) gets the account: even shares,
    and a rep who leaves moves nobody else's accounts. Nobody found is the fallback queue.
    """
    u = users.filter(users["is_active"]).select(
        "user_id", "territory", "employees_min", "employees_max", "valid_from", "valid_to"
    )
    pairs = entered.cross_join(u)
    pairs = pairs.filter(in_force(pairs, pairs["created_on"]))
    place = ibis.literal(";") + pairs["territory"].fill_null("") + ";"
    here = place.contains(ibis.literal(";") + pairs["country"].fill_null("?") + ";")
    size = pairs["employees"].fill_null(0)
    fits = (size >= pairs["employees_min"].fill_null(0)) & (
        pairs["employees_max"].isnull() | (size <= pairs["employees_max"])
    )
    holds = {
        "named_owner": (pairs["owner_id"] == pairs["user_id"]).fill_null(False),
        "territory": here & fits,
        "round_robin": ibis.literal(True),
    }
    order = [step.rule for step in policy.routing.order]
    pairs = pairs.mutate(
        step=first_match(
            [(holds[r], ibis.literal(i)) for i, r in enumerate(order)], ibis.literal(99)
        ),
        route_rule=first_match([(holds[r], ibis.literal(r)) for r in order], ibis.literal("none")),
        draw=identifier(pairs["handoff_id"], pairs["user_id"]),
    )
    pairs = pairs.filter(pairs["step"] < 99)
    best = newest_first(pairs, ["handoff_id"], [pairs["step"], pairs["draw"], pairs["user_id"]])
    chosen = best.select("route_rule", rep_id=best["user_id"], for_handoff=best["handoff_id"])
    t = entered.left_join(chosen, entered["handoff_id"] == chosen["for_handoff"])
    nameless = (t["evidence_rule"] == "anonymous_only").fill_null(False)
    return t.select(
        "handoff_id",
        rep_id=first_match(
            [
                (nameless, ibis.literal(policy.routing.marketing_queue)),
                (t["rep_id"].notnull(), t["rep_id"]),
            ],
            ibis.literal(policy.routing.fallback_queue),
        ),
        route_rule=first_match(
            [
                (nameless, ibis.literal("anonymous_evidence")),
                (t["rep_id"].notnull(), t["route_rule"]),
            ],
            ibis.literal("fallback_queue"),
        ),
    )


def _outcomes(transitions: ir.Table) -> ir.Table:
    """(account_id, motion, episode) → the days on which the episode was accepted, rejected, ended."""
    t = transitions.filter(transitions["episode"] > 0)

    def on(condition: ir.BooleanValue) -> ir.DateColumn:
        return ibis.ifelse(condition, t["changed_on"], ibis.null("date")).min()

    refused = t["rule"].isin(["crm_rejected", "crm_rejected_for_good"])
    below = t["to_stage"].isin(["unqualified", "target", "engaged"]) & (t["rule"] == "override")
    over = (t["to_stage"].isin(["recycled", "disqualified"]) & ~refused) | below
    return t.group_by(o_account="account_id", o_motion="motion", o_episode="episode").aggregate(
        accepted_on=on(t["to_stage"] == "sales_accepted"),
        rejected_on=on(refused),
        reject_reason=ibis.ifelse(refused, t["reason"], ibis.null("string")).max(),
        converted_on=on(t["to_stage"].isin(["opportunity", "customer"])),
        ended_on=on(over),
        left_on=on(t["to_stage"] != "mqa"),
        episode_ended_on=on(over | refused | (t["to_stage"] == "customer")),
    )


def handoffs(
    entered: ir.Table,
    routes: ir.Table,
    transitions: ir.Table,
    scores: ir.Table,
    receipts: ir.Table,
    policy: Policy,
    apply: Apply,
) -> ir.Table:
    """One row an episode: who has it, why, by when, and what became of it."""
    o = _outcomes(transitions)
    t = entered.join(routes, "handoff_id")
    t = t.left_join(
        o,
        [
            t["account_id"] == o["o_account"],
            t["motion"] == o["o_motion"],
            t["episode"] == o["o_episode"],
        ],
    )
    s = scores.select(
        "engagement_score", "threshold", "eligible_people", "momentum", "score_type",
        s_account="account_id", s_motion="motion", s_day="score_date",
    )  # fmt: skip
    t = t.left_join(
        s,
        [
            t["account_id"] == s["s_account"],
            t["motion"] == s["s_motion"],
            t["created_on"] == s["s_day"],
        ],
    )
    briefs = _briefs(t, receipts, apply).rename(b_handoff="handoff_id")
    t = t.left_join(briefs, t["handoff_id"] == briefs["b_handoff"])
    tiers = policy.stages.tiers
    sla = first_match(
        [(t["evidence_rule"] == "hand_raise", ibis.literal(policy.stages.hand_raise_sla_hours))]
        + [(t["tier"] == name, ibis.literal(rule.sla_hours)) for name, rule in tiers],
        ibis.literal(tiers.programmatic.sla_hours),
    )
    later = none_of_type("timestamp('UTC')")
    # Steps after the end of an episode still carry its number; they are not its outcome.
    won = t["ended_on"].isnull() & t["converted_on"].notnull() | (
        t["converted_on"] <= t["ended_on"]
    )
    return t.select(
        "handoff_id", "account_id", "motion", "episode", "rep_id", "route_rule", "tier", "created_on",
        "qualified_at",
        delivered_at=later,
        due_at=later,
        first_touch_at=later,
        accepted_at=t["accepted_on"].cast("timestamp('UTC')"),
        rejected_at=t["rejected_on"].cast("timestamp('UTC')"),
        reject_reason=t["reject_reason"],
        ended_on=t["episode_ended_on"],
        status=first_match(
            [
                (t["rejected_on"].notnull(), ibis.literal("rejected")),
                (won.fill_null(False), ibis.literal("converted")),
                (t["ended_on"].notnull(), ibis.literal("recycled")),
                (t["accepted_on"].notnull(), ibis.literal("accepted")),
                (t["is_backlog"], ibis.literal("backlog")),
            ],
            ibis.literal("open"),
        ),
        sla_met=none_of_type("boolean"),
        sla_hours=sla,
        # Backlog waits for its turn; see ``releases``, which needs to know when it waits no longer.
        left_on=t["left_on"],
        released_on=ibis.ifelse(t["is_backlog"], ibis.null("date"), t["created_on"]),
        evidence_rule=t["evidence_rule"],
        score=t["engagement_score"],
        momentum=t["momentum"],
        score_type=t["score_type"],
        brief=t["brief"].fill_null(""),
        policy_version=t["policy_version"],
    )  # fmt: skip


def _briefs(t: ir.Table, receipts: ir.Table, apply: Apply) -> ir.Table:
    r = receipts.select(
        "component", "points", "touchpoints", "people",
        r_account="account_id", r_motion="motion", r_day="score_date",
    )  # fmt: skip
    lines = t.left_join(
        r,
        [
            t["account_id"] == r["r_account"],
            t["motion"] == r["r_motion"],
            t["created_on"] == r["r_day"],
        ],
    )
    lines = lines.select(
        "handoff_id", "account_id", "name", "tier", "created_on", "evidence_rule", "component",
        "touchpoints", "people", "eligible_people",
        points=lines["points"].cast("float64"),
        score=lines["engagement_score"].fill_null(0).cast("float64"),
        threshold=lines["threshold"].fill_null(0).cast("float64"),
    )  # fmt: skip
    return apply(BRIEFS, lines.mutate(shard=shard(lines["handoff_id"])), "shard")


def worklist(
    handoffs: ir.Table, as_of: date | None = None, stages: ir.Table | None = None
) -> ir.Table:
    """Open handoffs of each rep in the order to work them: hand-raise, tier, then score × momentum.

    With a day, backlog whose turn has come by then is among them. With stages too, nobody is who is
    suppressed on it.
    """
    shown = handoffs["status"].isin(["open", "accepted"])
    if as_of is not None:
        released = (handoffs["released_on"] <= ibis.literal(as_of)).fill_null(False)
        shown = shown | ((handoffs["status"] == "backlog") & released)
    t = handoffs.filter(shown)
    if as_of is not None and stages is not None:
        held = (stages["stage_date"] == ibis.literal(as_of)) & stages[
            "suppression_reason"
        ].notnull()
        t = t.anti_join(
            stages.filter(held).select("account_id", "motion"), ["account_id", "motion"]
        )
    tier = first_match(
        [(t["tier"] == name, ibis.literal(i)) for i, name in enumerate(_TIERS)], ibis.literal(9)
    )
    heat = t["score"].cast("float64") * t["momentum"].fill_null(0.0)
    raised = ibis.ifelse(t["evidence_rule"] == "hand_raise", 0, 1)
    t = t.mutate(_raised=raised, _tier=tier, _heat=heat)
    order = ibis.window(
        group_by="rep_id",
        order_by=[
            t["_raised"],
            t["due_at"].asc(nulls_first=False),
            t["_tier"],
            t["_heat"].desc(nulls_first=False),
            t["handoff_id"],
        ],
    )
    return t.select(
        "rep_id",
        rank=ibis.row_number().over(order) + 1,
        account_id=t["account_id"],
        handoff_id=t["handoff_id"],
        reason=t["evidence_rule"],
        due_at=t["due_at"],
    )
