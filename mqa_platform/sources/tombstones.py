"""Tombstones: what is remembered of people who were erased, so that no source brings them back.

Belongs here: the keyed digests of their addresses, browsers and records, on disk and while reading.
Does not belong here: erasing (``erasing_landing``), or which rows are about whom (``erased_rows``).

A tombstone says of an address that is shown to it whether it was erased; it does not say which it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from mqa_platform.home import Home
from mqa_platform.sources.batches import LIVE_LANDING
from mqa_platform.sources.personal_key import ERASED_KEY, address_digest, record_digest

_FILE: Final = "_erased.jsonl"
ADDRESS, PERSON, COOKIE, LEAD, CONTACT, EVENT = (
    "address", "person", "cookie", "lead", "contact", "event",
)  # fmt: skip
# What a reader makes of an erased address.
NOBODY: Final = f"email:{ERASED_KEY}"


@dataclass(frozen=True)
class Tombstones:
    """The digests of a home, by kind."""

    digests: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Home) -> Tombstones:
        """Those of the home, and in a shadow those of the live home."""
        found: dict[str, set[str]] = {}
        for row in told(home):
            found.setdefault(row["kind"], set()).add(row["digest"])
        return cls({kind: frozenset(digests) for kind, digests in found.items()})

    def __bool__(self) -> bool:
        return bool(self.digests)

    @property
    def addresses(self) -> frozenset[str]:
        """Digests of addresses, for ``personal_key.forgetting``."""
        return self.digests.get(ADDRESS, frozenset())

    def holds(self, kind: str, ref: str) -> bool:
        """Whether a browser, a record or a person of this reference was erased."""
        if kind == PERSON and ref == NOBODY:
            return True
        return kind in self.digests and record_digest(kind, ref) in self.digests[kind]


def told(home: Home) -> list[dict[str, Any]]:
    """Every tombstone with its day and reason, oldest first."""
    rows = []
    for folder in (home.root / LIVE_LANDING, home.landing):
        path = folder / _FILE
        if path.exists():
            rows += [json.loads(line) for line in path.read_text().splitlines()]
    return rows


def bury(
    home: Home, address: str, records: Iterable[tuple[str, str]], at: datetime, reason: str
) -> None:
    """Add the tombstones of an address and of (kind, reference) records; those there are stay."""
    digests = [(ADDRESS, address_digest(address))]
    digests += [(kind, record_digest(kind, ref)) for kind, ref in sorted(set(records))]
    known = {(row["kind"], row["digest"]) for row in told(home)}
    new = [
        {"kind": kind, "digest": digest, "at": at.isoformat(), "reason": reason}
        for kind, digest in digests
        if (kind, digest) not in known
    ]
    if new:
        _append(home.landing / _FILE, new)


def _append(path: Path, rows: Collection[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() if path.exists() else ""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(before + "".join(json.dumps(row) + "\n" for row in rows))
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
