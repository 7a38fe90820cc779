"""Two policies over the same days, in shadow tables: who enters and who leaves.

Belongs here: making the shadows and running scores and stages in them. Does not belong here: what the
difference means in figures (``policy_comparison``), or a whole pipeline from landing (``shadows``).

A shadow is a copy of the published tables. The live warehouse is read for it and never written, and no run
is recorded: nothing that is served has changed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import ibis.expr.types as ir

from mqa_platform.assets.accounts import judged, outside
from mqa_platform.assets.platform import Step
from mqa_platform.assets.routing import entries_and_routes
from mqa_platform.assets.scores import scores
from mqa_platform.assets.stages import stages
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core import conversions as outcomes
from mqa_platform.core.expressions import in_force
from mqa_platform.core.history import Effective, PolicyHistory
from mqa_platform.core.stages import Crm
from mqa_platform.core.window import ONE_DAY, Window
from mqa_platform.evaluation.scratch import land_rows
from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy, policy_version
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import load_copy, load_history, promotions
from mqa_platform.sources.schemas import LANDED, delivered
from mqa_platform.storage import WAREHOUSE_VARIABLE, open_warehouse
from mqa_platform.warehouse import SnapshotMissingError
from mqa_platform.warehouse.duckdb import DuckDBWarehouse
from mqa_platform.warehouse.snapshot import refresh_snapshot, seed_from_snapshot

LIVE = "live"
_DAILY = {
    "scores": "score_date",
    "score_receipts": "score_date",
    "stages": "stage_date",
    "stage_transitions": "changed_on",
}
# Single events and visits: scores need none of them, and a copy is one more place with addresses.
_NOT_NEEDED = (
    "signals", "sessions", "unresolved_signals", "dropped_signals", "quarantined_signals",
    "late_arrivals",
)  # fmt: skip
Tell = Callable[[str], None]
Rows = list[dict[str, Any]]


class ReplayError(Exception):
    """The replay cannot be made; nothing was written."""


@dataclass(frozen=True)
class Side:
    """One of the two policies, with the history that is supposed: live until the window, then it."""

    name: str
    version: str
    policy: Policy
    history: PolicyHistory


@dataclass(frozen=True)
class Replayed:
    """What came of one side: entries to mqa in the window, their outcomes, and the stages at its end.

    ``capacity`` is how many accounts a week the CRM says each active rep can take, ``queues`` are where
    accounts go that no rep gets, and ``as_of`` is the last published day: outcomes after it are not known.
    """

    side: Side
    home: Home
    entries: Rows
    outcomes: Rows
    last_stages: Rows
    capacity: dict[str, int | None]
    queues: frozenset[str]
    as_of: date


def named_side(home: Home, wanted: str, window: Window) -> Side:
    """A policy by what a person calls it: ``live``, a folder, or the (start of a) version.

    Live is what is in force on the last day of the window, whatever was promoted for later.

    Raises:
        ReplayError: no such folder or version.
        PolicyError: the policy is not valid.
    """
    live = load_history(home)
    if wanted == LIVE:
        now = live.effective_on(window.hi - ONE_DAY)
        return Side(LIVE, now.version, now.policy, live)
    policy, version = _policy(home, wanted)
    now_reads = live.entries[-1].policy
    reading = {"sources": now_reads.sources, "mapping": now_reads.mapping}
    policy = policy.model_copy(update=reading)
    # Before the window what was in force stays so: this is what a promotion on its first day would do.
    before = [e for e in live.entries if e.effective_from < window.lo]
    history = PolicyHistory((*before, Effective(window.lo, policy, version)))
    return Side(wanted, version, policy, history)


def _policy(home: Home, wanted: str) -> tuple[Policy, str]:
    folder = Path(wanted)
    if folder.is_dir():
        policy = load_policy(folder)
        return policy, policy_version(policy)
    kept = {p.version: p for p in promotions(home)}
    found = [v for v in kept if len(wanted) >= 4 and v.startswith(wanted)]
    if len(found) == 1:
        return load_copy(home, kept[found[0]]), found[0]
    known = ", ".join([LIVE, *kept])
    raise ReplayError(f"{wanted!r} is no policy folder and no promoted version; there are {known}")


def replay(home: Home, side: Side, window: Window, tell: Tell = lambda _: None) -> Replayed:
    """Scores and stages of the window under one side, in a shadow.

    Raises:
        ReplayError: the window has days that are not published.
        SnapshotMissingError: no run has finished yet.
    """
    shadow = _shadow(home, f"diff-{LIVE if side.name == LIVE else side.version}")
    warehouse = DuckDBWarehouse(shadow.warehouse, load_contracts(), LANDED)
    with warehouse.session() as session:
        step = Step(session, shadow, side.policy, side.version, "replay", supposed=side.history)
        last = _prepare(step, window)
        tell(f"{side.name}: accounts")
        found, fit = judged(step, outside(step))
        step.publish(None, {"accounts": found, "account_fit": fit})
        for name, work in (("scores", scores), ("stages", stages)):
            tell(f"{side.name}: {name}")
            work(step, window)
        answer = _answer(step, side, shadow, window, last)
        refresh_snapshot(session, shadow.snapshot)
    return answer


def _shadow(home: Home, name: str) -> Home:
    """A home with a copy of the live published tables as its warehouse."""
    root = home.shadows / name
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    shadow = Home(root, home.data)
    snapshot = home.snapshot
    if os.environ.get(WAREHOUSE_VARIABLE):
        snapshot = root / "live.duckdb"
        with open_warehouse(home).session() as session:
            session.copy_published(str(snapshot))
    if not snapshot.is_file():
        raise SnapshotMissingError("no run has finished yet: mqa run --from DAY --to DAY")
    seed_from_snapshot(snapshot, shadow.warehouse, _NOT_NEEDED)
    if snapshot != home.snapshot:
        snapshot.unlink()
    return shadow


def _prepare(step: Step, window: Window) -> date:
    """The state before the window as published, nothing after it, and the overrides that were landed.

    Answers the last day that was published.
    """
    days = step.session.rows(step.table("stages").select("stage_date").distinct())
    known = sorted(r["stage_date"] for r in days)
    if not known or window.lo < known[0] or window.hi - ONE_DAY > known[-1]:
        there = f"{known[0]} to {known[-1]}" if known else "none"
        raise ReplayError(f"{window} has days that are not published; there are {there}")
    before = window.lo - ONE_DAY
    if known[0] <= before:
        _republish(step, Window.of(before, before), [before], keep=True)
    if window.hi <= known[-1]:
        _republish(step, Window.of(window.hi, known[-1]), [], keep=False)
    overrides = step.session.arrow(step.table("overrides"))
    if overrides.num_rows:
        schema = delivered("landed_overrides")
        rows = [{"source": "overrides", **r} for r in overrides.to_pylist()]
        landed = overrides.schema.empty_table().from_pylist(rows, schema=schema)
        land_rows(step.session, "overrides", {"landed_overrides": landed}, window.lo)
    last: date = known[-1]
    return last


def _republish(step: Step, window: Window, days: list[date], *, keep: bool) -> None:
    tables = {}
    for name, column in _DAILY.items():
        t = step.table(name)
        inside = (t[column] >= window.lo) & (t[column] < window.hi)
        tables[name] = t.filter(inside) if keep else t.limit(0)
    step.publish(window, tables, days=days)


def _answer(step: Step, side: Side, shadow: Home, window: Window, as_of: date) -> Replayed:
    entered, routes = entries_and_routes(step)
    crm = Crm(*(step.table(t) for t in ("crm_accounts", "crm_opportunities", "crm_activities")))
    told = outcomes.conversions(entered, routes, step.table("scores"), crm, side.policy)
    inside = entered.filter(entered["created_on"] >= window.lo)
    both = inside.join(routes, "handoff_id")
    states = step.table("stages")
    last = states.filter(states["stage_date"] == window.hi - ONE_DAY)
    return Replayed(
        side,
        shadow,
        step.session.rows(_plain(both)),
        step.session.rows(told.filter(told["mqa_on"] >= window.lo)),
        step.session.rows(last.select("account_id", "motion", "stage", "mqa_on")),
        {u["user_id"]: u["capacity_per_week"] for u in step.session.rows(_reps(step, window))},
        _queues(side),
        as_of,
    )


def _reps(step: Step, window: Window) -> ir.Table:
    """Who works here on the last day of the window."""
    u = step.table("capacity")
    u = u.filter(in_force(u, window.hi - ONE_DAY) & u["is_active"].fill_null(False))
    return u.select("user_id", "capacity_per_week")


def _queues(side: Side) -> frozenset[str]:
    routing = [m.routing for e in side.history.entries for m in e.policy.motions()]
    return frozenset(q for r in routing for q in (*r.silent_queues, r.fallback_queue))


def _plain(entries: ir.Table) -> ir.Table:
    return entries.select(
        "handoff_id", "account_id", "motion", "episode", "name", "tier", "created_on", "is_backlog",
        "evidence_rule", "rep_id",
    )  # fmt: skip
