"""Decisions: what was known of an account at the moment somebody acted on it.

Belongs here: which decisions are new, and what is written down with each. Does not belong here: writing
them (``assets``), or what today's tables say of them (``drift``).

A decision is written once. What it knew is the score, stage and receipt of its day as published then, the
touchpoints of the evidence window, and a fingerprint of every touchpoint of the look-back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.decision_texts import EVIDENCE, INPUTS, LINE, RECEIPTS
from mqa_platform.core.expressions import (
    identifier,
    in_force,
    newest_first,
    none_of_type,
    shard,
)
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.models import Policy

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
HANDOFF, DELIVERY, OVERRIDE, PROMOTION = "handoff", "delivery", "override", "promotion"
KINDS: Final = (HANDOFF, DELIVERY, OVERRIDE, PROMOTION)
# What stands in the place of a touchpoint of somebody who was erased.
ERASED: Final = "erased"
# Who or what a decision is about, with the types of a subject's columns.
_TYPES: Final = {
    "decision_id": "string", "kind": "string", "subject_id": "string", "account_id": "string",
    "motion": "string", "episode": "int64", "decided_at": "timestamp('UTC', 6)", "known_on": "date",
    "rep_id": "string", "evidence_rule": "string", "actor": "string", "reason": "string",
    "policy_version": "string",
}  # fmt: skip
SUBJECT: Final = tuple(_TYPES)


@dataclass(frozen=True)
class Versions:
    """What made the tables that a decision was read from: code, data, and the moment of the run."""

    code: str
    data: str
    at: datetime


@dataclass(frozen=True)
class Tables:
    """The published tables that say what is known of an account on a day."""

    account_fit: ir.Table
    scores: ir.Table
    score_receipts: ir.Table
    stages: ir.Table
    touchpoints: ir.Table


def of_handoffs(handoffs: ir.Table, versions: Versions) -> ir.Table:
    """Every handoff as a subject, decided in this run."""
    return _subjects(
        handoffs,
        HANDOFF,
        handoffs["handoff_id"],
        account_id=handoffs["account_id"],
        motion=handoffs["motion"],
        episode=handoffs["episode"],
        decided_at=ibis.literal(versions.at, type="timestamp('UTC')"),
        known_on=handoffs["created_on"],
        rep_id=handoffs["rep_id"],
        evidence_rule=handoffs["evidence_rule"],
        actor=ibis.literal("platform"),
        reason=handoffs["route_rule"],
        policy_version=handoffs["policy_version"],
    )


def of_deliveries(deliveries: ir.Table, handoffs: ir.Table, known_on: date) -> ir.Table:
    """Every handoff that somebody was told of as a subject, when he was told first.

    Args:
        deliveries: as published.
        handoffs: as published.
        known_on: the last published day.
    """
    d = deliveries.filter((deliveries["kind"] == HANDOFF) & deliveries["sent_at"].notnull())
    d = newest_first(d, ["handoff_id"], [d["sent_at"], d["channel"]])
    d = d.select("channel", "sent_at", "rep_id", of_handoff="handoff_id")
    h = handoffs.select("handoff_id", "account_id", "motion", "episode", "evidence_rule")
    d = d.join(h, [d["of_handoff"] == h["handoff_id"]])
    return _subjects(
        d,
        DELIVERY,
        d["handoff_id"],
        account_id=d["account_id"],
        motion=d["motion"],
        episode=d["episode"],
        decided_at=d["sent_at"],
        known_on=ibis.literal(known_on),
        rep_id=d["rep_id"],
        evidence_rule=d["evidence_rule"],
        actor=ibis.literal("platform"),
        reason=d["channel"],
    )


def of_overrides(overrides: ir.Table, motion: str) -> ir.Table:
    """Every override as a subject; one that is of all motions stands under the leading one."""
    return _subjects(
        overrides,
        OVERRIDE,
        overrides["override_id"],
        account_id=overrides["account_id"],
        motion=overrides["motion"].fill_null(motion),
        decided_at=overrides["at"],
        known_on=overrides["starts_on"],
        actor=overrides["by"],
        reason=overrides["action"] + ibis.literal(": ") + overrides["reason"].fill_null(""),
    )


def of_promotions(promotions: ir.Table) -> ir.Table:
    """Every policy that was promoted, and every revert, as a subject of no account."""
    t = promotions.filter(promotions["kind"] != "baseline")
    return _subjects(
        t,
        PROMOTION,
        t["promotion_id"],
        decided_at=t["promoted_at"],
        known_on=t["effective_from"],
        actor=t["author"],
        reason=t["rationale"],
        policy_version=t["version"],
    )


def _subjects(t: ir.Table, kind: str, subject: ir.StringValue, **told: ir.Value) -> ir.Table:
    told |= {"kind": ibis.literal(kind), "subject_id": subject}
    told["decision_id"] = identifier(ibis.literal(kind), subject)
    # Cast, because a union takes no column that may be null in one table only.
    given = {c: told.get(c, none_of_type(dtype)).cast(dtype) for c, dtype in _TYPES.items()}
    return t.select(**given)


def within_episode(known_on: ir.DateValue, handoffs: ir.Table) -> ir.BooleanValue:
    """Whether a day lies in the episode of a handoff: from its entry up to its end, the entry always."""
    running = handoffs["ended_on"].isnull() | (known_on < handoffs["ended_on"])
    entered = handoffs["created_on"]
    return (known_on == entered) | ((known_on >= entered) & running)


def not_acted_on(handoffs: ir.Table, decided: ir.Table) -> ir.Table:
    """The handoffs in whose episode no handoff has been decided.

    An episode whose entry late data, a correction or an erasure moved is the one that was acted on, as
    long as the day of the decision lies in it.
    """
    d = decided.filter(decided["kind"] == HANDOFF)
    d = d.select("known_on", d_account="account_id", d_motion="motion")
    met = handoffs.join(
        d, [handoffs["account_id"] == d["d_account"], handoffs["motion"] == d["d_motion"]]
    )
    met = met.filter(within_episode(met["known_on"], met))
    return handoffs.anti_join(met.select("handoff_id"), "handoff_id")


def undecided(subjects: ir.Table, decided: ir.Table) -> ir.Table:
    """The subjects that no decision has been written down for."""
    return subjects.anti_join(decided.select("decision_id"), "decision_id")


def decisions(
    subjects: ir.Table, tables: Tables, policy: Policy, versions: Versions, apply: Apply
) -> ir.Table:
    """Subjects with what was known of their account on ``known_on``; a row each, whatever is missing.

    ``subjects`` has the columns ``SUBJECT``; it is read several times, so it should be kept.
    """
    t = with_facts(subjects, tables)
    receipts = apply(RECEIPTS, _receipt_lines(subjects, tables.score_receipts), "shard")
    window = policy.stages.evidence_window_days
    evidence = apply(EVIDENCE, _evidence(subjects, tables.touchpoints, window), "shard")
    told = apply(INPUTS, inputs(subjects, tables.touchpoints, policy), "shard")
    for name, found in {"receipt": receipts, "evidence": evidence, "inputs": told}.items():
        found = found.rename({f"{name}_of": "decision_id"})
        t = t.left_join(found, t["decision_id"] == found[f"{name}_of"]).drop(f"{name}_of")
    nothing = ibis.literal("[]")
    return t.select(
        *SUBJECT[:-1],
        "score", "threshold", "tier", "fit_gate", "stage",
        known=ibis.literal('{"evidence":')
        + t["evidence"].fill_null(nothing)
        + ',"receipt":'
        + t["receipt"].fill_null(nothing)
        + "}",
        inputs=t["inputs"].fill_null(0),
        inputs_hash=t["inputs_hash"].fill_null(""),
        policy_version=ibis.coalesce(t["policy_version"], t["scored_under"], ibis.literal("")),
        code_version=ibis.literal(versions.code),
        data_version=ibis.literal(versions.data),
    )  # fmt: skip


def with_facts(subjects: ir.Table, tables: Tables) -> ir.Table:
    """Subjects with score, threshold, tier, fit_gate, stage and policy as published of their day."""
    s = tables.scores.select(
        "threshold", score="engagement_score", s_account="account_id", s_motion="motion",
        s_day="score_date", scored_under="policy_version",
    )  # fmt: skip
    g = tables.stages.select("stage", g_account="account_id", g_motion="motion", g_day="stage_date")
    a = tables.account_fit.select(
        "tier", "fit_gate", "valid_from", "valid_to", a_account="account_id", a_motion="motion"
    )
    held = subjects.select("decision_id", "account_id", "motion", "known_on")
    held = held.join(a, [held["account_id"] == a["a_account"], held["motion"] == a["a_motion"]])
    held = held.filter(in_force(held, held["known_on"]))
    held = held.select("tier", "fit_gate", h_decision="decision_id")
    t = subjects.left_join(
        s,
        [
            subjects["account_id"] == s["s_account"],
            subjects["motion"] == s["s_motion"],
            subjects["known_on"] == s["s_day"],
        ],
    )
    t = t.left_join(
        g,
        [
            t["account_id"] == g["g_account"],
            t["motion"] == g["g_motion"],
            t["known_on"] == g["g_day"],
        ],
    )
    t = t.left_join(held, t["decision_id"] == held["h_decision"])
    facts = ("score", "threshold", "tier", "fit_gate", "stage", "scored_under")
    return t.select(*subjects.columns, *facts)


def near(subjects: ir.Table, touchpoints: ir.Table, days: int) -> ir.Table:
    """(decision_id, signal_id, weight, inbound, shard): touchpoints of the days up to ``known_on``."""
    who = subjects.select("known_on", "decision_id", d_account="account_id")
    t = touchpoints.select(
        "signal_id", "account_id", "touchpoint_date", "direction", "share", "match_confidence"
    )
    t = t.join(who, t["account_id"] == who["d_account"])
    forgotten = t["touchpoint_date"] + ibis.interval(days=days)
    t = t.filter((t["touchpoint_date"] <= t["known_on"]) & (t["known_on"] < forgotten))
    return t.select(
        "decision_id",
        "signal_id",
        weight=t["share"] * t["match_confidence"],
        inbound=t["direction"] == "inbound",
        shard=shard(t["decision_id"]),
    )


def inputs(subjects: ir.Table, touchpoints: ir.Table, policy: Policy) -> ir.Table:
    """What the fingerprint of a decision is made of: every touchpoint of its look-back."""
    found = near(subjects, touchpoints, policy.signals.lookback_days)
    return found.select("decision_id", "signal_id", "weight", "shard")


def _evidence(subjects: ir.Table, touchpoints: ir.Table, days: int) -> ir.Table:
    found = near(subjects, touchpoints, days)
    found = found.filter(found["inbound"])
    return found.select("decision_id", "signal_id", "shard").distinct()


def _receipt_lines(subjects: ir.Table, receipts: ir.Table) -> ir.Table:
    r = receipts.select(*LINE, r_account="account_id", r_motion="motion", r_day="score_date")
    t = subjects.join(
        r,
        [
            subjects["account_id"] == r["r_account"],
            subjects["motion"] == r["r_motion"],
            subjects["known_on"] == r["r_day"],
        ],
    )
    return t.select("decision_id", *LINE, shard=shard(t["decision_id"]))
