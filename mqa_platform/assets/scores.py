"""Stage 4 as an asset: scores and their receipts for the days, and the people behind them.

Belongs here: ``scores``, ``score_receipts`` and ``people``; which days late data re-opens. Does not belong
here: the arithmetic (``core``).
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, timedelta
from functools import reduce
from typing import Any

import dagster as dg
import ibis
import ibis.expr.types as ir

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.registry import ASSET_OF, spec
from mqa_platform.assets.reporting import Outcome, check_specs, run_step
from mqa_platform.assets.signals import as_one
from mqa_platform.core import scores as core
from mqa_platform.core.accounts import in_motion
from mqa_platform.core.activation import activation_lists
from mqa_platform.core.participation import EXPANSION, customers, ever_customers
from mqa_platform.core.people import people
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.sources.lateness import TOUCHED

TABLES = ["scores", "score_receipts", "people", "activation_lists"]


def days_to_score(step: Step, window: Window, asked: date | None = None) -> list[date]:
    """The window, and every published day whose look-back holds a touchpoint that changed.

    The longest look-back of all policies counts. From ``asked`` on, as by a promoted policy or a change of
    the CRM, it is every published day.
    """
    published = step.session.days("scores")
    lookback = max(p.signals.lookback_days for p in step.policies.versions().values())
    days = set(window.days()) | {d for d in published if asked is not None and d >= asked}
    touched, last = sorted(step.session.asked(TOUCHED)), date.min
    for day in published:
        while touched and touched[0] <= day:
            last = touched.pop(0)
        if last > date.min and day < last + timedelta(days=lookback):
            days.add(day)
    return sorted(days)


def stretches(days: Sequence[date], published: Collection[date]) -> list[list[date]]:
    """The days, cut where a published day that stays as it is lies between them."""
    chosen = set(days)
    found: list[list[date]] = [[]]
    for day in sorted(chosen | set(published)):
        if day in chosen:
            found[-1].append(day)
        elif found[-1]:
            found.append([])
    return [part for part in found if part]


def scored(step: Step, days: Sequence[date]) -> tuple[ir.Table, ir.Table]:
    """Scores and receipts of the days: of every motion, each day under the policy in force on it."""
    whole = Window(min(days), max(days) + ONE_DAY)
    found: list[tuple[ir.Table, ir.Table]] = []
    for motion in step.policies.motions:
        touchpoints, accounts = _taking_part(step, motion)
        for span in step.policies.spans(whole, motion):
            its = [d for d in days if span.window.contains(d)]
            if not its:
                continue
            lines = core.score_lines(touchpoints, span.policy, its, step.session.apply)
            lines = _on_its_days(step, motion, lines)
            health = step.table("source_health")
            found.append(
                (
                    core.scores(lines, accounts, span.policy, span.version, health),
                    core.score_receipts(lines, accounts, span.policy),
                )
            )
    totals, receipts = zip(*found, strict=True)
    return reduce(ir.Table.union, totals), reduce(ir.Table.union, receipts)


def _taking_part(step: Step, motion: str) -> tuple[ir.Table, ir.Table]:
    """The touchpoints of all who can be in a motion, and the accounts as the motion sees them."""
    touchpoints, accounts = step.table("touchpoints"), step.table("accounts")
    seen = in_motion(accounts, step.table("account_fit"), motion)
    if motion != EXPANSION:
        return touchpoints, seen
    who = ever_customers(accounts, step.table("crm_opportunities"))
    return touchpoints.semi_join(who, "account_id"), seen


def _on_its_days(step: Step, motion: str, lines: ir.Table) -> ir.Table:
    if motion != EXPANSION:
        return lines
    days = lines.select("account_id", day="score_date")
    mine = customers(days, step.table("accounts"), step.table("crm_opportunities"))
    return lines.semi_join(mine, [("account_id", "account_id"), ("score_date", "day")])


def lists(step: Step, as_of: date) -> ir.Table:
    """Whom marketing should reach, in every motion, as of a day.

    A customer is on no list of new business, and only customers are on those of expansion.
    """
    parts = []
    for motion in step.policies.motions:
        touchpoints, accounts = _taking_part(step, motion)
        days = accounts.select("account_id", day=ibis.literal(as_of)).distinct()
        mine = customers(days, step.table("accounts"), step.table("crm_opportunities"))
        taking = accounts.semi_join if motion == EXPANSION else accounts.anti_join
        for span in step.policies.spans(Window.of(as_of, as_of), motion):
            parts.append(
                activation_lists(
                    touchpoints,
                    taking(mine, "account_id"),
                    step.table("scores"),
                    span.policy,
                    as_of,
                    step.session.apply,
                )
            )
    return reduce(ir.Table.union, parts)


def scores(step: Step, window: Window) -> Outcome:
    """Publishes the scores of the days; whoever reads them is asked again where they changed."""
    asked = step.session.reopened("scores")
    days = days_to_score(step, window, asked)
    span = Window(days[0], days[-1] + ONE_DAY)
    parts = []
    # The last days first: what was asked for is settled with the first of them, when all are published.
    for its in reversed(stretches(days, step.session.days("scores"))):
        totals, receipts = scored(step, its)
        is_last = its[0] == days[0]
        published = step.publish(
            Window(its[0], its[-1] + ONE_DAY),
            {"scores": totals, "score_receipts": receipts},
            days=its,
            reopens=("stages",),
            settles="scores" if is_last else None,
            # What was asked of days before the first published one is answered too.
            from_day=min(its[0], asked or its[0]) if is_last else None,
            answers=(TOUCHED,) if is_last else (),
        )
        parts.append(published)
    published = [as_one(same) for same in zip(*parts, strict=True)]
    as_of = max(days[-1], *step.session.days("scores"), window.lo)
    contacts, touchpoints = step.table("crm_contacts"), step.table("touchpoints")
    told = people(touchpoints, contacts, step.policy, as_of, step.session.apply)
    published += step.publish(None, {"people": told, "activation_lists": lists(step, as_of)})
    s = step.table("scores")
    s = s.filter((s["score_date"] >= window.lo) & (s["score_date"] < window.hi))
    above = s.group_by("score_date").aggregate(n=(s["engagement_score"] >= s["threshold"]).sum())
    by_day = {
        r["score_date"]: {"above_threshold": int(r["n"] or 0)} for r in step.session.rows(above)
    }
    versions = sorted({s.version for s in step.policies.spans(span)})
    facts = {"days_scored": len(days), "policy_version": ", ".join(versions)}
    return Outcome(published, facts, by_day)


def asset(partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset over the given daily partitions."""

    @dg.multi_asset(
        specs=[spec("scores", partitions)],
        check_specs=check_specs("scores", *TABLES),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        name="scores",
    )
    def _scores(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
        yield from run_step(context, platform, {"scores": TABLES}, ASSET_OF, scores)

    return _scores
