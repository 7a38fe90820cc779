"""Where a market goes and how it gets there whole: lock, hidden folder, one rename.

Belongs here: the home directory's rules. Does not belong here: what is written.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mqa_platform.market.config import FORMAT_VERSION, MarketConfig, MarketError, MarketSummary

MARKER = ".market.json"
_PARTIAL = ".market-partial"


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the home's market lock; raises MarketError while another process generates there."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".market.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise MarketError(
                f"another process is generating a market in {home}; wait for it to end"
            ) from None
        yield


def stored_summary(config: MarketConfig, home: Path) -> MarketSummary | None:
    """The summary of the market that is there, None for none.

    Raises MarketError when the inbox holds another market or other files.
    """
    inbox = home / "inbox"
    marker = inbox / MARKER
    if marker.exists():
        stored = json.loads(marker.read_text())
        same = (
            stored.get("format_version") == FORMAT_VERSION
            and stored.get("config") == config.as_json()
        )
        if same:
            return MarketSummary.from_json(stored)
        raise MarketError(
            f"{inbox} holds another market ({stored.get('config')}, "
            f"format {stored.get('format_version')}); "
            "choose another home, or remove its inbox and truth folders first"
        )
    if inbox.exists() and any(path.is_file() for path in inbox.rglob("*")):
        raise MarketError(
            f"{inbox} holds files that are not a market's; choose another home, or move them away"
        )
    return None


def empty_partial(home: Path) -> Path:
    """A fresh hidden folder for the files; what a killed run left there is removed."""
    partial = home / _PARTIAL
    if partial.exists():
        shutil.rmtree(partial)
    (partial / "inbox").mkdir(parents=True)
    (partial / "truth").mkdir()
    return partial


def put_in_place(partial: Path, home: Path, summary: MarketSummary) -> None:
    """Move truth and inbox to their places; the inbox, with its marker, appears in one rename."""
    marker = json.dumps(summary.as_json(), indent=1, sort_keys=True) + "\n"
    (partial / "inbox" / MARKER).write_text(marker)
    # Truth goes first: an inbox in place always has its truth beside it.
    for name in ("truth", "inbox"):
        there = home / name
        if there.exists():
            shutil.rmtree(there)
        os.replace(partial / name, there)
    partial.rmdir()
