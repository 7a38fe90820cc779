"""Bots by what they do: a visitor's day that no person could have had.

Belongs here: floods of errors, requests by the clock, more pages than anybody reads. Does not belong
here: bots by their user agent (``sources.agents``) or by their address (``ip_owners``).

A visitor is a cookie, else an address. A day is judged whole, so that no visit of a bot's day counts; what
the same visitor does on another day is judged by that day. An address that is a bot's says nothing of where
people come from who say who they are; they themselves still count.
"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.expressions import one_of, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.models import Policy

BOT_DAY = pa.schema([("visitor", pa.string()), ("day", pa.date32()), ("behaviour", pa.string())])
_TEN_MINUTES = 600_000_000
_SECOND = 1_000_000
Counts = npt.NDArray[np.float64]


def requests(signals: ir.Table, policy: Policy) -> ir.Table:
    """The page views that are judged: visitor, day, moment, status and whether a page was read.

    Pictures and the like, which the taxonomy calls unscored, are errors or regular like any request,
    but a browser loads dozens of them with a page, so they count as no reading.
    """
    t = signals.filter((signals["event"] == "page_view") & (signals["direction"] == "inbound"))
    t = t.mutate(visitor=visitor(t))
    unscored = one_of(t["page_type"], policy.signals.unscored_page_types).fill_null(False)
    t = t.filter(t["visitor"].notnull())
    return t.select(
        "visitor",
        day=t["signal_date"],
        occurred_at=t["occurred_at"],
        status=t["status"],
        is_page=~unscored,
        shard=shard(t["visitor"]),
    )


def visitor(signals: ir.Table) -> ir.StringValue:
    """Who is judged: the cookie, else the address."""
    return signals["anonymous_id"].coalesce(signals["ip"])


def bot_days(policy: Policy) -> Kernel:
    """Kernel: ``requests`` → the visitors' days that are a bot's, with the behaviour that says so."""
    rules = policy.identity.bots

    def run(table: pa.Table) -> pa.Table:
        who, days, moment, order = _sorted(table)
        groups = np.flatnonzero(np.append(True, (who[1:] != who[:-1]) | (days[1:] != days[:-1])))
        count = np.diff(np.append(groups, len(who))).astype(np.float64)
        status = pc.fill_null(table["status"], 0).to_numpy()[order]
        failed = (status >= 400) & (status < 500)
        errors = np.add.reduceat(failed.astype(np.float64), groups)
        read = table["is_page"].to_numpy()[order]
        behaviour = np.full(len(groups), None, dtype=object)
        found = {
            "page_rate": _busiest(groups, moment, read) > rules.views_in_ten_minutes,
            "regular_intervals": (count >= rules.regular_requests)
            & (_variation(groups, count, moment) < rules.regular_variation),
            "error_flood": (errors >= rules.errors) & (errors >= rules.error_share * count),
        }
        for name, is_bot in found.items():
            behaviour[is_bot] = name
        bots = np.flatnonzero(behaviour != None)  # noqa: E711 (element by element)
        rows = pa.array(order[groups[bots]])
        return pa.table(
            {
                "visitor": table["visitor"].take(rows),
                "day": table["day"].take(rows),
                "behaviour": pa.array(behaviour[bots], pa.string()),
            },
            schema=BOT_DAY,
        )

    lineage = {
        "visitor": ("visitor",),
        "day": ("day",),
        "behaviour": ("occurred_at", "status", "is_page"),
    }
    return Kernel("bot_days", run, BOT_DAY, lineage)


def _sorted(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Visitor code, day and microsecond in order, and the rows they came from."""
    who = pc.dictionary_encode(table["visitor"]).combine_chunks().indices.to_numpy()
    day = table["day"].cast(pa.int32()).to_numpy()
    moment = table["occurred_at"].cast(pa.int64()).to_numpy()
    order = np.lexsort((moment, day, who))
    return who[order], day[order], moment[order], order


def _variation(groups: np.ndarray, count: Counts, moment: np.ndarray) -> Counts:
    """Standard deviation over mean of the gaps of each visitor's day; infinite below a second a gap.

    A page and its pictures come in one second, which many clocks cannot tell apart from regular.
    """
    gap = np.diff(moment, prepend=moment[:1]).astype(np.float64) / _SECOND
    gap[groups] = 0.0
    number = np.maximum(count - 1, 1)
    mean = np.add.reduceat(gap, groups) / number
    square = np.add.reduceat(gap**2, groups) / number
    deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
    return np.where(mean >= 1.0, deviation / np.maximum(mean, 1.0), np.inf)


def _busiest(groups: np.ndarray, moment: np.ndarray, read: np.ndarray) -> Counts:
    """The most pages of each visitor's day within any ten minutes of the clock."""
    cell = moment // _TEN_MINUTES
    opens = np.append(True, cell[1:] != cell[:-1])
    opens[groups] = True
    cells = np.flatnonzero(opens)
    pages = np.add.reduceat(read.astype(np.float64), cells)
    return np.maximum.reduceat(pages, np.searchsorted(cells, groups))
