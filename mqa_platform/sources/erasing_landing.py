"""Taking a person out of what has landed: the batches on disk, the ledger and the landed tables.

Belongs here: the order of the steps, what becomes of a batch's counts and of its file. Does not belong
here: which rows are about the person (``erased_rows``), or files as they were delivered
(``erasing_files``).

Each rewrite is noted before it is made. The batches' files come first, the warehouse last and in one
transaction: what a killed erasure has begun, the next one finds still there, and ends.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from mqa_platform import decision_files
from mqa_platform.home import Home
from mqa_platform.sources import erasing_record
from mqa_platform.sources.erased_person import Person
from mqa_platform.sources.erased_rows import DEFECTS, FILTERED, NAMES, cleaned, removed, replacement
from mqa_platform.sources.erasing_record import rewrite, unknown
from mqa_platform.sources.retention import REWRITES
from mqa_platform.sources.tombstones import EVENT, Tombstones
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.erasing import Counts, Named, erase_rows, named_rows
from mqa_platform.warehouse.spellings import spelled

_LEDGER: Final = b"mqa_ledger"
# What names people in landed tables, each column in the rows in which it does.
NAMING: Final = (
    *(Named(n.table, n.column, n.kind, n.when, n.blank) for n in NAMES),
    Named("landed_signals", "source|event_id", EVENT),
)
_COLUMNS: Final = (*NAMING, Named(DEFECTS, "raw_hash", "defect"))


@dataclass
class Rewritten:
    """What was taken out of landing: files and rows, by what they are."""

    files: int = 0
    rows: int = 0


def erase_landed(
    session: Session,
    home: Home,
    person: Person,
    stones: Tombstones,
    at: datetime,
) -> Rewritten:
    """Takes a person out of the batches on disk, then out of the landed tables and the decisions.

    Args:
        session: of the warehouse.
        home: where landing lies.
        person: who.
        stones: tombstones that hold everything of the person.
        at: the moment for the record.
    """
    texts = [*person.keys, *sorted(person.names)]
    dropped = named_rows(session, NAMING, person.refs())
    counts = _counts(session, dropped)
    done = _files(home, stones, texts, {c.batch_id: c.columns for c in counts}, at)
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
        if note is not None:
            metadata[_LEDGER] = note
        partial = _written(path, found.table.replace_schema_metadata(metadata))
        if found.dropped or found.changed:
            done.files += 1
            hashes, rows = (_sha256(path), _sha256(partial)), found.dropped + found.changed
            erasing_record.note(
                home, [rewrite(batch, name, path.parent.parent.name, hashes, rows, at)]
            )
        partial.replace(path)
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
        note = re.sub(spelled(text), replacement(text), note, flags=re.IGNORECASE)
    return note.encode()


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
            _written(path, again).replace(path)
    stored = session.arrow(session.table("decisions"))
    again = decision_files.pseudonymous(stored, ids, texts)
    changed = [a != b for a, b in zip(stored.to_pylist(), again.to_pylist(), strict=True)]
    return again.filter(pa.array(changed, pa.bool_()))


def _written(target: Path, table: pa.Table) -> Path:
    """The file that is to take the place of another."""
    partial = target.with_suffix(f".{os.getpid()}.partial")
    pq.write_table(table, partial, compression="zstd")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    return partial


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
