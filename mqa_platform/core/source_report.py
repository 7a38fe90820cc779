"""The reconciliation of sources: where every row that a source delivered has gone.

Belongs here: landed = accepted + duplicate + quarantined + filtered, a source. Does not belong here:
which rows are the same event (``signals``) or whether a source is late (``health``).

Accepted and duplicate rows are counted in the landed tables, not worked out as the rest, so that the
sum fails when a landed row was lost. A raw row gives at most one signal and counts once, whatever else
it gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.signals import deliveries

# The landed tables whose rows are records: one that is repeated in every column is a duplicate.
RECORDS: Final = (
    "landed_accounts", "landed_contacts", "landed_opportunities", "landed_activities", "landed_users",
    "landed_leads", "landed_associations", "landed_field_changes", "landed_contact_roles",
    "landed_enrichment", "landed_lists", "landed_spend", "landed_consents", "landed_corrections",
    "landed_overrides", "landed_rep_capacity", "landed_absences", "landed_reassignments",
    "landed_ip_ranges",
)  # fmt: skip
ALWAYS: Final = ("landed_signals", "landed_identities")
TABLES: Final = (*ALWAYS, *RECORDS)
_BATCH = ("source", "batch_id")
_COUNTED = ("landed", "held")


def source_report(ledger: ir.Table, landed: Mapping[str, ir.Table]) -> ir.Table:
    """One row a source that has delivered: its rows by what became of them.

    Superseded batches are left out: the batch that replaced them has the same rows. ``duplicate``
    are repeats within a file, the same event or record delivered again; ``conflict`` are those of
    them that say something else than the delivery that is kept.

    Args:
        ledger: landed_batches.
        landed: the tables of ``ALWAYS`` by name, and those of ``RECORDS`` that have rows.
    """
    b = ledger.filter(ledger["status"].isin(_COUNTED))
    is_held = b["status"] == "held"
    b = b.mutate(
        held=ibis.ifelse(is_held, 1, 0), arrived=ibis.ifelse(is_held, None, b["landed_at"])
    )
    signals = landed["landed_signals"]
    b = _counted(b, signals.group_by(*_BATCH).aggregate(signals=signals.count()))
    b = _counted(b, _other_rows(landed))
    b = _counted(b, _repeats(landed))
    # Rows without a signal; no more than there are other landed rows to show for them.
    silent = ibis.greatest(ibis.least(b["accepted_rows"] - b["signals"], b["others"]), 0)
    b = b.mutate(silent=silent)
    told = b.group_by("source").aggregate(
        landed=b["landed_rows"].sum(),
        in_files=b["duplicate_rows"].sum(),
        silent=b["silent"].sum(),
        repeats=ibis.least(b["repeats"], b["silent"]).sum(),
        quarantined=b["quarantined_rows"].sum(),
        filtered=b["filtered_rows"].sum(),
        held_batches=b["held"].sum(),
        first_event_on=b["first_event_on"].min(),
        last_event_on=b["last_event_on"].max(),
        last_landed_at=b["arrived"].max(),
    )
    told = _counted(told, _events(signals), ("source",))
    return told.select(
        "source",
        landed=told["landed"],
        accepted=told["kept"] + told["silent"] - told["repeats"],
        duplicate=told["in_files"] + told["again"] + told["repeats"],
        conflict=told["conflict"],
        quarantined=told["quarantined"],
        filtered=told["filtered"],
        held_batches=told["held_batches"],
        first_event_on=told["first_event_on"],
        last_event_on=told["last_event_on"],
        last_landed_at=told["last_landed_at"],
    )


def _counted(t: ir.Table, counts: ir.Table, on: Sequence[str] = _BATCH) -> ir.Table:
    """The rows with the counts beside them, 0 where there is none."""
    names = [c for c in counts.columns if c not in on]
    both = t.left_join(counts, list(on))
    return both.select(*t.columns, **{c: both[c].fill_null(0) for c in names})


def _events(signals: ir.Table) -> ir.Table:
    """source, the events that are kept, deliveries beyond the first, and how many of those differ."""
    by_event = signals.group_by("source", "event_id").aggregate(copies=signals.count())
    kept = by_event.group_by("source").aggregate(kept=by_event.count())
    several = by_event.filter(by_event["copies"] > 1)
    rivals = deliveries(signals.semi_join(several, ["source", "event_id"]))
    later = rivals.filter(rivals["delivery"] > 0)
    differs = ibis.ifelse(later["payload_hash"] == later["kept_payload"], 0, 1)
    again = later.group_by("source").aggregate(again=later.count(), conflict=differs.sum())
    return _counted(kept, again, ("source",))


def _other_rows(landed: Mapping[str, ir.Table]) -> ir.Table:
    """(source, batch_id): landed rows that are no signals."""
    given = [n for n in TABLES if n in landed and n != "landed_signals"]
    rows = ibis.union(*(_batches(landed[name]) for name in given))
    return rows.group_by(*_BATCH).aggregate(others=rows.count())


def _batches(t: ir.Table) -> ir.Table:
    # Cast, because one table says that a text is never null and the next one does not.
    return t.select(**{c: t[c].cast("string") for c in _BATCH})


def _repeats(landed: Mapping[str, ir.Table]) -> ir.Table:
    """(source, batch_id): rows that repeat another one, of this batch or another, in every column.

    One raw row may stand in several landed tables, so it is counted in the table with most repeats.
    """
    parts = [_repeated(landed[name]) for name in RECORDS if name in landed]
    identities = _repeated(landed["landed_identities"], "kind", "ref", "person_ref", "seen_at")
    signals = landed["landed_signals"]
    # A form fill is a signal, and repeated as one.
    filled = signals.select(
        "source", "batch_id", ref="anonymous_id", seen_at="occurred_at", person_ref="person_ref"
    )
    parts.append(
        identities.anti_join(filled, ["source", "batch_id", "ref", "seen_at", "person_ref"])
    )
    parts = [_batches(p) for p in parts]
    counts = [p.group_by(*_BATCH).aggregate(n=p.count()) for p in parts]
    every = reduce(lambda one, other: one.union(other), counts)
    return every.group_by(*_BATCH).aggregate(repeats=every["n"].max())


def _repeated(t: ir.Table, *keep: str) -> ir.Table:
    said = [c for c in t.columns if c != "batch_id"]
    rank = ibis.row_number().over(ibis.window(group_by=said, order_by="batch_id"))
    t = t.mutate(copy=rank)
    return t.filter(t["copy"] > 0).select(*_BATCH, *keep)
