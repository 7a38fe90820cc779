"""Visits: the signals of visitors in, the visit of each out, by a kernel.

Belongs here: where a visit ends, how far around a day one has to look to know it, and which days read
otherwise when others change. Does not belong here: what a visit says of an account (``sessions``).

Silence ends a visit, midnight does not. What never falls silent is no visit of a person: activity
longer than ``max_session_hours`` is cut by the clock, every so many hours from 1970 on. Such a cut is
seen from any day near it; one counted from the start of the activity would not be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from datetime import date, timedelta

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from mqa_platform.core.expressions import shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.window import Window
from mqa_platform.policy.identity import Identity

Apply = Callable[[Kernel, ir.Table, str], ir.Table]

_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR
VISIT = pa.schema(
    [("signal_id", pa.string()), ("session_id", pa.string()), ("session_date", pa.date32())]
)


def reach(identity: Identity) -> timedelta:
    """The whole days around a day whose signals can change the visits of that day.

    As long as the longest visit and one silence more; a minute more, since silence is measured in
    whole seconds.
    """
    minutes = 60 * identity.max_session_hours + identity.session_gap_minutes + 1
    return timedelta(days=-(-minutes // (24 * 60)))


def around(window: Window, identity: Identity, times: int = 1) -> Window:
    """The window widened by its reach on both sides."""
    return Window(window.lo - times * reach(identity), window.hi + times * reach(identity))


def cut(signals: pa.Table, gap_minutes: int, max_hours: int) -> pa.Table:
    """The visit of every signal: columns and types of ``VISIT``, rows in the order given.

    Args:
        signals: anonymous_id and signal_id (text), occurred_at (timestamp); none of them null. The
            rows of a visitor are all here, in any order.
        gap_minutes: silence of more than these minutes, in whole seconds, ends a visit.
        max_hours: activity of more than these hours is cut by the clock.

    A visit's id is the MD5 of its visitor and first signal, its date the UTC day of that signal.
    """
    if not signals.num_rows:
        return VISIT.empty_table()
    encoded = signals["anonymous_id"].cast(pa.string()).combine_chunks().dictionary_encode()
    visitor = encoded.indices.to_numpy().astype(np.int64)
    moment = signals["occurred_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
    order = _order(visitor, moment, len(encoded.dictionary))
    who, at = visitor[order], moment[order]
    first = _first_of_visits(who, at, gap_minutes * 60, max_hours * _HOUR)
    visit = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(at))))
    ids = signals["signal_id"].cast(pa.string()).combine_chunks()
    opener = ids.take(pa.array(_earliest(ids, order, visit, first, at)))
    names = encoded.dictionary.take(pa.array(who[first]))
    session = pa.array(
        [
            hashlib.md5(f"{name}|{opened}".encode(), usedforsecurity=False).hexdigest()
            for name, opened in zip(names.to_pylist(), opener.to_pylist(), strict=True)
        ],
        pa.string(),
    )
    day = pa.array((at[first] // _DAY).astype(np.int32)).cast(pa.date32())
    of = np.empty(len(order), dtype=np.int64)
    of[order] = visit
    rows = pa.array(of)
    return pa.Table.from_arrays([ids, session.take(rows), day.take(rows)], schema=VISIT)


def _order(visitor: np.ndarray, moment: np.ndarray, visitors: int) -> np.ndarray:
    """Rows by visitor and time: both in one number where 63 bits hold them, which sorts fastest."""
    since = moment - moment.min()
    bits = int(since.max()).bit_length()
    if bits + visitors.bit_length() <= 63:
        return np.argsort((visitor << bits) | since)
    return np.lexsort((moment, visitor))


def _first_of_visits(
    visitor: np.ndarray, moment: np.ndarray, gap_seconds: int, longest: int
) -> np.ndarray:
    """Where visits begin among rows that are ordered by visitor and time."""
    second = moment // _SECOND
    silent = np.ones(len(moment), dtype=bool)
    silent[1:] = (visitor[1:] != visitor[:-1]) | (second[1:] - second[:-1] > gap_seconds)
    start = np.flatnonzero(silent)
    end = np.append(start[1:], len(moment)) - 1
    endless = np.repeat(moment[end] - moment[start] > longest, end - start + 1)
    turn = moment // longest
    silent[1:] |= endless[1:] & (turn[1:] != turn[:-1])
    return np.flatnonzero(silent)


def _earliest(
    ids: pa.Array, order: np.ndarray, visit: np.ndarray, first: np.ndarray, at: np.ndarray
) -> np.ndarray:
    """The row of each visit's first signal: of several at one moment the one with the lowest id."""
    chosen = order[first]
    together = at == at[first][visit]
    together &= np.bincount(visit, weights=together)[visit] > 1
    if not together.any():
        return chosen
    rows = order[together]
    tied = pa.table({"visit": visit[together], "id": ids.take(pa.array(rows)), "row": rows})
    tied = tied.sort_by([("visit", "ascending"), ("id", "ascending")])
    of, leading = np.unique(tied["visit"].to_numpy(), return_index=True)
    chosen[of] = tied["row"].to_numpy()[leading]
    return chosen


def visit_kernel(identity: Identity) -> Kernel:
    """Kernel: (anonymous_id, signal_id, occurred_at) → ``VISIT``; a visitor is in one shard."""

    def run(table: pa.Table) -> pa.Table:
        return cut(table, identity.session_gap_minutes, identity.max_session_hours)

    whose = ("anonymous_id", "signal_id", "occurred_at")
    lineage = {"signal_id": ("signal_id",), "session_id": whose, "session_date": ("occurred_at",)}
    return Kernel("visits", run, VISIT, lineage)


def visits(signals: ir.Table, identity: Identity, apply: Apply) -> ir.Table:
    """(signal_id, session_id, session_date) for signals of a visitor.

    Right for the days whose reach (``around``) is in ``signals``.
    """
    seen = signals.filter(signals["anonymous_id"].notnull() & (signals["direction"] == "inbound"))
    bucket = shard(seen["anonymous_id"])
    seen = seen.select("signal_id", "anonymous_id", "occurred_at", shard=bucket)
    return apply(visit_kernel(identity), seen, "shard")


def extents(signals: ir.Table, cut: ir.Table) -> ir.Table:
    """(session_id, session_date, started_at, ended_at, ended_on): from where to where visits go."""
    hits = signals.select("signal_id", "signal_date", "occurred_at").join(cut, "signal_id")
    return hits.group_by("session_id", "session_date").aggregate(
        started_at=hits["occurred_at"].min(),
        ended_at=hits["occurred_at"].max(),
        ended_on=hits["signal_date"].max(),
    )


def disturbed(found: ir.Table, published: ir.Table, changed: Collection[date]) -> ir.Table:
    """(session_date, ended_on) of the visits that read otherwise when the signals of days change.

    Args:
        found: the ``extents`` of visits as the signals are now.
        published: the sessions table, of the same days.
        changed: the days. Any signal on them may be new, gone or resolved otherwise.
    """
    listed = sorted(changed)
    crossing = found.filter(found["session_date"] < found["ended_on"])
    crossing = crossing.filter(
        crossing["session_date"].isin(listed) | crossing["ended_on"].isin(listed)
    )
    stood = published.mutate(ended_on=published["ended_at"].date()).select(*found.columns)
    both = found.union(stood)
    # What is there once is only in one of the two. Two anti-joins would say so more plainly, and ibis
    # writes the second one as PostgreSQL cannot read it.
    counted = both.group_by(*found.columns).aggregate(times=both.count())
    differing = counted.filter(counted["times"] == 1)
    days = ["session_date", "ended_on"]
    return crossing.select(*days).union(differing.select(*days)).distinct()
