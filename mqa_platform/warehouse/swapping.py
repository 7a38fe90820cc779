"""Replacing published rows by audited ones, all tables of a publication at once.

Belongs here: finding out what changes, and the one transaction that changes it. Does not belong
here: staging and auditing (``publishing``), or the ledgers' own statements (``ledger``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from time import perf_counter
from typing import TYPE_CHECKING

import ibis.expr.types as ir

from mqa_platform.contracts.model import Contract
from mqa_platform.contracts.rules import quoted
from mqa_platform.core.window import Window
from mqa_platform.warehouse import ledger
from mqa_platform.warehouse.publication import Lineage, RuleOutcome
from mqa_platform.warehouse.tables import REJECTED

if TYPE_CHECKING:
    from mqa_platform.warehouse.session import Session


@dataclass(frozen=True)
class Reopening:
    """Whom a publication asks to compute again, and whose request it answers, from a day on.

    The requests of ``answers`` are answered whatever their day; ``tells`` are asked for the window's days.
    """

    reopens: tuple[str, ...] = ()
    settles: str | None = None
    from_day: date | None = None
    answers: tuple[str, ...] = ()
    tells: tuple[str, ...] = ()


@dataclass
class Step:
    """One table on its way through a publication."""

    contract: Contract
    expr: ir.Table
    lineage: Lineage
    staged: str
    window: Window | None
    rows: int = 0
    deleted: int = 0
    changed: bool = False
    rows_by_day: dict[date, int] = field(default_factory=dict)
    checks: list[RuleOutcome] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The table's name."""
        return self.contract.table

    @property
    def replaced(self) -> str:
        """The SQL condition of the published rows that the staged ones replace."""
        return (
            ledger.inside(self.contract.day_column, self.window)
            if self.contract.day_column
            else "TRUE"
        )


def compare(session: Session, step: Step) -> None:
    """Find out whether anything changes: other counts, or a staged row that is not published."""
    started = perf_counter()
    columns = ", ".join(map(quoted, step.contract.names))
    old = f"FROM {quoted(step.table)} WHERE {step.replaced}"
    held = session.fetch(f"SELECT COUNT(*) {old}")[0][0]
    step.changed = held != step.rows or bool(
        session.fetch(
            f"SELECT 1 FROM (SELECT {columns} FROM {quoted(step.staged)} "
            f"EXCEPT ALL SELECT {columns} {old}) AS differing LIMIT 1"
        )
    )
    step.deleted = held if step.changed else 0
    step.seconds["swap"] = perf_counter() - started


def count_days(session: Session, step: Step, days: Sequence[date] | None) -> None:
    """Find the rows of every day that will be recorded as published."""
    day = step.contract.day_column
    if day is None:
        return
    found = dict(
        session.fetch(f"SELECT {quoted(day)}, COUNT(*) FROM {quoted(step.staged)} GROUP BY 1")
    )
    recorded = set(days if days is not None else step.window.days() if step.window else found)
    if step.window is not None:
        # Days recorded before stay recorded: their rows were replaced too.
        recorded |= {known for known in session.days(step.table) if step.window.contains(known)}
    step.rows_by_day = {known: found.get(known, 0) for known in sorted(recorded)}


def swap(session: Session, steps: list[Step], run_id: str, reopening: Reopening) -> None:
    """In one transaction: replace what changed, record days, reopen, settle, drop the staging."""
    started = perf_counter()
    for name in (ledger.DAYS, ledger.REOPENED):
        session.ensure(name)
    changed = [step for step in steps if step.changed]
    statements = [line for step in changed for line in _replacing(step)]
    for step in steps:
        if step.contract.day_column:
            statements += ledger.record_days(step.table, step.window, step.rows_by_day, run_id)
    if reopening.settles:
        statements.append(ledger.settle(reopening.settles, reopening.from_day))
    statements += [ledger.settle(consumer, None) for consumer in reopening.answers]
    if changed and reopening.from_day is not None:
        statements += ledger.reopen(reopening.reopens, reopening.from_day)
    told = sorted({day for step in changed if step.window for day in step.window.days()})
    if told:
        statements += [ledger.reopen_days(consumer, told) for consumer in reopening.tells]
    statements += [f"DROP TABLE {quoted(step.staged)}" for step in steps]
    with session.transaction():
        session.lock(sorted(step.table for step in changed))
        for statement in statements:
            session.run(statement)
    for step in changed:
        session.analyse(step.table)
    for step in steps:
        step.seconds["swap"] += perf_counter() - started


def _replacing(step: Step) -> list[str]:
    columns = ", ".join(map(quoted, step.contract.names))
    return [
        f"DELETE FROM {quoted(step.table)} WHERE {step.replaced}",
        f"INSERT INTO {quoted(step.table)} ({columns}) SELECT {columns} FROM {quoted(step.staged)}",
    ]


def reject(session: Session, steps: list[Step]) -> None:
    """Keep the staged rows of every table that failed as ``<table>__rejected``."""
    for step in steps:
        if any(check.blocking and not check.passed for check in step.checks):
            with session.transaction():
                session.run(f"DROP TABLE IF EXISTS {quoted(step.table + REJECTED)}")
                session.run(
                    f"ALTER TABLE {quoted(step.staged)} RENAME TO {quoted(step.table + REJECTED)}"
                )
