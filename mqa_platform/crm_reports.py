"""What the commands of the write-back ask and tell: the difference, the runs, and what became of one.

Belongs here: opening a home's tables for the write-back, and its answers as plain rows. Does not belong here:
options and printing (``cli_crm``), or writing (``destinations``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mqa_platform.destinations.channel import DestinationError
from mqa_platform.destinations.crm import crm_runs
from mqa_platform.destinations.crm_fields import told
from mqa_platform.destinations.crm_journal import CrmJournal
from mqa_platform.destinations.crm_plan import Plan, blocked, cleared, planned
from mqa_platform.destinations.crm_sync import CrmRuns, Synced
from mqa_platform.home import Home
from mqa_platform.marts import Marts, open_marts
from mqa_platform.promotions import policy_now

Report = dict[str, Any]


def difference(home: Home) -> Report:
    """What a sync would write now: every record with its fields before and after; nothing is sent.

    Raises:
        DestinationError: no CRM is named.
        SnapshotMissingError: no run has finished yet.
    """
    policy = policy_now(home).policy
    if policy.write_back.crm == "none":
        raise DestinationError("the write-back", "no CRM is named in write_back.yaml")
    journal = CrmJournal(home.outbox)
    with open_marts(home) as marts:
        plan = planned(marts, journal, policy, datetime.now(UTC))
    records = []
    for row in plan.changed:
        before = plan.last.get((row["account_id"], row["motion"]))
        old = told(before, policy.write_back) if before else {}
        new = told(row, policy.write_back)
        fields = {n: {"before": old.get(n), "after": v} for n, v in new.items() if old.get(n) != v}
        answer = cleared(row, policy.write_back)
        fields |= {n: {"before": word, "after": None} for n, word in answer.items()}
        named = {name: row[name] for name in ("account_id", "motion", "causes")}
        records.append({**named, "fields": fields})
    paused = journal.paused()
    return {
        "as_of": plan.as_of.isoformat(),
        "records": plan.records,
        "standing": plan.standing,
        "changed": len(plan.changed),
        "flips": plan.flips,
        "left_out": dict(plan.left_out),
        "stopped_by": paused["reason"] if paused else blocked(plan, policy.write_back),
        "changes": records,
    }


def sync(home: Home, *, anyway: bool = False) -> Report:
    """Writes what changed.

    Raises:
        DestinationError, OutboxBusyError: see ``crm_runs`` and ``CrmRuns.sync``.
    """
    policy = policy_now(home).policy

    def plan(runs: CrmRuns) -> Plan:
        with open_marts(home) as marts:
            return planned(marts, runs.journal, policy, datetime.now(UTC))

    return _run(home, lambda runs: runs.sync(lambda: plan(runs), anyway=anyway))


def rollback(home: Home, run: str) -> Report:
    """Writes back what stood before a run; see ``CrmRuns.rollback``."""
    return _run(home, lambda runs: runs.rollback(run))


def link(home: Home) -> Report:
    """Puts our key on the record of every account of the CRM; see ``CrmRuns.link``."""
    with open_marts(home) as marts:
        accounts = _of_the_crm(marts)
    return _run(home, lambda runs: runs.link(accounts))


def reconcile(home: Home, *, repair: bool = False) -> Report:
    """Reads back what was written; see ``CrmRuns.reconcile``."""
    with _runs(home) as runs:
        ended, found = runs.reconcile(repair=repair)
    listed = [
        {"account_id": d.account_id, "field": d.field or "(no record)", "ours": d.ours, "theirs": d.theirs}
        for d in found
    ]  # fmt: skip
    return {"run": ended.run, "state": ended.state, "reason": ended.reason, "differences": listed}


def runs(home: Home) -> list[Report]:
    """Every run, the newest first."""
    return CrmJournal(home.outbox).runs()


def resume(home: Home) -> bool:
    """Ends the pause that a rollback began; whether there was one."""
    journal = CrmJournal(home.outbox)
    if journal.paused() is None:
        return False
    journal.resume(datetime.now(UTC))
    return True


def _runs(home: Home) -> Any:
    return crm_runs(home, policy_now(home).policy, os.environ)


def _run(home: Home, work: Callable[[CrmRuns], Synced]) -> Report:
    with _runs(home) as runs:
        done = work(runs)
    o = done.outcome
    return {
        "run": done.run, "kind": done.kind, "state": done.state, "sent": o.sent,
        "pending": o.pending, "refused": o.refused, "calls": o.calls, "reason": done.reason,
    }  # fmt: skip


def _of_the_crm(marts: Marts) -> list[str]:
    accounts = marts.table("accounts")
    held = accounts.filter(accounts["valid_to"].isnull() & ~accounts["is_discovered"])
    twice = marts.table("crm_duplicates").select("account_id")
    found = held.anti_join(twice, "account_id").select("account_id").distinct()
    return sorted(row["account_id"] for row in marts.rows(found))
