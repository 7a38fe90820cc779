"""What one sync would write: read from the published tables and the journal, before anything is sent.

Belongs here: gathering the records that changed, and whether so many may. Does not belong here: what changed
means (``core.crm_changes``), or writing them (``crm_sync``).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.crm_changes import CAUSES, LAST, crm_changes
from mqa_platform.core.crm_records import Known, crm_records
from mqa_platform.destinations.crm_fields import fingerprints, told
from mqa_platform.destinations.crm_journal import CrmJournal, Row
from mqa_platform.destinations.crm_sending import Item
from mqa_platform.destinations.crm_writer import Record
from mqa_platform.policy.models import Policy
from mqa_platform.policy.write_back import WriteBack

_KINDS = {"string": pa.string(), "date": pa.date32(), "float64": pa.float64(), "int64": pa.int64()}
_MOMENT = pa.timestamp("us", tz="UTC")
LAST_SCHEMA = pa.schema([(c, _KINDS.get(kind, _MOMENT)) for c, kind in LAST.items()])


class Tables(Protocol):
    """Published tables: a session of the warehouse, or the snapshot."""

    def table(self, name: str) -> ir.Table:
        """One of them."""

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """An expression's rows."""


@dataclass(frozen=True)
class Plan:
    """What would be written.

    Attributes:
        as_of: the day that the records are of.
        changed: ``crm_changes`` as rows, with ``causes``.
        last: what was written last, by account and motion.
        records: number of accounts and motions that may be written.
        left_out: number of those that may not, by reason.
        flips: those that stand in the CRM and would change their stage.
        degraded: whether a source had gone quiet on the day.
        unrecorded: those with a stage in the CRM that the journal does not know of, once that was read.
    """

    as_of: date
    changed: list[Row] = field(default_factory=list)
    last: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    records: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    flips: int = 0
    degraded: bool = False
    unrecorded: int = 0

    @property
    def standing(self) -> int:
        """Number of accounts and motions that stand in the CRM."""
        return len(self.last) + self.unrecorded


def planned(
    tables: Tables,
    journal: CrmJournal,
    policy: Policy,
    now: datetime,
    given: Callable[[str, pa.Table], ir.Table] = lambda name, rows: ibis.memtable(rows),
) -> Plan:
    """The plan of this moment; nothing is sent.

    Args:
        tables: published.
        journal: what was written last, and which accounts are linked.
        policy: its ``write_back``.
        now: the moment.
        given: makes rows a table that can be joined with the published ones.
    """
    stages, last = tables.table("stages"), journal.last_sent()
    day = tables.rows(stages.aggregate(day=stages["stage_date"].max()))[0]["day"]
    known = {(row["account_id"], row["motion"]): row for row in last}
    if day is None:
        return Plan(now.date(), last=known)
    write_back = policy.write_back
    published = Known(*(tables.table(part.name) for part in dataclasses.fields(Known)))
    records = crm_records(published, write_back, day)
    sent = given("crm_last_sent", pa.Table.from_pylist(last, schema=LAST_SCHEMA))
    changes = tables.rows(crm_changes(records, sent, write_back, fingerprints(write_back), now))
    per_reason = tables.rows(records.group_by("left_out", "validity").aggregate(n=records.count()))
    left_out: Counter[str] = Counter()
    for row in per_reason:
        left_out[row["left_out"] or ""] += row["n"]
    whole = left_out.pop("", 0)
    if write_back.is_linked:
        linked = journal.links()
        unlinked = [row for row in changes if row["account_id"] not in linked]
        changes = [row for row in changes if row["account_id"] in linked]
        if unlinked:
            left_out["not_linked"] = len(unlinked)
    changed = [row | {"causes": [c for c in CAUSES if row[f"is_{c}"]]} for row in changes]
    return Plan(
        day,
        sorted(changed, key=lambda row: (row["account_id"], row["motion"])),
        known,
        whole,
        dict(left_out),
        sum(row["is_stage"] for row in changed),
        any(row["validity"] == "degraded" for row in per_reason),
    )


def blocked(plan: Plan, policy: WriteBack) -> str | None:
    """Why nothing of a plan is written before somebody has looked; None: it may be."""
    if plan.degraded and policy.when_degraded == "stop":
        return (
            f"a source had gone quiet on {plan.as_of}, so scores may have fallen for no reason of the "
            "accounts; see source_health. Repair it, or sync once with --anyway"
        )
    share = plan.flips / plan.standing if plan.standing else 0.0
    if plan.flips >= policy.most_flips_at_least and share > policy.most_flips_share:
        return (
            f"{plan.flips:,} of {plan.standing:,} accounts in the CRM ({share:.0%}) would change their "
            f"stage at once; write_back.yaml allows {policy.most_flips_share:.0%}. Look at "
            '"mqa crm diff", then sync once with --anyway'
        )
    return None


def items(
    plan: Plan, policy: WriteBack, run: str, now: datetime, links: Mapping[str, str]
) -> list[Item]:
    """The records to write, one an account, with what each replaces.

    Args:
        plan: of this moment.
        policy: allow-list and labels.
        run: that writes them.
        now: the moment that they carry as sent.
        links: account_id → key, where records are found by a field of ours.
    """
    prints = fingerprints(policy)
    made: dict[str, Item] = {}
    for row in plan.changed:
        account_id, motion = row["account_id"], row["motion"]
        key = links.get(account_id, account_id) if policy.is_linked else account_id
        item = made.setdefault(account_id, Item(Record(account_id, key, {})))
        before = plan.last.get((account_id, motion))
        stands = {c: row[c] for c in LAST if c in row}
        stands |= {"fields": prints[motion], "run": run, "sent_at": now}
        fields = {**item.record.fields, **told(row, policy)}
        # By another allow-list, or in another org, other values were written than this one says.
        is_known = before is not None and before["fields"] == prints[motion]
        made[account_id] = Item(
            Record(account_id, key, fields),
            {**item.stood, **(told(before, policy) if before and is_known else {})},
            {**item.before, motion: before},
            {**item.after, motion: stands},
            clears={**item.clears, **cleared(row, policy)},
        )
    return list(made.values())


def cleared(row: Row, policy: WriteBack) -> dict[str, str | None]:
    """The fields of the answer to an earlier handoff, with its words, of a record that is at mqa anew.

    An answer counts when its field changes, so a new question begins with an empty field.
    """
    answers, old = policy.answers, row.get("old_answer")
    is_anew = row["stage"] == "mqa" and {"new", "stage", "since"}.intersection(row["causes"])
    if answers is None or not answers.clear_for_next_handoff or not is_anew:
        return {}
    words = {str(k): label for k, label in answers.statuses.items()}.get(str(old))
    if words is None:
        return {}
    return {answers.status_field: words} | (
        {answers.reason_field: None} if answers.reason_field else {}
    )
