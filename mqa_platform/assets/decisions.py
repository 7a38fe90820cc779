"""What was known when a handoff was made: published with it, kept on disk, compared with today.

Belongs here: gathering what decisions are made of. Does not belong here: what is written down
(``core.decisions``) or why it differs today (``core.drift``).
"""

import hashlib

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform import __version__, decision_files
from mqa_platform.assets.platform import Step
from mqa_platform.core import decisions as core
from mqa_platform.core.drift import arrivals, decision_drift


def decision_tables(step: Step, handoffs: ir.Table) -> dict[str, ir.Table]:
    """``decisions``, the new ones added, and ``decision_drift``, of the handoffs about to be published.

    New decisions are on disk when this returns, and in the warehouse once they are published.
    """
    contract = step.contracts["decisions"]
    tables = core.Tables(
        *(step.table(t) for t in ("account_fit", "scores", "score_receipts", "stages", "touchpoints"))
    )
    decided = step.session.keep(_decided(step))
    versions = core.Versions(__version__, _data_version(step), step.at)
    subjects = step.session.keep(core.undecided(_subjects(step, handoffs, versions), decided))
    if step.session.rows(subjects.limit(1)):
        new = core.decisions(subjects, tables, step.policy, versions, step.session.apply)
        typed = new.select(**{c.name: new[c.name].cast(c.dtype) for c in contract.columns})
        rows = step.session.arrow(typed.order_by("decision_id"), contract.arrow_schema)
        decision_files.write(step.home, rows, step.at.strftime("%Y%m%dT%H%M%S%f"))
        decided = step.session.keep(decided.union(step.session.constant("new_decisions", rows)))
    touched = arrivals(tables.touchpoints, step.table("signals"), step.table("landed_batches"))
    drift = decision_drift(
        decided, handoffs, tables, touched, step.policy, __version__, step.session.apply
    )
    return {"decisions": decided, "decision_drift": drift}


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


def _decided(step: Step) -> ir.Table:
    """All decisions there are: the published ones, and those on disk that the warehouse has lost."""
    contract = step.contracts["decisions"]
    published = step.table("decisions")
    known = {r["decision_id"] for r in step.session.rows(published.select("decision_id"))}
    stored = decision_files.stored(step.home, contract.arrow_schema)
    lost = [i not in known for i in stored["decision_id"].to_pylist()]
    stored = stored.filter(pa.array(lost, pa.bool_()))
    return (
        published.union(step.session.constant("lost_decisions", stored)) if any(lost) else published
    )


def _data_version(step: Step) -> str:
    """12 hex digits that change with the batches in use, and not with their order."""
    ledger = step.table("landed_batches")
    used = step.session.rows(ledger.filter(ledger["status"] == "landed").select("batch_id"))
    listed = "\n".join(sorted(row["batch_id"] for row in used))
    return hashlib.sha256(listed.encode()).hexdigest()[:12]
