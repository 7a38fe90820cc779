"""The record of what erasures rewrote: beside landing at once, and in ``privacy_rewrites``.

Belongs here: the note of each file's hash before and after, and taking the notes back into the warehouse.
Does not belong here: rewriting (``erasing_landing``, ``erasing_files``), or dropped addresses
(``retention``).

A note is written before its file is replaced: a kill in between leaves a note of what the next erasure does.
"""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from mqa_platform.home import Home
from mqa_platform.sources.retention import REWRITES
from mqa_platform.warehouse import Session
from mqa_platform.warehouse.erasing import erase_rows

REASON: Final = "erasure"
_FILE: Final = "_erasures.jsonl"


def rewrite(
    batch: str, what: str, source: str, hashes: tuple[str, str], rows: int, at: datetime
) -> dict[str, Any]:
    """One note: of a batch's table, or of its delivered ``file``; hashes before and after."""
    old, new = hashes
    return {
        "rewrite_id": f"{batch}-{what}-{new[:12]}", "batch_id": batch, "source": source,
        "reason": REASON, "old_sha256": old, "new_sha256": new, "rewritten_at": at.isoformat(),
        "rows": rows,
    }  # fmt: skip


def note(home: Home, rewrites: list[dict[str, Any]]) -> None:
    """Write down what is about to be rewritten; what stands there already stays as it is."""
    before = _noted(home)
    known = {row["rewrite_id"] for row in before}
    new = [row for row in rewrites if row["rewrite_id"] not in known]
    if not new:
        return
    path = home.landing / _FILE
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text("".join(json.dumps(row) + "\n" for row in [*before, *new]))
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)


def remember(session: Session, home: Home) -> None:
    """After a rebuild: take the record of erasures back from the note beside landing."""
    rows = unknown(session, home)
    if len(rows):
        erase_rows(session, (), (), {}, (), {}, {REWRITES: rows})


def unknown(session: Session, home: Home) -> pa.Table:
    """The rewrites of erasures that ``privacy_rewrites`` does not have; after a rebuild, all of them."""
    schema = session.catalogue.arrow_schema(REWRITES)
    told = _noted(home)
    if not told:
        return schema.empty_table()
    known = {r["rewrite_id"] for r in session.rows(session.table(REWRITES).select("rewrite_id"))}
    rows = [
        {**row, "rewritten_at": datetime.fromisoformat(row["rewritten_at"])}
        for row in told
        if row["rewrite_id"] not in known
    ]
    return pa.Table.from_pylist(rows, schema=schema)


def _noted(home: Home) -> list[dict[str, Any]]:
    path = home.landing / _FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
