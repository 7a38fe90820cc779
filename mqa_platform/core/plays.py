"""Plays: which accounts are in which play on which days, and the play of a handoff.

Belongs here: the policy's table applied to every published day, as dated spans. Does not belong here: what a
play is (``policy.plays``), who of the account is in an audience (``audiences``), or sending anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.experiments import HELD_OUT
from mqa_platform.core.expressions import first_match, in_force, none_of_type, one_of
from mqa_platform.policy.models import Policy
from mqa_platform.policy.plays import NONE, PlayRule
from mqa_platform.policy.transitions import STAGES

_KEY: Final = ("account_id", "motion")

_AXES: Final = ("tier", "score_type", "stage", "evidence")


def plays_of(handoffs: ir.Table, policy: Policy) -> ir.Table:
    """(handoff_id, play, kind, touches, people, days): the leading play at entry, nulls where none.

    Args:
        handoffs: of one motion: handoff_id, tier, score_type, evidence_rule.
        policy: of that motion.
    """
    t = handoffs.select(
        "handoff_id", "tier",
        score_type=handoffs["score_type"].fill_null(NONE),
        stage=ibis.literal("mqa"),
        evidence=handoffs["evidence_rule"].fill_null(NONE),
    )  # fmt: skip
    rules = policy.plays.rules
    t = t.mutate(play=_chosen(t, rules, [r.plays[0] if r.plays else None for r in rules]))
    plays = policy.plays.plays
    follow = {n: p.follow_up for n, p in plays.items() if p.follow_up is not None}

    def asked(field: str) -> ir.IntegerValue:
        cases = [(t["play"] == n, ibis.literal(getattr(f, field))) for n, f in follow.items()]
        return first_match(cases, none_of_type("int64")).cast("int64")

    kinds = [(t["play"] == name, ibis.literal(play.kind)) for name, play in plays.items()]
    return t.select(
        "handoff_id",
        "play",
        kind=first_match(kinds, none_of_type("string")),
        touches=asked("touches"),
        people=asked("people"),
        days=asked("days"),
    )


def placed(
    stages: ir.Table, scores: ir.Table, account_fit: ir.Table, handoffs: ir.Table, policy: Policy
) -> ir.Table:
    """(account_id, motion, day, rule): the rule that each account is under on each day.

    Only rows of stages that have a play in some combination. A suppressed account is left out: whom we may not
    work is in no play, and one that an experiment holds out is in none of those of its episode.

    Args:
        stages: the published days of one motion that were run under one policy.
        scores: the published scores.
        account_fit: tier by motion with history.
        handoffs: all handoffs, for the evidence of the episodes.
        policy: of that motion.
    """
    s = scores.select("score_type", s_id="account_id", s_motion="motion", s_day="score_date")
    f = account_fit.select("tier", "valid_from", "valid_to", f_id="account_id", f_motion="motion")
    e = handoffs.select(
        "evidence_rule", e_id="account_id", e_motion="motion", e_episode="episode",
        is_held=handoffs["status"] == HELD_OUT,
    )  # fmt: skip
    worked = {stage for stage in STAGES if _has_plays(policy, stage)}
    # Most rows are of accounts that nothing is done with; they need no joins.
    stages = stages.filter(one_of(stages["stage"], worked) & ~_suppressed(stages))
    t = stages.select(*_KEY, "stage_date", "stage", "episode", "episode_tier")
    t = t.left_join(s, [("account_id", "s_id"), ("motion", "s_motion"), ("stage_date", "s_day")])
    t = t.left_join(e, [("account_id", "e_id"), ("motion", "e_motion"), ("episode", "e_episode")])
    held = t.select(*_KEY, "stage_date").join(f, [("account_id", "f_id"), ("motion", "f_motion")])
    held = held.filter(in_force(held, held["stage_date"]))
    held = held.select("tier", h_id="account_id", h_motion="motion", h_day="stage_date")
    t = t.left_join(held, [("account_id", "h_id"), ("motion", "h_motion"), ("stage_date", "h_day")])
    in_episode = one_of(t["stage"], ("mqa", "sales_accepted", "sales_qualified", "opportunity"))
    t = t.filter(~(in_episode & t["is_held"].fill_null(False)))
    t = t.select(
        *_KEY, "stage",
        day=t["stage_date"],
        tier=ibis.coalesce(
            ibis.ifelse(in_episode, t["episode_tier"], none_of_type("string")),
            t["tier"],
            ibis.literal("programmatic"),
        ),
        score_type=t["score_type"].fill_null(NONE),
        evidence=ibis.ifelse(in_episode, t["evidence_rule"].fill_null(NONE), NONE),
    )  # fmt: skip
    rules = policy.plays.rules
    rule = _chosen(t, rules, [r.name for r in rules])
    return t.select(*_KEY, "day", rule=rule)


def _suppressed(stages: ir.Table) -> ir.BooleanValue:
    ends = stages["suppressed_until"]
    lasts = ends.isnull() | (stages["stage_date"] < ends)
    return (stages["suppression_reason"].notnull() & lasts).fill_null(False)


def _has_plays(policy: Policy, stage: str) -> bool:
    return any(
        rule.plays and (not rule.stages or stage in rule.stages) for rule in policy.plays.rules
    )


def _chosen(
    t: ir.Table, rules: Sequence[PlayRule], answers: Sequence[str | None]
) -> ir.StringValue:
    """The answer of the first rule that fits each row; null where it has none."""
    cases = []
    for rule, answer in zip(rules, answers, strict=True):
        asked: list[Sequence[str]] = [rule.tiers, rule.score_types, rule.stages, rule.evidence]
        holds: ir.BooleanValue = ibis.literal(True)
        for column, wanted in zip(_AXES, asked, strict=True):
            if wanted:
                holds = holds & one_of(t[column], wanted)
        said = none_of_type("string") if answer is None else ibis.literal(answer)
        cases.append((holds.fill_null(False), said))
    return first_match(cases, none_of_type("string"))


def in_plays(rows: ir.Table, policy: Policy) -> ir.Table:
    """(account_id, motion, day, play, kind, frequency_per_week, reason) of ``placed`` rows, one a play."""
    t = rows.filter(rows["rule"].notnull())
    most = max((len(r.plays) for r in policy.plays.rules), default=0)
    parts = []
    for place in range(max(most, 1)):
        cases = [
            (t["rule"] == r.name, ibis.literal(r.plays[place]))
            for r in policy.plays.rules
            if len(r.plays) > place
        ]
        parts.append(t.mutate(play=first_match(cases, none_of_type("string")).cast("string")))
    told = parts[0]
    for part in parts[1:]:
        told = told.union(part)
    told = told.filter(told["play"].notnull())
    plays = policy.plays.plays
    kinds = [(told["play"] == n, ibis.literal(p.kind)) for n, p in plays.items()]
    often = [
        (told["play"] == n, ibis.literal(p.frequency_per_week))
        for n, p in plays.items()
        if p.frequency_per_week is not None
    ]
    return told.select(
        *_KEY, "day", "play",
        kind=first_match(kinds, none_of_type("string")).cast("string"),
        frequency_per_week=first_match(often, none_of_type("int64")).cast("int64"),
        reason=told["rule"],
    )  # fmt: skip


def play_enrollments(enrolled: ir.Table, days: ir.Table) -> ir.Table:
    """The dated spans: account_id, motion, play, kind, frequency_per_week, enrolled_on, left_on, reason.

    A span ends on the first published day without the play; days that were never run end nothing. The
    reason is the rule by which it began.

    Args:
        enrolled: ``in_plays`` of all motions and policies.
        days: (motion, day): the published days.
    """
    order = ibis.window(group_by="motion", order_by="day")
    d = days.distinct()
    d = d.mutate(at=ibis.row_number().over(order), following=d["day"].lead().over(order))
    d = d.rename(d_motion="motion", d_day="day")
    t = enrolled.join(d, [("motion", "d_motion"), ("day", "d_day")])
    key = (*_KEY, "play")
    each = ibis.window(group_by=key, order_by="day")
    t = t.mutate(before=t["at"].lag().over(each))
    t = t.mutate(begins=ibis.ifelse(t["before"].isnull() | (t["before"] < t["at"] - 1), 1, 0))
    running = ibis.window(group_by=key, order_by="day", preceding=None, following=0)
    t = t.mutate(span=t["begins"].sum().over(running))
    first = t.filter(t["begins"] == 1).select(
        *key, "span", "kind", "frequency_per_week", "reason", enrolled_on="day"
    )
    ends = t.group_by(e_account="account_id", e_motion="motion", e_play="play", e_span="span")
    ends = ends.aggregate(last_day=t["day"].max())
    out = first.join(
        ends,
        [
            ("account_id", "e_account"),
            ("motion", "e_motion"),
            ("play", "e_play"),
            ("span", "e_span"),
        ],
    )
    after = d.select("following", a_motion="d_motion", a_day="d_day")
    out = out.left_join(after, [("motion", "a_motion"), ("last_day", "a_day")])
    return out.select(
        *key, "kind", "frequency_per_week", "enrolled_on", left_on=out["following"],
        reason=out["reason"],
    )  # fmt: skip
