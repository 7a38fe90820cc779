"""Landing: every file of every source, read once, kept for ever as Parquet and entered in the ledger.

Belongs here: which files are new, the immutable Parquet batch, the ledger row, the quarantine limit.
Does not belong here: reading a vendor's format (connectors) or what rows mean (``core``).

A batch is named by the SHA-256 of its source and content: the same bytes land once, under any name. The
Parquet files are written before the warehouse hears of them, and a file whose batch the ledger does not
know is entered on the next run, so a kill between the two, or a lost warehouse, needs no manual step.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source
from mqa_platform.sources.files import expand
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.lateness import IDENTITY, SIGNALS, late_signals, told_anew
from mqa_platform.warehouse import Session

_LEDGER = b"mqa_ledger"
# In a shadow's home: the live home's landing, which it reads and never writes.
LIVE_LANDING = "live_landing"


class QuarantineLimitError(Exception):
    """A source delivered more unreadable rows than the policy allows; nothing of this run was landed."""


@dataclass
class LandingReport:
    """What a run landed: rows by source, and what it has to say about missing or known files."""

    files: int = 0
    known: int = 0
    rows: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    quarantined: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    reasons: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    messages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Batch:
    source: str
    path: Path
    batch_id: str
    sha256: str
    landed: Landed


def _digest(source: str, path: Path) -> str:
    digest = hashlib.sha256(source.encode() + b"\0")
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


class _Seen:
    """Digests of files by path, size and time of change, so that old files are not read every run."""

    def __init__(self, home: Home) -> None:
        self.path = home.landing / "seen.json"
        try:
            self.digests: dict[str, str] = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            self.digests = {}
        self.changed = False

    def digest(self, source: str, path: Path) -> str:
        stat = path.stat()
        key = f"{source}|{path}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self.digests:
            self.digests[key] = _digest(source, path)
            self.changed = True
        return self.digests[key]

    def save(self) -> None:
        if self.changed:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_suffix(f".{os.getpid()}")
            partial.write_text(json.dumps(self.digests))
            partial.replace(self.path)


def _waiting(
    policy: Policy, home: Home, known: set[str], report: LandingReport
) -> Iterator[tuple[str, Source, Path, str]]:
    """(source, declaration, file, digest) of every file that has not landed."""
    seen = _Seen(home)
    for name, source in policy.sources.sources.items():
        paths = expand(source, home.root, home.data)
        if not paths:
            report.messages.append(
                f"{name}: no files match {source.path}; optional, so the run goes on"
            )
        for path in paths:
            digest = seen.digest(name, path)
            if digest[:16] in known:
                report.known += 1
            else:
                known.add(digest[:16])
                yield name, source, path, digest
    seen.save()


def _check_limit(batches: list[_Batch], policy: Policy) -> None:
    """Refuse a source whose new files hold too many unreadable rows, before anything is landed."""
    rows: dict[str, int] = defaultdict(int)
    bad: dict[str, list[_Batch]] = defaultdict(list)
    for batch in batches:
        rows[batch.source] += batch.landed.rows
        bad[batch.source].append(batch)
    for source, those in bad.items():
        count = sum(len(b.landed.defects) for b in those)
        if (
            count >= policy.program.quarantine_at_least
            and count > policy.program.max_quarantine_ratio * rows[source]
        ):
            worst = max(those, key=lambda b: len(b.landed.defects))
            reasons = ", ".join(f"{n} {r}" for r, n in worst.landed.reasons().items())
            raise QuarantineLimitError(
                f"{source}: {count} of {rows[source]} new rows cannot be read "
                f"({count / rows[source]:.1%}, limit {policy.program.max_quarantine_ratio:.1%}); "
                f"most are in {worst.path.name}: {reasons}. Nothing was landed or published. Correct or "
                "remove the file, or raise max_quarantine_ratio in program.yaml, and run again."
            )


def _ledger(batch: _Batch, at: datetime, path: str) -> dict[str, Any]:
    days = [t["event_date"] for t in batch.landed.tables.values() if "event_date" in t.column_names]
    spans = [pc.min_max(d).as_py() for d in days if len(d)]
    return {
        "path": path,
        "file_name": batch.path.name,
        "sha256": batch.sha256,
        "landed_at": at,
        "landed_on": at.date(),
        "landed_rows": batch.landed.rows,
        "accepted_rows": batch.landed.accepted,
        "quarantined_rows": len(batch.landed.defects),
        "first_event_on": min((s["min"] for s in spans), default=None),
        "last_event_on": max((s["max"] for s in spans), default=None),
    }


def _write(
    home: Home, batch: _Batch, at: datetime
) -> tuple[str, dict[str, pa.Table], dict[str, Any]]:
    """The batch as Parquet under landing/<source>/<arrival day>/, the ledger row in its metadata."""
    folder = home.landing / batch.source / at.date().isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    tables = {n: t for n, t in batch.landed.tables.items() if t.num_rows}
    tables["landed_defects"] = batch.landed.defects
    relative = folder.relative_to(home.root).as_posix()
    ledger = _ledger(batch, at, f"{relative}/{batch.batch_id}")
    note = json.dumps({"source": batch.source, "batch_id": batch.batch_id, **ledger}, default=str)
    # The defects file is written last: a batch without one was cut short and is read again.
    for name, table in tables.items():
        stamped = table.replace_schema_metadata({_LEDGER: note.encode()})
        target = folder / f"{batch.batch_id}.{name}.parquet"
        partial = target.with_suffix(f".{os.getpid()}.partial")
        pq.write_table(stamped, partial, compression="zstd")
        partial.replace(target)
    return ledger["path"], tables, ledger


def _forgotten(
    home: Home, known: set[str]
) -> Iterator[tuple[str, str, dict[str, pa.Table], dict[str, Any]]]:
    """Landed batches that the ledger does not know: the warehouse was lost, or a run was killed."""
    places = (home.landing, home.root / LIVE_LANDING)
    for mark in sorted(m for p in places for m in p.glob("*/*/*.landed_defects.parquet")):
        batch_id = mark.name.split(".")[0]
        if batch_id in known:
            continue
        tables = {}
        for part in sorted(mark.parent.glob(f"{batch_id}.*.parquet")):
            tables[part.name.split(".")[1]] = pq.read_table(part)
        note = json.loads(tables["landed_defects"].schema.metadata[_LEDGER])
        at = datetime.fromisoformat(note["landed_at"])
        days = {
            k: datetime.fromisoformat(note[k]).date() if note[k] else None
            for k in ("landed_on", "first_event_on", "last_event_on")
        }
        ledger = {**note, "landed_at": at, **days}
        yield ledger.pop("source"), ledger.pop("batch_id"), _bare(tables), ledger


def _bare(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    return {n: t.replace_schema_metadata(None) for n, t in tables.items()}


def _reopen(session: Session, tables: dict[str, pa.Table]) -> None:
    """Ask for the days that the batch changes, before it lands: a kill in between asks in vain."""
    day = told_anew(session, tables)
    if day is not None:
        session.reopen(IDENTITY, day)
    late = late_signals(session, tables)
    if late is not None:
        session.reopen(SIGNALS, late)


def land_new(
    session: Session,
    policy: Policy,
    home: Home,
    at: datetime | None = None,
    progress: Callable[[str], None] | None = None,
) -> LandingReport:
    """Lands every file of the policy's sources that has not landed yet.

    Args:
        session: of the warehouse that keeps the landed tables.
        policy: names the sources and the quarantine limit.
        home: where inbox and landing lie.
        at: arrival time written to the ledger; default now.
        progress: told the name of each file as it is read.

    Raises:
        SourceError: a file cannot be read at all, or a required source has none.
        QuarantineLimitError: a source has too many unreadable rows. In both cases nothing was landed.
    """
    # Here, so that the code location loads without the connectors and what they need.
    from mqa_platform.sources.registry import CONNECTORS

    at = at or datetime.now(UTC)
    report = LandingReport()
    ledger_table = session.table("landed_batches")
    known = {row["batch_id"] for row in session.rows(ledger_table.select("batch_id"))}
    for source, batch_id, tables, ledger in _forgotten(home, known):
        _reopen(session, tables)
        session.land(source, batch_id, ledger.pop("path"), tables, ledger)
        known.add(batch_id)
    batches = []
    for name, source_def, path, digest in _waiting(policy, home, known, report):
        if progress:
            progress(path.name)
        landed = CONNECTORS[source_def.connector](path, source_def).named(name)
        batches.append(_Batch(name, path, digest[:16], digest, landed))
    _check_limit(batches, policy)
    for batch in batches:
        landed_path, tables, ledger = _write(home, batch, at)
        ledger.pop("path")
        _reopen(session, tables)
        session.land(batch.source, batch.batch_id, landed_path, _bare(tables), ledger)
        report.files += 1
        report.rows[batch.source] += batch.landed.rows
        report.quarantined[batch.source] += len(batch.landed.defects)
        for reason, count in batch.landed.reasons().items():
            report.reasons[reason] += count
    return report


__all__ = ["LandingReport", "QuarantineLimitError", "SourceError", "land_new"]
