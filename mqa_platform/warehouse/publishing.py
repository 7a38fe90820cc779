"""Stage, audit, swap: the only way rows become visible.

Belongs here: the order of the steps and what happens when one fails. Does not belong here: how an engine does a
step (its session), or how a rule is judged (``audit``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from time import perf_counter
from typing import TYPE_CHECKING, Any

import ibis.expr.types as ir

from mqa_platform.contracts.model import Contract
from mqa_platform.contracts.rules import offending_rows, quoted
from mqa_platform.core.window import Window
from mqa_platform.warehouse import ledger
from mqa_platform.warehouse.arrow import check_columns
from mqa_platform.warehouse.audit import outcome
from mqa_platform.warehouse.errors import AuditFailed
from mqa_platform.warehouse.lineage import column_lineage
from mqa_platform.warehouse.publication import Lineage, Publication, Published, RuleOutcome
from mqa_platform.warehouse.tables import REJECTED

if TYPE_CHECKING:
    from mqa_platform.warehouse.session import Session

_SAMPLE = 5
_PERSONAL = {"pii", "personal", "confidential", "restricted"}
_WITHHELD = "[withheld]"


@dataclass(frozen=True)
class Reopening:
    """Whom a publication asks to compute again, and whose request it answers, from ``from_day`` on."""

    reopens: tuple[str, ...] = ()
    settles: str | None = None
    from_day: date | None = None


@dataclass
class _Step:
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
        return self.contract.table

    @property
    def replaced(self) -> str:
        """The SQL condition of the published rows that the staged ones replace."""
        return ledger.inside(self.contract.day_column, self.window) if self.contract.day_column else "TRUE"


def publish(
    session: Session,
    publications: Sequence[Publication],
    window: Window | None,
    run_id: str,
    days: Sequence[date] | None,
    reopening: Reopening,
) -> list[Published]:
    """See ``Session.publish``."""
    _check_days(window, days, reopening)
    steps = [_declared(session, publication, window) for publication in publications]
    try:
        for step in steps:
            _stage(session, step)
        for step in steps:
            _audit(session, step, {s.table: s.staged for s in steps})
        if any(check.blocking and not check.passed for step in steps for check in step.checks):
            _reject(session, steps)
            raise AuditFailed({step.table: step.checks for step in steps})
        for step in steps:
            _compare(session, step)
            _count_days(session, step, days)
        _swap(session, steps, run_id, reopening, reopening.from_day or (window.lo if window else None))
    except BaseException:
        for step in steps:
            # The first problem is the one to tell; what stays behind is swept by the next session.
            with suppress(Exception):
                session.run(f"DROP TABLE IF EXISTS {quoted(step.staged)}")
        raise
    return [
        Published(s.table, s.rows, s.deleted, s.changed, s.rows_by_day, s.checks, s.lineage, s.seconds) for s in steps
    ]


def _check_days(window: Window | None, days: Sequence[date] | None, reopening: Reopening) -> None:
    if window is None and reopening.reopens and reopening.from_day is None:
        raise ValueError("without a window, reopening a consumer needs from_day")
    if outside := [day for day in days or () if window is not None and not window.contains(day)]:
        raise ValueError(f"days outside the window {window}: {', '.join(map(str, outside))}")


def _declared(session: Session, publication: Publication, window: Window | None) -> _Step:
    contract, expr = publication.contract, publication.expr
    check_columns(tuple(expr.columns), contract.names, contract.table)
    lineage = publication.lineage or column_lineage(expr, session.origins)
    session.ensure(contract.table)
    return _Step(
        contract,
        expr.select(**{c.name: expr[c.name].cast(c.dtype) for c in contract.columns}),
        {column: list(sources) for column, sources in lineage.items()},
        session.staging_name(contract.table),
        window if contract.day_column else None,
    )


def _stage(session: Session, step: _Step) -> None:
    started = perf_counter()
    session.run(f"DROP TABLE IF EXISTS {quoted(step.staged)}")
    session.create(step.staged, step.contract.schema, kind="staged")
    session.insert(step.staged, step.expr)
    session.analyse(step.staged)
    step.rows = session.fetch(f"SELECT COUNT(*) FROM {quoted(step.staged)}")[0][0]  # noqa: S608
    step.seconds["stage"] = perf_counter() - started


def _audit(session: Session, step: _Step, staged: dict[str, str]) -> None:
    started = perf_counter()

    def readable(name: str) -> str:
        if name not in staged:
            session.ensure(name)
        return quoted(staged.get(name, name))

    window = (step.window.lo, step.window.hi) if step.window else None
    verdicts = session.auditor().run(step.contract, step.staged, window=window, table=readable)
    for rule in step.contract.rules:
        passed, violations, _ = verdict = verdicts[rule.name]
        sample: list[dict[str, Any]] = []
        if not passed and violations > 0:
            query = offending_rows(
                rule, step.contract, batch=quoted(step.staged), window=window, table=readable
            )
            sample = _sample(session, step.contract, query)
        step.checks.append(outcome(rule, verdict, step.rows, sample))
    step.seconds["audit"] = perf_counter() - started


def _sample(session: Session, contract: Contract, query: str) -> list[dict[str, Any]]:
    """A few offending rows, for logs and the event store: what is classified as personal is withheld."""
    rows = session.records(f"SELECT * FROM ({query}) AS offending LIMIT {_SAMPLE}")  # noqa: S608
    personal = {c.name for c in contract.columns if (c.classification or "").lower() in _PERSONAL}
    shown = [
        {name: _WITHHELD if name in personal and value is not None else value for name, value in row.items()}
        for row in rows
    ]
    return json.loads(json.dumps(shown, default=str))


def _compare(session: Session, step: _Step) -> None:
    """Find out whether anything changes: equal counts and no staged row beyond the published ones."""
    started = perf_counter()
    columns = ", ".join(map(quoted, step.contract.names))
    old = f"FROM {quoted(step.table)} WHERE {step.replaced}"
    held = session.fetch(f"SELECT COUNT(*) {old}")[0][0]
    step.changed = held != step.rows or bool(
        session.fetch(
            f"SELECT 1 FROM (SELECT {columns} FROM {quoted(step.staged)} "  # noqa: S608
            f"EXCEPT ALL SELECT {columns} {old}) AS differing LIMIT 1"
        )
    )
    step.deleted = held if step.changed else 0
    step.seconds["swap"] = perf_counter() - started


def _count_days(session: Session, step: _Step, days: Sequence[date] | None) -> None:
    day = step.contract.day_column
    if day is None:
        return
    found = dict(
        session.fetch(f"SELECT {quoted(day)}, COUNT(*) FROM {quoted(step.staged)} GROUP BY 1")  # noqa: S608
    )
    recorded = set(days if days is not None else step.window.days() if step.window else found)
    if step.window is not None:
        # Days recorded before stay recorded: their rows were replaced too.
        recorded |= {known for known in session.days(step.table) if step.window.contains(known)}
    step.rows_by_day = {known: found.get(known, 0) for known in sorted(recorded)}


def _swap(
    session: Session, steps: list[_Step], run_id: str, reopening: Reopening, first: date | None
) -> None:
    started = perf_counter()
    for name in (ledger.DAYS, ledger.REOPENED):
        session.ensure(name)
    changed = [step for step in steps if step.changed]
    with session.transaction():
        session.lock(sorted(step.table for step in changed))
        for step in changed:
            replace(session, step)
        for step in steps:
            if step.contract.day_column:
                for statement in ledger.record_days(step.table, step.window, step.rows_by_day, run_id):
                    session.run(statement)
        if reopening.settles:
            session.run(ledger.settle(reopening.settles, first))
        if changed and first is not None:
            for statement in ledger.reopen(reopening.reopens, first):
                session.run(statement)
        for step in steps:
            session.run(f"DROP TABLE {quoted(step.staged)}")
    for step in changed:
        session.analyse(step.table)
    for step in steps:
        step.seconds["swap"] += perf_counter() - started


def replace(session: Session, step: _Step) -> None:
    """Inside the transaction: put the staged rows where the replaced ones were."""
    columns = ", ".join(map(quoted, step.contract.names))
    session.run(f"DELETE FROM {quoted(step.table)} WHERE {step.replaced}")  # noqa: S608
    session.run(
        f"INSERT INTO {quoted(step.table)} ({columns}) SELECT {columns} FROM {quoted(step.staged)}"  # noqa: S608
    )


def _reject(session: Session, steps: list[_Step]) -> None:
    for step in steps:
        if any(check.blocking and not check.passed for check in step.checks):
            with session.transaction():
                session.run(f"DROP TABLE IF EXISTS {quoted(step.table + REJECTED)}")
                session.run(f"ALTER TABLE {quoted(step.staged)} RENAME TO {quoted(step.table + REJECTED)}")

