"""The moment an account qualified: which of the day's touchpoints made it true.

Belongs here: replaying the day of an entry touchpoint by touchpoint, in the order they were received.
Does not belong here: whether the account qualifies at all (``ladder``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.decay import score_kernel
from mqa_platform.core.expressions import shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.score_lines import TOTAL
from mqa_platform.core.scores import KERNEL_INPUT, Apply, typed
from mqa_platform.policy.models import Policy

_STAMP = pa.timestamp("us", tz="UTC")
MOMENT = pa.schema([("account_id", pa.string()), ("day", pa.date32()), ("qualified_at", _STAMP)])
# Every entry is replayed as if it happened on this day, so that one call of the scoring kernel serves all.
_ANCHOR = date(2000, 1, 1)
_GIVEN = ("day", "threshold", "score_type", "evidence_rule")
# How many arrivals of an entry's day are asked at once, and how many rows that may take together.
_TRIES, _ROWS = 32, 1 << 20
_Asked = tuple["_Search", np.ndarray]


def moment_kernel(policy: Policy) -> Kernel:
    """Kernel: the touchpoints of each entry's look-back → when its conditions first held on its day.

    Input: touchpoints with ``received_at`` and, on every row, the entry's day, threshold, score type and
    evidence rule. An entry that no touchpoint of its day explains (the CRM did) gives no row.

    Up to ``_TRIES`` arrivals of a day are all asked. Of more, those are asked between which the conditions
    came to hold, closer and closer: where bad news made them fail again in between, it is one of the moments
    from which they held.
    """
    scoring = score_kernel(policy, [_ANCHOR])

    def run(table: pa.Table) -> pa.Table:
        searches = _searches(table)
        while asked := [(s, s.picks()) for s in searches if s.is_open]:
            for some in _within_memory(asked):
                prefixes, arrivals = _prefixes(table, some)
                totals = scoring.fn(prefixes.select(KERNEL_INPUT))
                totals = totals.filter(pc.equal(totals["component"], TOTAL))
                held = np.zeros(len(arrivals), dtype=bool)
                for line in totals.to_pylist():
                    number = int(line["account_id"])
                    held[number] = _holds(line, arrivals[number], policy)
                edges = np.cumsum([len(picks) for _, picks in some])[:-1]
                for (search, picks), holds in zip(some, np.split(held, edges), strict=True):
                    search.narrow(picks, holds)
        found = [(s.told["account_id"], s.told["day"], s.moment) for s in searches if s.found >= 0]
        found.sort()
        return pa.table(
            {name: [row[i] for row in found] for i, name in enumerate(MOMENT.names)}, schema=MOMENT
        )

    needs = (*KERNEL_INPUT, "received_at")
    return Kernel("qualified_at", run, MOMENT, dict.fromkeys(MOMENT.names, needs))


@dataclass
class _Search:
    """One entry: its rows, and which arrivals of its day may still be the first with which it holds."""

    told: dict[str, Any]
    rows: np.ndarray
    # For each row from which arrival on it is known; −1 for the days before.
    known_from: np.ndarray
    arrivals: np.ndarray
    # Whatever is at or before ``low`` does not hold; ``found`` does.
    low: int = -1
    found: int = -1

    @property
    def _high(self) -> int:
        return self.found if self.found >= 0 else len(self.arrivals)

    @property
    def is_open(self) -> bool:
        return self.low + 1 < self._high

    @property
    def moment(self) -> datetime:
        moment: datetime = pa.scalar(int(self.arrivals[self.found]), _STAMP).as_py()
        return moment

    def picks(self) -> np.ndarray:
        """Arrivals to ask next, evenly apart; the last one always among them."""
        tries = max(2, min(_TRIES, _ROWS // len(self.rows), self._high - self.low - 1))
        return np.unique(np.linspace(self.low + 1, self._high - 1, tries).astype(np.int64))

    def narrow(self, picks: np.ndarray, holds: np.ndarray) -> None:
        if not holds.any():
            self.low = int(picks[-1])
            return
        first = int(np.argmax(holds))
        self.low = int(picks[first - 1]) if first else self.low
        self.found = int(picks[first])


def _searches(table: pa.Table) -> list[_Search]:
    day = table["day"].cast(pa.int32()).to_numpy().astype(np.int64)
    touched = table["touchpoint_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    received = table["received_at"].cast(pa.int64()).to_numpy()
    inbound = pc.equal(table["direction"], "inbound").to_numpy()
    accounts = pc.dictionary_encode(table["account_id"]).combine_chunks()
    entry = accounts.indices.to_numpy().astype(np.int64) * (1 << 20) + day
    order = np.argsort(entry, kind="stable")
    edges = np.flatnonzero(np.diff(entry[order], prepend=-1, append=-2))
    out = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        mine = order[low:high]
        today = touched[mine] == day[mine]
        arrivals = np.unique(received[mine][today & inbound[mine]])
        known_from = np.where(today, np.searchsorted(arrivals, received[mine]), -1)
        told = table.slice(int(mine[0]), 1).select(("account_id", *_GIVEN)).to_pylist()[0]
        out.append(_Search(told, mine, known_from, arrivals))
    return out


def _within_memory(asked: list[_Asked]) -> Iterator[list[_Asked]]:
    """The searches in groups that need about ``_ROWS`` rows each."""
    group: list[_Asked] = []
    rows = 0
    for search, picks in asked:
        cost = len(search.rows) * len(picks)
        if group and rows + cost > _ROWS:
            yield group
            group, rows = [], 0
        group.append((search, picks))
        rows += cost
    if group:
        yield group


def _prefixes(table: pa.Table, asked: list[_Asked]) -> tuple[pa.Table, list[dict[str, Any]]]:
    """For each arrival that is asked: all that had been received by then, shifted to the anchor.

    The account of a prefix is its number in the list of entries that is returned beside it.
    """
    rows, number = [], []
    entries: list[dict[str, Any]] = []
    for search, picks in asked:
        for pick in picks:
            known = search.rows[search.known_from <= pick]
            rows.append(known)
            number.append(np.full(len(known), len(entries)))
            entries.append(search.told)
    taken, numbers = np.concatenate(rows), np.concatenate(number)
    prefixes = table.take(pa.array(taken))
    day = prefixes["day"].cast(pa.int32()).to_numpy()
    touched = prefixes["touchpoint_date"].cast(pa.int32()).to_numpy()
    anchor = (_ANCHOR - date(1970, 1, 1)).days
    places = {
        "account_id": pa.array(numbers).cast(pa.string()),
        "touchpoint_date": pa.array((touched - day + anchor).astype(np.int32)).cast(pa.date32()),
    }
    for name, values in places.items():
        prefixes = prefixes.set_column(prefixes.schema.get_field_index(name), name, values)
    return prefixes, entries


def _holds(line: dict[str, Any], entry: dict[str, Any], policy: Policy) -> bool:
    """Whether the entry's own evidence rule held with what had been received by then."""
    if entry["evidence_rule"] == "hand_raise":
        return bool(line["hand_raised"])
    committee = policy.signals.committee_on_high_intent.people
    heavy = entry["score_type"] == "intent_heavy" and policy.stages.intent_heavy_needs_committee
    if heavy and line["people_on_high_intent"] < committee:
        return False
    evidence = line["eligible_people"] >= policy.stages.evidence_people
    if entry["evidence_rule"] == "anonymous_only":
        evidence = bool(line["anonymous_evidence"])
    return bool(evidence and line["points"] >= entry["threshold"])


def moments(
    moves: ir.Table, scores: ir.Table, touchpoints: ir.Table, policy: Policy, apply: Apply
) -> ir.Table:
    """(account_id, day, qualified_at) for the steps to mqa among the fold's ``move`` lines.

    Args:
        moves: lines of the days on which ``policy`` is in force, of its motion.
        scores: those of the motion.
        touchpoints: all touchpoints.
        policy: the policy in force.
        apply: runs a kernel.
    """
    entered = moves.filter((moves["stage"] == "mqa") & (moves["rule"] != "override"))
    entered = entered.select("day", evidence_rule="reason", entered_account="account_id")
    s = scores.select(
        "threshold", "score_type", scored_account="account_id", scored_on="score_date"
    )
    e = entered.join(
        s, [entered["entered_account"] == s["scored_account"], entered["day"] == s["scored_on"]]
    )
    e = e.select("entered_account", "day", "evidence_rule", "threshold", "score_type")
    t = typed(touchpoints, policy).select(*KERNEL_INPUT, "received_at")
    near = t.join(e, t["account_id"] == e["entered_account"])
    forgotten = near["touchpoint_date"] + ibis.interval(days=policy.signals.lookback_days)
    near = near.filter((near["touchpoint_date"] <= near["day"]) & (near["day"] < forgotten))
    given = near.select(*KERNEL_INPUT, "received_at", *_GIVEN)
    return apply(moment_kernel(policy), given.mutate(shard=shard(given["account_id"])), "shard")
