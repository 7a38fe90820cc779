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
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from mqa_platform.home import Home
from mqa_platform.sources.batches import Batch, counts, nothing_read, write
from mqa_platform.sources.erasing_record import note, rewrite
from mqa_platform.sources.erasing_texts import opened, put, read_text, without
from mqa_platform.sources.needles import Needles
from mqa_platform.sources.waiting import Digests, Ledger
from mqa_platform.warehouse import Session

# What is a store of its own and is looked at as one, or is rewritten as landing.
_STORES: Final = ("warehouse.duckdb", "snapshot.duckdb", "postgres", "erasing", "shadows")
# What people wrote for the platform to read: it is told of, and never rewritten.
_THEIRS: Final = ("policy", "policies")
# Tables of networks: nobody's address is in them.
_NETWORKS: Final = (".mmdb",)


@dataclass
class Scrubbed:
    """What was done to files: how many, and how many records went."""

    files: int = 0
    removed: int = 0


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
        content = opened(path.read_bytes())
        if content and (content.is_parquet or needles.may_be_in(content.content)):
            found |= needles.addresses(read_text(content))
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
        # The ledger first: a delivery that has been shortened and is not entered would land again.
        _settle(session, home, ledger, content, found.content)
        put(path, found.content)
        done.files += 1
        done.removed += found.removed
    return done


def _settle(session: Session, home: Home, ledger: Ledger, before: bytes, after: bytes) -> None:
    """Enters the bytes that are left of a delivery, and notes what became of its file."""
    old, new = (hashlib.sha256(content).hexdigest() for content in (before, after))
    same = [row for row in ledger.rows.values() if row["sha256"] == old]
    at = ledger.moment()
    note(home, [rewrite(r["batch_id"], "file", r["source"], (old, new), 1, at) for r in same])
    for row in [r for r in same if r["status"] == "landed"]:
        named = hashlib.sha256(row["source"].encode() + b"\0" + after).hexdigest()
        one = ledger.batch_id(Digests(new, named), row["read_as"])
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


def remains(home: Home, needles: Needles) -> tuple[dict[str, int], list[str]]:
    """What still has something of the person in it, and what nobody can look into.

    Returns:
        Folder or file of the home → how many files. The paths of files that are neither text nor Parquet,
        or damaged: of these only the plain bytes were searched.
    """
    found: dict[str, int] = {}
    closed = []
    for path in files(home):
        relative = path.relative_to(home.root)
        top = relative.parts[0]
        found.setdefault(top, 0)
        content = path.read_bytes()
        text = opened(content)
        if text is None:
            closed += [] if path.suffix in _NETWORKS else [relative.as_posix()]
            found[top] += int(needles.in_octets(content))
        elif text.is_parquet or needles.may_be_in(text.content):
            found[top] += int(needles.hit(read_text(text)))
    return found, closed
