"""Taking a person out of what has landed: the batches on disk, the ledger and the landed tables.

Belongs here: the order of the steps, what becomes of a batch's counts and of its file. Does not belong
here: which rows are about the person (``erased_rows``), or files as they were delivered
(``erasing_files``).

The batches' files come first, the warehouse last and in one transaction: what a killed erasure has begun,
the next one finds still there, and ends.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from mqa_platform import decision_files
from mqa_platform.home import Home
from mqa_platform.sources.erased_person import Person
from mqa_platform.sources.erased_rows import DEFECTS, FILTERED, NAMES, cleaned, removed, replacement
from mqa_platform.sources.retention import REWRITES
from mqa_platform.sources.tombstones import EVENT, Tombstones
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.erasing import Counts, Named, erase_rows, named_rows

REASON: Final = "erasure"
_LEDGER: Final = b"mqa_ledger"
_REWRITES: Final = "_erasures.jsonl"
_COLUMNS: Final = (
    *(Named(n.table, n.column, n.kind, n.when, n.blank) for n in NAMES),
    Named("landed_signals", "source|event_id", EVENT),
    Named(DEFECTS, "raw_hash", "defect"),
)


@dataclass
class Rewritten:
    """What was taken out of landing: files and rows, by what they are."""

    files: int = 0
    rows: int = 0
    rewrites: list[dict[str, Any]] = field(default_factory=list)


def erase_landed(
    session: Session,
    home: Home,
    person: Person,
    stones: Tombstones,
    at: datetime,
    digests: Mapping[str, tuple[str, str]],
) -> Rewritten:
    """Takes a person out of the batches on disk, then out of the landed tables and the decisions.

    Args:
        session: of the warehouse.
        home: where landing lies.
        person: who.
        stones: tombstones that hold everything of the person.
        at: the moment for the record.
        digests: batch → digest of its delivered file before and after that was rewritten.
    """
    texts = [*person.keys, *sorted(person.names)]
    dropped = named_rows(session, _COLUMNS[:-1], person.refs())
    counts = _counts(session, dropped)
    done = _files(home, stones, texts, {c.batch_id: c.columns for c in counts}, at)
    ledger = session.table("landed_batches").select("batch_id", "source")
    sources = {r["batch_id"]: r["source"] for r in session.rows(ledger)}
    for batch, (old, new) in sorted(digests.items()):
        done.rewrites.append(_rewrite(batch, "file", sources.get(batch, ""), old, new, 1, at))
    _remember(home, done.rewrites)
    decided = _decisions(session, home, person, texts)
    defects = _defects(session, stones, texts)
    refs = [*person.refs(), *(("defect", h) for h in defects["raw_hash"].to_pylist())]
    done.rows += sum(n for tables in dropped.values() for n in tables.values())
    erase_rows(
        session,
        _COLUMNS,
        refs,
        {text: replacement(text) for text in texts},
        counts,
        {"decisions": ("decision_id", decided)},
        {DEFECTS: cleaned(DEFECTS, defects, stones, texts).table, REWRITES: unknown(session, home)},
    )
    return done


def remember(session: Session, home: Home) -> None:
    """After a rebuild: take the record of erasures back from the note beside landing."""
    rows = unknown(session, home)
    if len(rows):
        erase_rows(session, (), (), {}, (), {}, {REWRITES: rows})


def unknown(session: Session, home: Home) -> pa.Table:
    """The rewrites of erasures that ``privacy_rewrites`` does not have; after a rebuild, all of them."""
    schema = session.catalogue.arrow_schema(REWRITES)
    path = home.landing / _REWRITES
    told = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if not told:
        return schema.empty_table()
    known = {r["rewrite_id"] for r in session.rows(session.table(REWRITES).select("rewrite_id"))}
    rows = [
        {**row, "rewritten_at": datetime.fromisoformat(row["rewritten_at"])}
        for row in told
        if row["rewrite_id"] not in known
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _counts(session: Session, dropped: Mapping[str, Mapping[str, int]]) -> list[Counts]:
    """What the ledger says from now on of each batch that loses rows."""
    ledger = session.table("landed_batches")
    found = []
    for row in session.rows(ledger.filter(ledger["batch_id"].isin([*dropped, ""]))):
        batch = row["batch_id"]
        rows = removed(_stored(session, batch), dropped[batch], row["accepted_rows"])
        reasons = json.loads(row["reasons"])
        filtered = reasons.setdefault("filtered", {})
        filtered[FILTERED] = filtered.get(FILTERED, 0) + rows
        columns = {
            "accepted_rows": row["accepted_rows"] - rows,
            "filtered_rows": row["filtered_rows"] + rows,
            "reasons": json.dumps(reasons, sort_keys=True, separators=(",", ":")),
        }
        found.append(Counts(batch, columns))
    return found


def _stored(session: Session, batch: str) -> dict[str, int]:
    """Landed rows of a batch by table, what could not be read left out."""
    found = {}
    for name in session.catalogue.landed:
        if name != DEFECTS and session.exists(name):
            t = session.table(name)
            t = t.filter(t["batch_id"] == batch)
            found[name] = session.rows(t.aggregate(n=t.count()))[0]["n"]
    return found


def _files(
    home: Home,
    stones: Tombstones,
    texts: Collection[str],
    counts: Mapping[str, Mapping[str, object]],
    at: datetime,
) -> Rewritten:
    done = Rewritten()
    for path in landed_files(home):
        batch, name = path.name.split(".")[:2]
        table = pq.read_table(path)
        found = cleaned(name, table, stones, texts)
        metadata = dict(table.schema.metadata or {})
        note = _note(metadata, counts.get(batch, {}), texts)
        if not found.dropped and not found.changed and note == metadata.get(_LEDGER):
            continue
        old = _sha256(path)
        if note is not None:
            metadata[_LEDGER] = note
        _replace(path, found.table.replace_schema_metadata(metadata))
        if found.dropped or found.changed:
            done.files += 1
            rows = found.dropped + found.changed
            source = path.parent.parent.name
            done.rewrites.append(_rewrite(batch, name, source, old, _sha256(path), rows, at))
    return done


def landed_files(home: Home) -> Iterator[Path]:
    """The Parquet files of every batch, superseded ones as well."""
    yield from sorted(home.landing.glob("*/*/*.parquet"))


def _note(
    metadata: Mapping[bytes, bytes], counts: Mapping[str, object], texts: Collection[str]
) -> bytes | None:
    """The ledger's row in a file, with the batch's new counts and without the person."""
    if _LEDGER not in metadata:
        return None
    told = json.loads(metadata[_LEDGER])
    note = json.dumps({**told, **counts}, default=str) if counts else metadata[_LEDGER].decode()
    for text in texts:
        note = note.replace(text, replacement(text))
    return note.encode()


def _rewrite(
    batch: str, what: str, source: str, old: str, new: str, rows: int, at: datetime
) -> dict[str, Any]:
    return {
        "rewrite_id": f"{batch}-{what}-{new[:12]}", "batch_id": batch, "source": source,
        "reason": REASON, "old_sha256": old, "new_sha256": new, "rewritten_at": at.isoformat(),
        "rows": rows,
    }  # fmt: skip


def _remember(home: Home, rewrites: list[dict[str, Any]]) -> None:
    if not rewrites:
        return
    path = home.landing / _REWRITES
    before = path.read_text() if path.exists() else ""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(before + "".join(json.dumps(row) + "\n" for row in rewrites))
    partial.replace(path)


def _defects(session: Session, stones: Tombstones, texts: Collection[str]) -> pa.Table:
    """The rows that could not be read and have something of the person in them."""
    t = session.table(DEFECTS)
    rows = session.arrow(t)
    hit = {
        h
        for h, new in zip(
            rows["raw"].to_pylist(),
            cleaned(DEFECTS, rows, stones, texts).table["raw"].to_pylist(),
            strict=True,
        )
        if h != new
    }
    return rows.filter(pa.array([raw in hit for raw in rows["raw"].to_pylist()], pa.bool_()))


def _decisions(session: Session, home: Home, person: Person, texts: Collection[str]) -> pa.Table:
    """The decisions that knew of the person, as they read without; those on disk are rewritten."""
    ids = {*person.signals}
    for path in decision_files.files(home, "decisions"):
        table = pq.read_table(path)
        again = decision_files.pseudonymous(table, ids, texts)
        if not again.equals(table):
            _replace(path, again)
    stored = session.arrow(session.table("decisions"))
    again = decision_files.pseudonymous(stored, ids, texts)
    changed = [a != b for a, b in zip(stored.to_pylist(), again.to_pylist(), strict=True)]
    return again.filter(pa.array(changed, pa.bool_()))


def _replace(target: Path, table: pa.Table) -> None:
    partial = target.with_suffix(f".{os.getpid()}.partial")
    pq.write_table(table, partial, compression="zstd")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
