"""Raw pages of feeds that hold addresses: they go when the addresses do.

Belongs here: finding such pages and removing them. Does not belong here: the batches that they became,
which stay (``retention``).

A page of a CRM is kept, because another mapping reads it again; it has no addresses of visitors. A page
of a feed is never read again once it has landed, so nothing is lost with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sources.waiting import digests
from mqa_platform.warehouse import Session

_LIKE_AN_ADDRESS: Final = re.compile(r"[0-9A-Fa-f:.]{2,45}")


def drop_pages(
    session: Session,
    home: Home,
    policy: Policy,
    due: Mapping[str, Collection[str]],
    before: date,
) -> int:
    """Remove raw pages of feeds that have addresses; how many there were.

    Args:
        session: asked which sources deliver addresses at all.
        home: where ``pulled`` lies.
        policy: says which sources are feeds.
        due: source → addresses that are being dropped: a page that has one of them goes.
        before: a page of such a feed that was written before this day goes in any case, unless it
            is held: it is all that there is of what it says.
    """
    feeds = [n for n, s in policy.sources.sources.items() if s.connector == "json_feed"]
    feeds = [name for name in feeds if (home.root / "pulled" / name).is_dir()]
    if not feeds:
        return 0
    signals = session.table("landed_signals")
    asked = signals.filter(signals["source"].isin(feeds) & signals["ip"].notnull())
    with_addresses = {row["source"] for row in session.rows(asked.select("source").distinct())}
    held = _held(session)
    gone = 0
    for name in sorted(with_addresses):
        for page in sorted((home.root / "pulled" / name).rglob("*.jsonl")):
            due_now = _written_on(page) < before or _has_any(page, set(due.get(name, ())))
            if due_now and (name, digests(name, page).content) not in held:
                page.unlink()
                gone += 1
    return gone


def _held(session: Session) -> set[tuple[str, str]]:
    """(source, digest of the content) of the batches that are held back at the moment."""
    ledger = session.table("landed_batches")
    rows = session.rows(ledger.filter(ledger["status"] == "held").select("source", "sha256"))
    return {(row["source"], row["sha256"]) for row in rows}


def _written_on(page: Path) -> date:
    return datetime.fromtimestamp(page.stat().st_mtime, UTC).date()


def _has_any(page: Path, addresses: set[str]) -> bool:
    if not addresses:
        return False
    text = page.read_text(encoding="utf-8", errors="replace")
    return not addresses.isdisjoint(_LIKE_AN_ADDRESS.findall(text))
