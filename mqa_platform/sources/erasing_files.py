"""Taking a person out of files under the home: deliveries, pulled pages, exports, reports, logs.

Belongs here: which files are looked at, and telling the ledger of a delivery that reads otherwise now.
Does not belong here: how a file is read (``erasing_texts``), or batches (``erasing_landing``).

A delivery that has landed must not land again only because it is shorter now. So an entry without rows says
that its new bytes are settled, and names the batch that it stands for: when another mapping reads the file
again, both make way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from mqa_platform.home import Home
from mqa_platform.sources.batches import Batch, counts, nothing_read, write
from mqa_platform.sources.erasing_texts import Needles, put, read_text, without
from mqa_platform.sources.waiting import Digests, Ledger, digests
from mqa_platform.warehouse import Session

# What is a store of its own and is looked at as one, or is rewritten as landing.
_STORES: Final = ("warehouse.duckdb", "snapshot.duckdb", "postgres", "erasing", "shadows")
# What people wrote for the platform to read: it is told of, and never rewritten.
_THEIRS: Final = ("policy", "policies")


@dataclass
class Scrubbed:
    """What was done to files: how many, how many records went, and the deliveries among them."""

    files: int = 0
    removed: int = 0
    digests: dict[str, tuple[str, str]] = field(default_factory=dict)


def files(home: Home) -> Iterator[Path]:
    """Every file under the home that is no store; links are not followed."""
    for path in _below(home.root):
        top = path.relative_to(home.root).parts[0]
        if not top.removesuffix(".wal").endswith(".duckdb") and top not in _STORES:
            yield path


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_symlink():
            continue
        if path.is_dir():
            if path.name not in ("postgres", "shadows"):
                yield from _below(path)
        elif path.is_file():
            yield path


def addresses_in_files(home: Home, needles: Needles) -> set[str]:
    """The spellings of the person's addresses that stand in files, such as with a plus."""
    found: set[str] = set()
    for path in files(home):
        content = path.read_bytes()
        if needles.may_be_in(content) or content[:2] == b"\x1f\x8b" or content[:4] == b"PAR1":
            found |= needles.addresses(read_text(content) or "")
    return found


def scrub(session: Session, home: Home, needles: Needles, at: datetime) -> Scrubbed:
    """Takes a person out of every file under the home but batches; the ledger follows."""
    done = Scrubbed()
    ledger = Ledger(session.rows(session.table("landed_batches")), at)
    for path in files(home):
        relative = path.relative_to(home.root)
        is_batch = relative.parts[0] == "landing" and path.suffix == ".parquet"
        if is_batch or relative.parts[0] in _THEIRS:
            continue
        content = path.read_bytes()
        found = without(path, content, needles)
        if found is None:
            continue
        old = hashlib.sha256(content).hexdigest()
        put(path, found.content)
        done.files += 1
        done.removed += found.removed
        done.digests |= _settled(session, home, ledger, path, old)
    return done


def _settled(
    session: Session, home: Home, ledger: Ledger, path: Path, old: str
) -> dict[str, tuple[str, str]]:
    """Enters the bytes that are left of a delivery; the batches that it became, with both digests."""
    same = [row for row in ledger.rows.values() if row["sha256"] == old]
    new = hashlib.sha256(path.read_bytes()).hexdigest()
    for row in [r for r in same if r["status"] == "landed"]:
        found = digests(row["source"], path)
        one = ledger.batch_id(Digests(found.content, found.named), row["read_as"])
        if one in ledger.rows:
            continue
        moment = ledger.moment()
        told = {k: row[k] for k in ("file_name", "stream", "read_as", "declared")}
        told |= {"sha256": new, "status": "landed", "held_reason": None, "cursor": None}
        told |= {"stands_for": row["batch_id"]}
        told |= {"pulled_at": None, "landed_at": moment, "landed_on": moment.date()}
        batch = write(
            home, Batch(row["source"], one, {**told, **counts(nothing_read(), held=False)})
        )
        session.land(batch.source, batch.batch_id, batch.path, batch.tables, batch.ledger)
        ledger.add(batch, [])
    return {row["batch_id"]: (old, new) for row in same}


def remains(home: Home, needles: Needles) -> dict[str, int]:
    """Folder or file of the home → files in which something of the person still stands."""
    found: dict[str, int] = {}
    for path in files(home):
        top = path.relative_to(home.root).parts[0]
        found.setdefault(top, 0)
        content = path.read_bytes()
        if not needles.may_be_in(content) and content[:2] != b"\x1f\x8b" and content[:4] != b"PAR1":
            continue
        found[top] += int(needles.hit(read_text(content) or ""))
    return found
