"""Stage 5, stages: the fold's answer as tables, and the state that a run starts from.

Belongs here: shaping what the fold says. Does not belong here: the facts (``stage_facts``), the rules
(``rules``) or the walk over days (``fold``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, none_of_type, shard
from mqa_platform.core.fold import FACT_COLUMNS, fold_kernel
from mqa_platform.core.history import Span
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.overrides import suppressed_days
from mqa_platform.core.stage_facts import STATE_COLUMNS, fact_type
from mqa_platform.core.stage_facts import Crm as Crm
from mqa_platform.core.stage_facts import facts as facts
from mqa_platform.core.subtrees import families

Apply = Callable[[Kernel, ir.Table, str], ir.Table]


def before(stages: ir.Table, day: date, motion: str) -> ir.Table:
    """The state of every account in a motion after a published day, as rows the fold starts from."""
    known = stages.filter((stages["stage_date"] <= day) & (stages["motion"] == motion))
    # An account that the CRM lost for some days comes back with the state it had.
    last = known.group_by("account_id").aggregate(stage_date=known["stage_date"].max())
    held = known.semi_join(last, ["account_id", "stage_date"])
    given = {"account_id": held["account_id"], "day": held["stage_date"]}
    given |= {c: held[c] for c in STATE_COLUMNS}
    blanks = {c: none_of_type(fact_type(c)) for c in FACT_COLUMNS if c not in given}
    return held.select(**given, **blanks).select(*FACT_COLUMNS)


def stage_lines(
    facts: ir.Table,
    start: ir.Table | None,
    spans: Sequence[Span],
    backlog_days: Collection[date],
    apply: Apply,
    relations: ir.Table | None = None,
) -> ir.Table:
    """The fold's lines of one motion for the days of the facts.

    Args:
        facts: of ``facts``.
        start: of ``before``; None at the beginning of the history.
        spans: the policies of the motion in force on the days.
        backlog_days: the first day of the history and those of promotions, see ``fold_kernel``.
        apply: runs a kernel.
        relations: who stands above whom; a family is folded together. None where nobody does.
    """
    rows = facts if start is None else facts.union(start)
    together = rows["account_id"]
    if relations is not None:
        rows = rows.left_join(families(relations), [("account_id", "member")])
        together = ibis.coalesce(rows["family"], rows["account_id"])
    given = rows.select(*FACT_COLUMNS, shard=shard(together))
    return apply(fold_kernel(spans, backlog_days), given, "shard")


def _version(day: ir.DateValue, spans: Sequence[Span]) -> ir.StringValue:
    """The version in force on a day."""
    later = [(day >= s.window.lo, ibis.literal(s.version)) for s in reversed(spans[1:])]
    return first_match(later, ibis.literal(spans[0].version))


def stages(lines: ir.Table, suppressions: ir.Table, motion: str, spans: Sequence[Span]) -> ir.Table:
    """One row an account and day: the rung it stands on at the end of the day, and what stands beside it.

    Args:
        lines: of ``stage_lines``.
        suppressions: of ``overrides.suppressions``.
        motion: the motion of the lines.
        spans: as for the lines.
    """
    t = lines.filter(lines["kind"] == "state")
    held = suppressed_days(t.select("account_id", "day"), suppressions, motion)
    held = held.rename(held_account="account_id", held_day="day")
    t = t.left_join(held, [("account_id", "held_account"), ("day", "held_day")])
    return t.select(
        "account_id",
        motion=ibis.literal(motion),
        stage_date=t["day"],
        stage=t["stage"],
        entered_on=t["entered_on"],
        episode=t["episode"],
        episode_tier=t["episode_tier"],
        reason=t["reason"],
        child_mqa=t["child_mqa"],
        suppression_reason=t["suppression_reason"],
        suppressed_until=t["suppressed_until"],
        suppressed_by=t["suppressed_by"],
        **{
            c: t[c]
            for c in STATE_COLUMNS
            if c not in ("stage", "entered_on", "episode", "episode_tier", "reason")
        },
        policy_version=_version(t["day"], spans),
    )


def stage_transitions(
    lines: ir.Table, moments: ir.Table, motion: str, spans: Sequence[Span]
) -> ir.Table:
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
        motion=ibis.literal(motion),
        changed_on=t["day"],
        seq=t["seq"],
        from_stage=t["from_stage"],
        to_stage=t["stage"],
        rule=t["rule"],
        reason=t["reason"],
        evidence=t["evidence"],
        episode=t["episode"],
        episode_tier=t["episode_tier"],
        qualified_at=ibis.ifelse(t["stage"] == "mqa", at, ibis.null("timestamp('UTC')")),
        policy_version=_version(t["day"], spans),
    )
