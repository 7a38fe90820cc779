"""Stage, audit, swap: the only way rows become visible.

Belongs here: the order of the steps, and the part before anything is replaced. Does not belong
here: replacing rows (``swapping``), how an engine does a step (its session), or how a rule is
judged (``audit``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mqa_platform.contracts.model import Contract
from mqa_platform.contracts.rules import offending_rows, quoted
from mqa_platform.core.window import Window
from mqa_platform.warehouse.arrow import check_columns
from mqa_platform.warehouse.audit import outcome
from mqa_platform.warehouse.errors import AuditFailed
from mqa_platform.warehouse.lineage import column_lineage
from mqa_platform.warehouse.publication import Publication, Published
from mqa_platform.warehouse.swapping import Reopening, Step, compare, count_days, reject, swap

if TYPE_CHECKING:
    from mqa_platform.warehouse.session import Session

_SAMPLE = 5
_PERSONAL = {"pii", "personal", "confidential", "restricted"}
_WITHHELD = "[withheld]"


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
            reject(session, steps)
            raise AuditFailed({step.table: step.checks for step in steps})
        for step in steps:
            compare(session, step)
            count_days(session, step, days)
        swap(session, steps, run_id, reopening)
    except BaseException:
        for step in steps:
            # The first problem is the one to tell; what stays behind is swept by the next session.
            with suppress(Exception):
                session.run(f"DROP TABLE IF EXISTS {quoted(step.staged)}")
        raise
    return [
        Published(
            s.table, s.rows, s.deleted, s.changed, s.rows_by_day, s.checks, s.lineage, s.seconds
        )
        for s in steps
    ]


def _check_days(window: Window | None, days: Sequence[date] | None, reopening: Reopening) -> None:
    if window is None and reopening.reopens and reopening.from_day is None:
        raise ValueError("without a window, reopening a consumer needs from_day")
    if outside := [day for day in days or () if window is not None and not window.contains(day)]:
        raise ValueError(f"days outside the window {window}: {', '.join(map(str, outside))}")


def _declared(session: Session, publication: Publication, window: Window | None) -> Step:
    contract, expr = publication.contract, publication.expr
    check_columns(tuple(expr.columns), contract.names, contract.table)
    lineage = publication.lineage or column_lineage(expr, session.origins)
    session.ensure(contract.table)
    return Step(
        contract,
        expr.select(**{c.name: expr[c.name].cast(c.dtype) for c in contract.columns}),
        {column: list(sources) for column, sources in lineage.items()},
        session.staging_name(contract.table),
        window if contract.day_column else None,
    )


def _stage(session: Session, step: Step) -> None:
    started = perf_counter()
    session.run(f"DROP TABLE IF EXISTS {quoted(step.staged)}")
    session.create(step.staged, step.contract.schema, kind="staged")
    session.insert(step.staged, step.expr)
    session.analyse(step.staged)
    step.rows = session.fetch(f"SELECT COUNT(*) FROM {quoted(step.staged)}")[0][0]
    step.seconds["stage"] = perf_counter() - started


def _audit(session: Session, step: Step, staged: dict[str, str]) -> None:
    started = perf_counter()

    def readable(name: str) -> str:
        if name not in staged:
            session.ensure(name)
        return quoted(staged.get(name, name))

    window = (step.window.lo, step.window.hi) if step.window else None
    verdicts = session.auditor().run(
        step.contract, step.staged, window=window, table=readable, rows=step.rows
    )
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
    """A few offending rows for logs and the event store; personal columns are withheld."""
    rows = session.records(f"SELECT * FROM ({query}) AS offending LIMIT {_SAMPLE}")
    personal = {c.name for c in contract.columns if (c.classification or "").lower() in _PERSONAL}
    shown = [
        {
            name: _WITHHELD if name in personal and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]
    return json.loads(json.dumps(shown, default=str))
