"""A batch on disk: Parquet files under landing, with the ledger's row in their metadata.

Belongs here: writing a batch, finding those that the warehouse does not know, sweeping what a dead
process left half written. Does not belong here: which files become batches (``waiting``, ``landing``).

No name of a delivered file is ever part of a path here: batches are named by their ids.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mqa_platform.home import Home
from mqa_platform.sources.landed import Landed, empty

_LEDGER: Final = b"mqa_ledger"
# The last file of a batch to be written: a batch without it was cut short and is read again.
_MARK: Final = "landed_defects"
# In a shadow's home: the live home's landing, which it reads and never writes.
LIVE_LANDING: Final = "live_landing"
_TIMES: Final = ("landed_at", "pulled_at")
_DATES: Final = (
    "landed_on", "first_event_on", "last_event_on", "published_from", "published_to",
)  # fmt: skip
# What the ledger of an earlier version did not say of its batches.
FORMER: Final[Mapping[str, Any]] = {
    "status": "landed",
    "stream": "",
    "read_as": "",
    "declared": "",
    "duplicate_rows": 0,
    "filtered_rows": 0,
    "reasons": '{"filtered":{},"quarantined":{}}',
}


@dataclass(frozen=True)
class Batch:
    """What the ledger and the landed tables are told of one file or page.

    ``ledger`` has the columns of ``landed_batches`` but source, batch_id and path.
    """

    source: str
    batch_id: str
    ledger: dict[str, Any]
    tables: dict[str, pa.Table] = field(default_factory=dict)
    path: str = ""


def counts(landed: Landed, *, held: bool) -> dict[str, Any]:
    """The ledger's columns that come from the rows; nothing of a held batch is accepted."""
    days = [t["event_date"] for t in landed.tables.values() if "event_date" in t.column_names]
    spans = [pc.min_max(d).as_py() for d in days if len(d)]
    quarantined = landed.reasons()
    if held and landed.accepted:
        quarantined["held_with_batch"] = landed.accepted
    reasons = {"filtered": dict(landed.filtered), "quarantined": quarantined}
    return {
        "landed_rows": landed.rows,
        "accepted_rows": 0 if held else landed.accepted,
        "duplicate_rows": landed.duplicates,
        "filtered_rows": sum(landed.filtered.values()),
        "quarantined_rows": sum(quarantined.values()),
        "reasons": json.dumps(reasons, sort_keys=True, separators=(",", ":")),
        "first_event_on": min((s["min"] for s in spans), default=None),
        "last_event_on": max((s["max"] for s in spans), default=None),
    }


def nothing_read() -> Landed:
    """What an unreadable file, or a source that does not answer, has given."""
    return Landed(0, 0, {}, empty(_MARK))


def write(home: Home, batch: Batch) -> Batch:
    """The batch as Parquet under ``landing/<source>/<arrival day>/``; it then has its path."""
    folder = home.landing / batch.source / batch.ledger["landed_on"].isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    tables = {n: t for n, t in batch.tables.items() if t.num_rows and n != _MARK}
    tables[_MARK] = batch.tables.get(_MARK, empty(_MARK))
    relative = f"{folder.relative_to(home.root).as_posix()}/{batch.batch_id}"
    note = {"source": batch.source, "batch_id": batch.batch_id, "path": relative, **batch.ledger}
    told = json.dumps(note, default=str).encode()
    for name, table in tables.items():
        target = folder / f"{batch.batch_id}.{name}.parquet"
        partial = target.with_suffix(f".{os.getpid()}.partial")
        pq.write_table(table.replace_schema_metadata({_LEDGER: told}), partial, compression="zstd")
        partial.replace(target)
    return Batch(batch.source, batch.batch_id, batch.ledger, _bare(tables), relative)


def forgotten(home: Home, known: Collection[str]) -> Iterator[Batch]:
    """Batches on disk that the ledger does not know, in the order in which they were entered.

    The warehouse was lost, or a run was killed before it committed. Of a batch that was entered
    more than once, the last entry counts.
    """
    newest: dict[str, tuple[dict[str, Any], Path]] = {}
    places = (home.landing, home.root / LIVE_LANDING)
    for mark in (m for p in places for m in p.glob(f"*/*/*.{_MARK}.parquet")):
        if mark.name.split(".")[0] in known:
            continue
        note = _note(mark)
        batch_id = note["batch_id"]
        if batch_id not in newest or newest[batch_id][0]["landed_at"] < note["landed_at"]:
            newest[batch_id] = note, mark
    for batch_id, (note, mark) in sorted(
        newest.items(), key=lambda n: (n[1][0]["landed_at"], n[0])
    ):
        tables = {
            part.name.split(".")[1]: pq.read_table(part)
            for part in sorted(mark.parent.glob(f"{batch_id}.*.parquet"))
        }
        if note["status"] != "landed":
            tables = {_MARK: tables[_MARK]}
        ledger = {k: v for k, v in note.items() if k not in ("source", "batch_id", "path")}
        yield Batch(note["source"], batch_id, ledger, _bare(tables), note["path"])


def _note(mark: Path) -> dict[str, Any]:
    told = {**FORMER, **json.loads(pq.read_schema(mark).metadata[_LEDGER])}
    times = {k: datetime.fromisoformat(told[k]) for k in _TIMES if told.get(k)}
    dates = {k: date.fromisoformat(told[k]) for k in _DATES if told.get(k)}
    return {**told, "held_reason": told.get("held_reason"), "cursor": told.get("cursor"),
            "pulled_at": None, **times, **dates}  # fmt: skip


def _bare(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    return {n: t.replace_schema_metadata(None) for n, t in tables.items()}


def sweep(home: Home) -> int:
    """Remove half-written files of processes that are no longer alive; how many there were.

    Their names end with ``.<process id>.partial`` or, in the spool, begin with the process id.
    """
    left = [(p, p.suffixes[-2][1:]) for p in home.landing.rglob("*.*.partial")]
    spool = home.root / "spool"
    left += [(p, p.name.split("-")[0]) for p in spool.glob("*-*")]
    gone = [path for path, pid in left if not _alive(pid)]
    for path in gone:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(gone)


def _alive(pid: str) -> bool:
    # What bears our own number was left by a process that had it before: we have only begun.
    return pid.isdigit() and int(pid) != os.getpid() and psutil.pid_exists(int(pid))
