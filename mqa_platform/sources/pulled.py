"""What services answered, kept on disk as JSON lines before it is landed.

Belongs here: the files under ``pulled/<source>/<stream>/`` and their names. Does not belong here: asking
a service, or landing what is written.

A page is written whole or not at all, and is never changed afterwards: a new mapping reads it again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mqa_platform.home import Home


def folder(home: Home, source: str, stream: str) -> Path:
    """Where the pages of one stream lie."""
    return home.root / "pulled" / source / stream


def sweep(home: Home, source: str) -> None:
    """Remove what a killed process left half written; pages that are whole stay."""
    for partial in (home.root / "pulled" / source).glob("*/*.partial"):
        partial.unlink(missing_ok=True)


def write_page(home: Home, source: str, stream: str, sequence: int, records: Iterable[Any]) -> Path:
    """Write one page: a record a line, keys in alphabetical order, under a name that says its content.

    Args:
        home: under which ``pulled`` lies.
        source: the name in sources.yaml.
        stream: one of the source's streams.
        sequence: how many pages of the stream came before; files sort by it.
        records: what the service gave, as parsed from JSON.

    Returns:
        The file. The same records at the same place give the same file.
    """
    lines = [
        json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        for record in records
    ]
    # Half of a surrogate pair is legal in JSON text and in no encoding.
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", errors="replace")
    place = folder(home, source, stream)
    # Answers of a CRM hold people's addresses in clear: they are the owner's to read alone.
    (home.root / "pulled").mkdir(mode=0o700, parents=True, exist_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{sequence:08d}-{hashlib.sha256(content).hexdigest()[:16]}.jsonl"
    if not path.exists():
        partial = path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    return path
