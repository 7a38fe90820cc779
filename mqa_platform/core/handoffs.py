"""Stage 6, handoffs: one an episode, on a named rep, with its SLA class and brief.

Belongs here: the entry to mqa as a handoff, and its state. Does not belong here: who gets it (``routing``),
its clocks (``clocks``), which stay empty here, or sending anything (``destinations``).
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.briefs import evidence_url
from mqa_platform.core.experiments import HELD_OUT, HOLDOUT
from mqa_platform.core.expressions import (
    day_text,
    first_match,
    identifier,
    in_force,
    newest_first,
    none_of_type,
)
from mqa_platform.core.plays import plays_of
from mqa_platform.policy.models import Policy


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
        episode_ended_on=on(over | refused | (t["to_stage"] == "customer")),
    )


def handoffs(
    entered: ir.Table,
    routes: ir.Table,
    transitions: ir.Table,
    scores: ir.Table,
    policy: Policy,
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
    plays = plays_of(t, policy).select("play", p_handoff="handoff_id")
    t = t.left_join(plays, t["handoff_id"] == plays["p_handoff"])
    tiers = policy.stages.tiers
    sla = first_match(
        [(t["evidence_rule"] == "hand_raise", ibis.literal(policy.stages.hand_raise_sla_hours))]
        + [(t["tier"] == name, ibis.literal(rule.sla_hours)) for name, rule in tiers],
        ibis.literal(tiers.programmatic.sla_hours),
    )
    later = none_of_type("timestamp('UTC')")
    # Nothing but somebody who asks to be called takes it from there.
    drawn = t["route_rule"] == HOLDOUT
    held_out = drawn & t["reassigned_on"].isnull()
    # Steps after the end of an episode still carry its number; they are not its outcome.
    won = t["ended_on"].isnull() & t["converted_on"].notnull() | (
        t["converted_on"] <= t["ended_on"]
    )
    return t.select(
        "handoff_id", "account_id", "motion", "episode", "rep_id", "first_rep_id", "route_rule",
        "exception_cause", "over_capacity", "reassigned_on", "reassign_reason", "tier", "created_on",
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
                (held_out, ibis.literal(HELD_OUT)),
                (t["accepted_on"].notnull(), ibis.literal("accepted")),
                (t["is_backlog"] & ~drawn, ibis.literal("backlog")),
            ],
            ibis.literal("open"),
        ),
        sla_met=none_of_type("boolean"),
        sla_hours=sla,
        # Backlog waits for its turn; see ``releases``.
        released_on=first_match(
            [(drawn, t["reassigned_on"]), (~t["is_backlog"], t["created_on"])],
            none_of_type("date"),
        ),
        evidence_rule=t["evidence_rule"],
        score=t["engagement_score"],
        momentum=t["momentum"],
        score_type=t["score_type"],
        play=t["play"],
        # Filled by ``briefs``, which reads what this one gives.
        brief=ibis.literal(""),
        evidence_url=evidence_url(t["handoff_id"], policy.program.evidence_base_url),
        policy_version=t["policy_version"],
    )  # fmt: skip


def rerouted(handoffs: ir.Table, routes: ir.Table) -> ir.Table:
    """The handoffs with who has them by other routes; everything else stays.

    Args:
        handoffs: as ``handoffs`` gives them.
        routes: as ``routing.Routed.routes`` gives them.
    """
    new = [c for c in routes.columns if c != "handoff_id"]
    r = routes.select(r_handoff="handoff_id", **{f"r_{c}": routes[c] for c in new})
    t = handoffs.left_join(r, handoffs["handoff_id"] == r["r_handoff"])
    return t.select(**{c: t[f"r_{c}"] if c in new else t[c] for c in handoffs.columns})
