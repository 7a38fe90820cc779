"""The moment an account qualified: which of the day's touchpoints made it true.

Belongs here: replaying the day of an entry touchpoint by touchpoint, in the order they were received.
Does not belong here: whether the account qualifies at all (``ladder``).
"""

from __future__ import annotations

from datetime import date
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


def moment_kernel(policy: Policy) -> Kernel:
    """Kernel: the touchpoints of each entry's look-back → when its conditions first held on its day.

    Input: touchpoints with ``received_at`` and, on every row, the entry's day, threshold, score type and
    evidence rule. An entry that no touchpoint of its day explains (the CRM did) gives no row.
    """
    scoring = score_kernel(policy, [_ANCHOR])

    def run(table: pa.Table) -> pa.Table:
        prefixes, arrivals = _prefixes(table)
        if not prefixes.num_rows:
            return MOMENT.empty_table()
        totals = scoring.fn(prefixes.select(KERNEL_INPUT))
        totals = totals.filter(pc.equal(totals["component"], TOTAL))
        first: dict[tuple[str, date], Any] = {}
        for line in totals.to_pylist():
            entry = arrivals[int(line["account_id"])]
            if _holds(line, entry, policy):
                key = (entry["account_id"], entry["day"])
                first[key] = min(first.get(key, entry["received_at"]), entry["received_at"])
        keys = sorted(first)
        return pa.table(
            {
                "account_id": [k[0] for k in keys],
                "day": [k[1] for k in keys],
                "qualified_at": [first[k] for k in keys],
            },
            schema=MOMENT,
        )

    needs = (*KERNEL_INPUT, "received_at")
    return Kernel("qualified_at", run, MOMENT, dict.fromkeys(MOMENT.names, needs))


def _prefixes(table: pa.Table) -> tuple[pa.Table, list[dict[str, Any]]]:
    """For each entry and each arrival of its day: all that had been received by then, shifted to the anchor.

    The account of a prefix is its number in the list of arrivals that is returned beside it.
    """
    day = table["day"].cast(pa.int32()).to_numpy().astype(np.int64)
    touched = table["touchpoint_date"].cast(pa.int32()).to_numpy().astype(np.int64)
    received = table["received_at"].cast(pa.int64()).to_numpy()
    inbound = pc.equal(table["direction"], "inbound").to_numpy()
    accounts = pc.dictionary_encode(table["account_id"]).combine_chunks()
    entry = accounts.indices.to_numpy().astype(np.int64) * (1 << 20) + day
    rows, number = [], []
    arrivals: list[dict[str, Any]] = []
    order = np.argsort(entry, kind="stable")
    edges = np.flatnonzero(np.diff(entry[order], prepend=-1, append=-2))
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        mine = order[low:high]
        today = touched[mine] == day[mine]
        for at in np.unique(received[mine][today & inbound[mine]]):
            known = mine[~today | (received[mine] <= at)]
            rows.append(known)
            number.append(np.full(len(known), len(arrivals)))
            row = table.slice(int(mine[0]), 1).to_pylist()[0]
            arrivals.append(
                {"received_at": at, "account_id": row["account_id"], **{g: row[g] for g in _GIVEN}}
            )
    if not rows:
        return table.slice(0, 0), []
    taken, numbers = np.concatenate(rows), np.concatenate(number)
    prefixes = table.take(pa.array(taken))
    anchor = (_ANCHOR - date(1970, 1, 1)).days
    shifted = (touched[taken] - day[taken] + anchor).astype(np.int32)
    places = {
        "account_id": pa.array(numbers).cast(pa.string()),
        "touchpoint_date": pa.array(shifted).cast(pa.date32()),
    }
    for name, values in places.items():
        prefixes = prefixes.set_column(prefixes.schema.get_field_index(name), name, values)
    for found in arrivals:
        found["received_at"] = pa.scalar(int(found["received_at"]), _STAMP).as_py()
    return prefixes, arrivals


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
