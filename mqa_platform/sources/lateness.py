"""Since when published days read differently, because something about the past is known only now.

Belongs here: finding the first such day from what is about to land or to be published. Does not belong
here: computing the days again (the stages' assets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.warehouse import Session

# The consumer that is asked to find accounts and people again, on every published day from one on.
IDENTITY = "identity"
# The consumer that is asked to read landed signals again.
SIGNALS = "signals"
_IDENTITY = ["kind", "ref", "person_ref", "seen_at"]
_RANGE = ["kind", "range_start", "range_end"]


def told_anew(session: Session, landed: Mapping[str, pa.Table]) -> date | None:
    """The first published day with a signal that a batch says something new about.

    A cookie or lead may get its name, and an address its owner, long after its visits.
    """
    return earliest(
        [
            _named(session, landed.get("landed_identities")),
            _located(session, landed.get("landed_ip_ranges")),
        ]
    )


def late_signals(session: Session, landed: Mapping[str, pa.Table]) -> date | None:
    """The first published day that the signals of a batch change.

    Its own days, and the days of earlier deliveries of the same events, since the one received first
    is kept.
    """
    table = landed.get("landed_signals")
    published = session.days("signals")
    if table is None or not table.num_rows or not published:
        return None
    days: list[date] = sorted(set(table["event_date"].to_pylist()))
    given = session.constant("new_events", table.select(["source", "event_id"]))
    known = session.table("landed_signals").semi_join(given, ["source", "event_id"])
    older = session.rows(known.aggregate(day=known["event_date"].min()))[0]["day"]
    touched = set(days) | ({older} if older else set())
    reached = [day for day in published if day in touched]
    return min(reached, default=None)


def _named(session: Session, identities: pa.Table | None) -> date | None:
    if identities is None or not identities.num_rows:
        return None
    given = session.constant("new_identities", identities.select(_IDENTITY))
    new = given.anti_join(session.table("landed_identities"), _IDENTITY)
    # The two spellings a signal may have of who it came from; see ``core.evidence``.
    cookies = new.filter(new["kind"] == "cookie").select(of=new["ref"])
    leads = new.filter(new["kind"] == "lead")
    leads = leads.select(of=("lead:" + leads["ref"]))
    signals = session.table("signals")
    by_cookie = signals.join(cookies, signals["anonymous_id"] == cookies["of"])
    by_lead = signals.join(leads, signals["person_key"] == leads["of"])
    days = by_cookie.select("signal_date").union(by_lead.select("signal_date"))
    return _first(session, days)


def _located(session: Session, ranges: pa.Table | None) -> date | None:
    if ranges is None or not ranges.num_rows:
        return None
    given = session.constant("new_ranges", ranges.select(_RANGE))
    if not session.rows(given.anti_join(session.table("landed_ip_ranges"), _RANGE).limit(1)):
        return None
    signals = session.table("signals")
    return _first(session, signals.filter(signals["ip"].notnull()).select("signal_date"))


def _first(session: Session, days: ir.Table) -> date | None:
    day: date | None = session.rows(days.aggregate(day=days["signal_date"].min()))[0]["day"]
    return day


def changed_since(session: Session, published: ir.Table, versions: ir.Table) -> date | None:
    """The first day on which a record of a history reads differently than published; None: none does.

    Args:
        session: of both tables.
        published: rows with valid_from and valid_to.
        versions: the rows that will take their place, with the same columns and types.
    """
    sides = [
        session.arrow(versions.difference(published)),
        session.arrow(published.difference(versions)),
    ]
    rows: dict[tuple[object, ...], list[date | None]] = {}
    days: list[date] = []
    fixed = [c for c in versions.columns if c != "valid_to"]
    for side in sides:
        for row in side.to_pylist():
            rows.setdefault(tuple(row[c] for c in fixed), []).append(row["valid_to"])
    at = fixed.index("valid_from")
    for same, ends in rows.items():
        if len(ends) == len(sides):
            # The version is the same and only ends on another day: until the earlier end both agree.
            days.append(min(end for end in ends if end is not None))
        else:
            days.append(same[at])  # type: ignore[arg-type]
    return min(days, default=None)


def earliest(days: Sequence[date | None]) -> date | None:
    """The first of the days that there are."""
    return min((day for day in days if day is not None), default=None)
