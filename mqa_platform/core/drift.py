"""Drift: each decision against what today's tables say of the same account and day.

Belongs here: score, stage and entry then and now, and why they differ. Does not belong here: writing
decisions down (``decisions``), or changing anything because of the difference: what was done stays done.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from mqa_platform.core.decision_texts import INPUTS
from mqa_platform.core.decisions import (
    ERASED,
    HANDOFF,
    Apply,
    Tables,
    inputs,
    with_facts,
    within_episode,
)
from mqa_platform.core.expressions import first_match
from mqa_platform.policy.models import Policy

# Why today says otherwise, in the order in which they are asked; the first that holds is the cause.
CAUSES = ("erased", "policy", "code", "late_data", "identity", "crm")
_KEY = (
    "decision_id", "kind", "subject_id", "account_id", "motion", "episode", "decided_at", "known_on"
)  # fmt: skip


def arrivals(touchpoints: ir.Table, signals: ir.Table, batches: ir.Table) -> ir.Table:
    """Touchpoints with when the batch of their signal was entered in the ledger, and what was published then."""
    told = ("landed_at", "published_from", "published_to")
    b = batches.select(*told, of_batch="batch_id").distinct()
    s = signals.select("batch_id", of_signal="signal_id")
    s = s.join(b, s["batch_id"] == b["of_batch"]).select("of_signal", *told)
    t = touchpoints.join(s, touchpoints["signal_id"] == s["of_signal"])
    return t.select(*touchpoints.columns, *told)


def decision_drift(
    decided: ir.Table,
    handoffs: ir.Table,
    tables: Tables,
    arrived: ir.Table,
    policy: Policy,
    code: str,
    apply: Apply,
) -> ir.Table:
    """One row a decision about an account: then, now, and the cause of a difference.

    Args:
        decided: every decision.
        handoffs: as they are made from today's tables.
        tables: as published today.
        arrived: of ``arrivals``.
        policy: says how far back a score looks.
        code: the version of the code that made today's tables.
        apply: runs kernels.
    """
    d = decided.filter(decided["account_id"].notnull())
    then = d.select(
        *_KEY, "evidence_rule", inputs_then="inputs", hash_then="inputs_hash",
        under_then="policy_version", code_then="code_version", score_then="score",
        threshold_then="threshold", stage_then="stage", tier_then="tier", gate_then="fit_gate",
        is_erased=d["known"].contains(f'"{ERASED}"'),
    )  # fmt: skip
    t = with_facts(then, tables).rename(
        score_now="score", threshold_now="threshold", stage_now="stage", tier_now="tier",
        gate_now="fit_gate", under_now="scored_under",
    )  # fmt: skip
    t = _with_inputs(t, d, arrived, policy, apply)
    h = _entries_now(d, handoffs)
    t = t.left_join(h, t["decision_id"] == h["of_decision"])
    t = t.mutate(qualified_now=t["created_on"], is_handoff=t["kind"] == HANDOFF)
    later = t["qualified_now"].isnull() | (t["qualified_now"] > t["known_on"])
    entry_differs = t["is_handoff"] & (
        t["qualified_now"].isnull() | (t["qualified_now"] != t["known_on"])
    )
    facts_differ = (
        _differ(t["score_then"], t["score_now"])
        | _differ(t["stage_then"], t["stage_now"])
        | _differ(t["threshold_then"], t["threshold_now"])
        | _differ(t["tier_then"], t["tier_now"])
        | _differ(t["gate_then"], t["gate_now"])
    )
    t = t.mutate(drifted=facts_differ | entry_differs)
    held = {
        "erased": t["is_erased"],
        "policy": _differ(t["under_then"], t["under_now"]) & t["under_now"].notnull(),
        "code": t["code_then"] != ibis.literal(code),
        "late_data": t["late_inputs"] > 0,
        "identity": t["hash_then"] != t["hash_now"],
    }
    cause = first_match(
        [(holds, ibis.literal(n)) for n, holds in held.items()], ibis.literal("crm")
    )
    return t.select(
        *_KEY, "score_then", "score_now", "threshold_then", "threshold_now", "stage_then", "stage_now",
        "tier_then", "tier_now", "late_inputs",
        qualified_now=ibis.ifelse(t["is_handoff"], t["qualified_now"], ibis.null("date")),
        still_qualifies=ibis.ifelse(t["is_handoff"], ~later, ibis.null("boolean")),
        drifted=t["drifted"],
        cause=ibis.ifelse(t["drifted"], cause, ibis.null("string")),
    )  # fmt: skip


def _entries_now(decided: ir.Table, handoffs: ir.Table) -> ir.Table:
    """(of_decision, created_on): the entry of the episode that holds the day of a handoff's decision.

    Where no episode holds it any more, the first entry after it.
    """
    d = decided.filter(decided["kind"] == HANDOFF)
    d = d.select("known_on", "account_id", "motion", of_decision="decision_id")
    h = handoffs.select("created_on", "ended_on", h_account="account_id", h_motion="motion")
    t = d.join(h, [d["account_id"] == h["h_account"], d["motion"] == h["h_motion"]])
    t = t.filter(within_episode(t["known_on"], t) | (t["created_on"] > t["known_on"]))
    return t.group_by("of_decision").aggregate(created_on=t["created_on"].min())


def _with_inputs(
    t: ir.Table, decided: ir.Table, arrived: ir.Table, policy: Policy, apply: Apply
) -> ir.Table:
    """With the fingerprint of what had landed when it was decided, and how many landed later."""
    who = decided.select("decision_id", "known_on", "account_id", "decided_at")
    when = who.select("decided_at", w_decision="decision_id")
    landed = arrived.select("signal_id", "landed_at").distinct()
    landed = landed.rename(l_signal="signal_id")
    every = inputs(who, arrived, policy)
    every = every.join(when, every["decision_id"] == when["w_decision"])
    every = every.join(landed, every["signal_id"] == landed["l_signal"])
    in_time = every["landed_at"] <= every["decided_at"]
    known = every.filter(in_time).select("decision_id", "signal_id", "weight", "shard")
    now = apply(INPUTS, known, "shard")
    now = now.select(hash_now="inputs_hash", n_decision="decision_id")
    late = every.group_by(c_decision="decision_id").aggregate(late=ibis.ifelse(in_time, 0, 1).sum())
    t = t.left_join(now, t["decision_id"] == now["n_decision"])
    t = t.left_join(late, t["decision_id"] == late["c_decision"])
    return t.mutate(late_inputs=t["late"].fill_null(0), hash_now=t["hash_now"].fill_null(""))


def _differ(one: ir.Value, other: ir.Value) -> ir.BooleanValue:
    """Whether two values differ; null is a value like any other."""
    same = (one == other).fill_null(False) | (one.isnull() & other.isnull())
    return ~same
