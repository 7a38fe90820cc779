"""What was known when a handoff was made: published with it, kept on disk, compared with today.

Belongs here: gathering what decisions are made of. Does not belong here: what is written down
(``core.decisions``) or why it differs today (``core.drift``).
"""

import hashlib

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform import __version__, decision_files
from mqa_platform.assets.judged import judged
from mqa_platform.assets.platform import Step
from mqa_platform.core import decisions as core
from mqa_platform.core import known_entries as entries
from mqa_platform.core.drift import arrivals, decision_drift


def decision_tables(
    step: Step, handoffs: ir.Table, tables: core.Tables, decided: ir.Table
) -> dict[str, ir.Table]:
    """``decisions`` and ``known_entries``, the new ones added, and ``decision_drift``.

    Of the handoffs about to be published. New rows are on disk when this returns, and in the warehouse once
    they are published.

    Args:
        step: its published tables.
        handoffs: as they will be published.
        tables: as accounts are judged by them (``judged``).
        decided: every decision so far (``logged``).
    """
    versions = core.Versions(__version__, _data_version(step), step.at)
    new = core.not_acted_on(handoffs, decided)
    subjects = step.session.keep(core.undecided(_subjects(step, new, versions), decided))
    if step.session.rows(subjects.limit(1)):
        new = core.decisions(subjects, tables, step.policy, versions, step.session.apply)
        decided = _added(step, "decisions", decided, new)
    touched = arrivals(tables.touchpoints, step.table("signals"), step.table("landed_batches"))
    drift = decision_drift(
        decided, handoffs, tables, touched, step.policy, __version__, step.session.apply
    )
    return {
        "decisions": decided,
        "decision_drift": drift,
        "known_entries": _known_entries(step, touched),
    }


def with_deliveries(step: Step, deliveries: ir.Table) -> ir.Table:
    """``decisions`` with what was known of each handoff when somebody was told of it first.

    New rows are on disk when this returns, and in the warehouse once they are published.

    Args:
        step: its published tables.
        deliveries: as they will be published.
    """
    decided, days = logged(step, "decisions"), step.session.days("stages")
    if not days:
        return decided
    told = step.session.keep(core.of_deliveries(deliveries, step.table("handoffs"), days[-1]))
    subjects = step.session.keep(core.undecided(told, decided))
    if not step.session.rows(subjects.limit(1)):
        return decided
    tables = judged(step, subjects.select("account_id", day="known_on"))
    versions = core.Versions(__version__, _data_version(step), step.at)
    new = core.decisions(subjects, tables, step.policy, versions, step.session.apply)
    return _added(step, "decisions", decided, new)


def _known_entries(step: Step, arrived: ir.Table) -> ir.Table:
    known, days = logged(step, "known_entries"), step.session.days("stages")
    new = step.session.keep(entries.unknown_entries(step.table("stage_transitions"), known))
    if not days or not step.session.rows(new.limit(1)):
        return known
    since = step.session.rows(entries.last_look(known))[0]["at"]
    lookback = step.policy.signals.lookback_days
    told = entries.known_entries(new, arrived, since, days[-1], step.at, lookback)
    return _added(step, "known_entries", known, told)


def _subjects(step: Step, handoffs: ir.Table, versions: core.Versions) -> ir.Table:
    leading = step.policy.program.motion
    parts = [
        core.of_handoffs(handoffs, versions),
        core.of_overrides(step.table("overrides"), leading),
        core.of_promotions(step.table("policy_promotions")),
    ]
    # Kept one by one: a union takes no column that may be null in one table only.
    kept = [step.session.keep(part) for part in parts]
    return kept[0].union(kept[1]).union(kept[2])


def logged(step: Step, name: str) -> ir.Table:
    """All rows of a log: the published ones, and those on disk that the warehouse has lost."""
    contract = step.contracts[name]
    published, key = step.table(name), contract.key[0]
    known = {row[key] for row in step.session.rows(published.select(key))}
    stored = decision_files.stored(step.home, name, key, contract.arrow_schema)
    lost = [i not in known for i in stored[key].to_pylist()]
    if any(lost):
        again = step.session.constant(f"lost_{name}", stored.filter(pa.array(lost, pa.bool_())))
        published = published.union(again)
    return step.session.keep(published)


def _added(step: Step, name: str, known: ir.Table, new: ir.Table) -> ir.Table:
    """A log with new rows, which are on disk from now on."""
    contract = step.contracts[name]
    typed = new.select(**{c.name: new[c.name].cast(c.dtype) for c in contract.columns})
    rows = step.session.arrow(typed.order_by(contract.key[0]), contract.arrow_schema)
    decision_files.write(step.home, name, rows, step.at.strftime("%Y%m%dT%H%M%S%f"))
    return step.session.keep(known.union(step.session.constant(f"new_{name}", rows)))


def _data_version(step: Step) -> str:
    """12 hex digits that change with the batches in use, and not with their order."""
    ledger = step.table("landed_batches")
    used = step.session.rows(ledger.filter(ledger["status"] == "landed").select("batch_id"))
    listed = "\n".join(sorted(row["batch_id"] for row in used))
    return hashlib.sha256(listed.encode()).hexdigest()[:12]
