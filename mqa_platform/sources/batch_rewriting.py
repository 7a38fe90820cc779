"""Rewriting one landed batch on disk: the only change a Parquet file of landing ever sees.

Belongs here: replacing addresses in a batch's file, the answers stored beside it, and the note of what
was done, in the file itself. Does not belong here: which addresses and when (``retention``), or writing
batches in the first place (``batches``).

Every file is replaced in one step, so a reader sees the old one or the new one. The note stays with the
batch, so that a lost warehouse gets its ``privacy_rewrites`` back.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mqa_platform.core.ip_answers import DROPPED
from mqa_platform.sources.columns import flat, mask, present
from mqa_platform.sources.landed import Mask

_NOTES: Final = b"mqa_privacy"
ANSWERS: Final = "landed_ip_answers"
REASON: Final = "ip_retention"


@dataclass(frozen=True)
class BatchFile:
    """Where a batch lies: ``stem`` is its path under the home without the table's name."""

    batch_id: str
    source: str
    stem: Path

    @property
    def signals(self) -> Path:
        """The file of its signals."""
        return self.stem.with_name(f"{self.batch_id}.landed_signals.parquet")

    @property
    def answers(self) -> Path:
        """The file of what was said of addresses that it no longer has."""
        return self.stem.with_name(f"{self.batch_id}.{ANSWERS}.parquet")

    def stored_answers(self) -> pa.Table | None:
        """The answers that lie beside the batch; None when there are none."""
        return pq.read_table(self.answers) if self.answers.exists() else None

    def rewrites(self) -> list[dict[str, Any]]:
        """Rows of ``privacy_rewrites``: what was done to the batch, oldest first."""
        if not self.signals.exists():
            return []
        notes = _notes(pq.read_schema(self.signals).metadata)
        hashes = [note["old_sha256"] for note in notes[1:]]
        hashes += [_sha256(self.signals)] if notes else []
        return [
            {
                **note,
                "rewrite_id": f"{self.batch_id}-{number}",
                "batch_id": self.batch_id,
                "source": self.source,
                "new_sha256": new,
                "rewritten_at": datetime.fromisoformat(note["rewritten_at"]),
            }
            for number, (note, new) in enumerate(zip(notes, hashes, strict=True), start=1)
        ]

    def drop(
        self, tokens: Mapping[str, str], answers: pa.Table, before: date, at: datetime
    ) -> None:
        """Put tokens in place of the addresses of signals before a day; again, it does nothing.

        Args:
            tokens: address → token.
            answers: what was said of them, with the landed_ip_answers schema without ``batch_id``.
            before: the first day whose signals keep their addresses.
            at: the moment for the note.
        """
        if not self.signals.exists():
            return
        table = pq.read_table(self.signals)
        due = raw_ips(table, before)
        if not due.any():
            return
        metadata = dict(table.schema.metadata or {})
        # First: a token without its answer would lose what the address said.
        self._add_answers(answers, metadata)
        encoded = flat(table["ip"]).dictionary_encode()
        named = [tokens.get(ip, ip) for ip in encoded.dictionary.to_pylist()]
        replaced = pa.array(named, pa.string()).take(encoded.indices)
        at_column = table.schema.get_field_index("ip")
        ips = pc.if_else(pa.array(due), replaced, flat(table["ip"]))
        note = {
            "reason": REASON,
            "old_sha256": _sha256(self.signals),
            "rewritten_at": at.isoformat(),
            "rows": int(due.sum()),
        }
        metadata[_NOTES] = json.dumps([*_notes(metadata), note]).encode()
        table = table.set_column(at_column, table.schema.field(at_column), ips)
        _replace(self.signals, table.replace_schema_metadata(metadata))

    def _add_answers(self, answers: pa.Table, metadata: Mapping[bytes, bytes]) -> None:
        stored = self.stored_answers()
        if stored is not None:
            fresh = pc.invert(pc.is_in(flat(answers["ip"]), flat(stored["ip"])))
            bare = stored.replace_schema_metadata(None)
            answers = pa.concat_tables([bare, answers.filter(fresh)])
        _replace(self.answers, answers.replace_schema_metadata(metadata))


def raw_ips(signals: pa.Table, before: date) -> Mask:
    """Which landed signals of days before a day still have their address."""
    ips, days = flat(signals["ip"]), flat(signals["event_date"])
    is_raw = present(ips) & ~mask(pc.starts_with(ips, DROPPED))
    old = mask(pc.less(days, pa.scalar(before, pa.date32())))
    return np.asarray(is_raw & old, dtype=np.bool_)


def _notes(metadata: Mapping[bytes, bytes] | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((metadata or {}).get(_NOTES, b"[]"))
    return found


def _replace(target: Path, table: pa.Table) -> None:
    partial = target.with_suffix(f".{os.getpid()}.partial")
    pq.write_table(table, partial, compression="zstd")
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
