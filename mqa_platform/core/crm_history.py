"""What CRM records were before the first version that we have, and what their links say.

Belongs here: versions out of field history, links and merges applied to landed records, converted
leads as contacts. Does not belong here: when a version holds (``crm``), or reading an export
(``sources``).

Every function takes landed tables and gives rows of the same columns, before ``crm.history``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.expressions import newest_first, shard
from mqa_platform.core.kernel import Kernel

Apply = Callable[[Kernel, ir.Table, str], ir.Table]
Record = dict[str, Any]
_CHANGE = ("column_name", "old_value", "new_value", "changed_at")
_SHARD = "shard"


def rewound(schema: pa.Schema, key: str) -> Kernel:
    """Kernel: a record's earliest version beside each change before it → the versions before that.

    Going back in time, each change restores what was there before: its old value, else the value
    that the change before it had set, else nothing. A version is dated by the change that began it;
    the oldest one by the record's creation, or the day before the first change where that is not
    known. Changes of one column at one moment count as one, from the value that none of them set.

    Args:
        schema: of the landed table.
        key: its id column.
    """
    lineage = {name: (name, key, *_CHANGE, "modified_at") for name in schema.names}

    def run(table: pa.Table) -> pa.Table:
        records: dict[str, list[Record]] = defaultdict(list)
        for row in table.to_pylist():
            records[row[key]].append(row)
        rows = [
            version for _, each in sorted(records.items()) for version in _earlier(each, schema)
        ]
        return pa.Table.from_pylist(rows, schema=schema)

    return Kernel("rewound", run, schema, lineage)


def _earlier(rows: list[Record], schema: pa.Schema) -> Iterator[Record]:
    """The versions of one record before its earliest known one, newest first."""
    state = {name: rows[0][name] for name in schema.names}
    moments: dict[datetime, list[Record]] = defaultdict(list)
    for row in rows:
        if row["column_name"] in schema.names:
            moments[row["changed_at"]].append(row)
    if not moments:
        return
    newest = sorted(moments, reverse=True)
    settings = _settings(moments)
    for at in newest:
        yield _consistent({**state, "modified_at": at})
        for column, old in _restored(moments[at], settings):
            state[column] = _typed(old, schema.field(column).type)
    first, born = newest[-1], state.get("created_at")
    if born is None or born >= first:
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
        born = midnight - timedelta(days=1)
    yield _consistent({**state, "modified_at": born})


def _settings(moments: dict[datetime, list[Record]]) -> dict[str, list[tuple[datetime, str]]]:
    """By column what it was set to when, oldest first."""
    settings: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for at, changes in moments.items():
        for change in changes:
            settings[change["column_name"]].append((at, change["new_value"] or ""))
    return {column: sorted(each) for column, each in settings.items()}


def _restored(
    changes: list[Record], settings: dict[str, list[tuple[datetime, str]]]
) -> Iterator[tuple[str, str | None]]:
    """(column, value) of every column changed at one moment, as it was just before."""
    columns: dict[str, list[Record]] = defaultdict(list)
    for change in changes:
        columns[change["column_name"]].append(change)
    for column, own in sorted(columns.items()):
        olds = {change["old_value"] for change in own if change["old_value"] is not None}
        # A → B and B → C at one moment go back to A.
        begun = sorted(olds - {change["new_value"] for change in own}) or sorted(olds)
        before = bisect_left(settings[column], (own[0]["changed_at"], "")) - 1
        set_before = settings[column][before][1] or None if before >= 0 else None
        yield column, begun[0] if begun else set_before


def _consistent(version: Record) -> Record:
    """An opportunity that was still open had no close, and one that closed later was open."""
    if "is_closed" not in version:
        return version
    closed_at = version["closed_at"]
    later = closed_at is not None and version["modified_at"].date() < closed_at.date()
    if version["is_closed"] and not later:
        return version
    return {**version, "is_closed": False, "is_won": False, "closed_at": None}


def _typed(text: str | None, kind: pa.DataType) -> Any:
    """A landed value out of its text; nothing where it is none, but a flag is always one."""
    if pa.types.is_boolean(kind):
        return text == "true"
    if text is None or pa.types.is_string(kind):
        return text
    try:
        if pa.types.is_integer(kind):
            return int(text)
        if pa.types.is_floating(kind):
            return float(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def with_earlier(
    landed: ir.Table, changes: ir.Table, whose: str, key: str, schema: pa.Schema, apply: Apply
) -> ir.Table:
    """Landed versions and those that field history tells of before the first of each record.

    Args:
        landed: versions as delivered.
        changes: landed_field_changes of all objects.
        whose: the object in ``changes``.
        key: the record's id.
        schema: of ``landed``.
        apply: runs a kernel over shards.
    """
    rest = [landed[c] for c in sorted(landed.columns) if c != "modified_at"]
    first = newest_first(landed, [key], [landed["modified_at"], *rest])
    own = changes.filter(changes["object"] == whose)
    told = first.join(own.select("record_id", *_CHANGE), [(key, "record_id")])
    told = told.filter(told["changed_at"] <= told["modified_at"])
    told = told.select(*landed.columns, *_CHANGE, **{_SHARD: shard(told[key])})
    return stacked(landed, apply(rewound(schema, key), told, _SHARD))


def stacked(first: ir.Table, second: ir.Table) -> ir.Table:
    """Both tables' rows; a column that may be null in one may be null in both."""
    wanted = {c: t.copy(nullable=True) for c, t in first.schema().items()}
    return first.cast(wanted).union(second.select(*first.columns).cast(wanted))


def linked(landed: ir.Table, associations: ir.Table, whose: str, key: str, target: str) -> ir.Table:
    """The record's ``<target>_id`` out of associations, where the record does not say it.

    Of several, the one told last; at one moment the smallest id.
    """
    live = associations.filter(~associations["is_deleted"])
    there = live.filter((live["from_object"] == whose) & (live["to_object"] == target))
    back = live.filter((live["from_object"] == target) & (live["to_object"] == whose))
    both = stacked(
        there.select("modified_at", record="from_id", other="to_id"),
        back.select("modified_at", record="to_id", other="from_id"),
    )
    one = newest_first(both, ["record"], [both["modified_at"].desc(), both["other"]])
    one = one.select(_record=one["record"], _other=one["other"])
    column = f"{target}_id"
    t = landed.left_join(one, [(key, "_record")])
    return t.mutate(**{column: ibis.coalesce(t[column], t["_other"])}).select(*landed.columns)


def by_contact(activities: ir.Table, contacts: ir.Table) -> ir.Table:
    """Activities without an account get that of their contact, as last known."""
    rest = [contacts[c] for c in sorted(contacts.columns) if c != "modified_at"]
    last = newest_first(contacts, ["contact_id"], [contacts["modified_at"].desc(), *rest])
    last = last.select(_contact=last["contact_id"], _account=last["account_id"])
    t = activities.left_join(last, [("contact_id", "_contact")])
    return t.mutate(account_id=ibis.coalesce(t["account_id"], t["_account"])).select(
        *activities.columns
    )


def without_merged(landed: ir.Table, associations: ir.Table, whose: str, key: str) -> ir.Table:
    """Landed versions; those of a merged record are deleted from the merge on, and alive before.

    A record of which no version is older than the merge is what its first version says since it was
    created.
    """
    gone = associations.filter(
        (associations["from_object"] == whose)
        & (associations["to_object"] == "survivor")
        & ~associations["is_deleted"]
        & (associations["from_id"] != associations["to_id"])
    )
    gone = gone.group_by(_gone="from_id").aggregate(_merged_at=gone["modified_at"].min())
    t = landed.left_join(gone, [(key, "_gone")])
    is_after = (t["modified_at"] >= t["_merged_at"]).fill_null(False)
    told = t.mutate(is_deleted=t["is_deleted"] | is_after).select(*landed.columns)
    merged = t.filter(t["_merged_at"].notnull())
    before = merged.filter(merged["modified_at"] < merged["_merged_at"])
    last = newest_first(before, [key], [before["modified_at"].desc(), *_others(before, landed)])
    last = last.mutate(modified_at=last["_merged_at"], is_deleted=ibis.literal(True))
    return stacked(stacked(told, last), _born(merged, landed, key))


def _others(t: ir.Table, landed: ir.Table) -> list[ir.Value]:
    """What orders the versions of one moment."""
    return [t[c] for c in sorted(landed.columns) if c != "modified_at"]


def _born(merged: ir.Table, landed: ir.Table, key: str) -> ir.Table:
    """Merged records as they were before the merge, where no version is of a day before it."""
    first = newest_first(merged, [key], [merged["modified_at"], *_others(merged, landed)])
    day_before = first["_merged_at"] + ibis.interval(days=-1)
    first = first.filter(first["modified_at"].date() >= first["_merged_at"].date())
    born = first.mutate(
        modified_at=ibis.coalesce(first["created_at"], day_before), is_deleted=ibis.literal(False)
    )
    return born.filter(born["modified_at"].date() < born["_merged_at"].date())


def converted(leads: ir.Table, contacts: ir.Table) -> ir.Table:
    """Leads that became a contact of an account, as contacts from the conversion on.

    Only those whose contact has not landed itself; one without an id of its own is ``lead:`` and the
    lead's id.
    """
    t = leads.filter(leads["converted_account_id"].notnull())
    own = ibis.literal("lead:") + t["lead_id"]
    since = ibis.coalesce(t["converted_at"], t["modified_at"])
    made = t.mutate(
        contact_id=ibis.coalesce(t["converted_contact_id"], own),
        account_id=t["converted_account_id"],
        created_at=since,
        modified_at=ibis.greatest(t["modified_at"], since),
    )
    made = made.anti_join(contacts, "contact_id")
    return made.select(*contacts.columns)
