"""Why sales rejects: reasons by rep, tier, segment and signal, and what is suggested to be left out.

Belongs here: ``rejection_reasons``. Does not belong here: the share that is rejected
(``metrics.of_episodes``), or changing the policy because of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.experiment_results import newcombe
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.metrics.facts import Apply
from mqa_platform.core.rates import wilson

DIMENSIONS: Final = ("rep_id", "team", "tier", "segment", "score_type", "evidence_rule", "signal")
REASONS: Final = pa.schema(
    [
        ("dimension", pa.string()),
        ("segment", pa.string()),
        ("reason", pa.string()),
        ("rejected", pa.int64()),
        ("answered", pa.int64()),
        ("share", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("usual_share", pa.float64()),
        ("suggestion", pa.string()),
    ]
)
_ALL = ("all", "all")
# A reason → the part of the policy in which accounts of that kind are left out.
REMEDIES: Final = {
    "bad_fit": "leave it out of the ICP (icp.yaml), or ask why it passes",
    "competitor": "list it as competitor (identity.yaml, exclude_domains), or mark it so in the CRM",
    "duplicate": "merge the duplicates in the CRM (crm_duplicates lists them)",
}
_ANY: Final = "ask for more evidence (stages.yaml), or leave it out (icp.yaml)"
# A person is no segment of the market.
_PEOPLE: Final = ("rep_id", "team")
_ASK: Final = "ask what is different there; others reject the like of it less often"
_FEWEST: Final = 5


def rejection_reasons(episodes: ir.Table, receipts: ir.Table, apply: Apply) -> ir.Table:
    """One row a dimension, segment and reason: how often sales gave it, of the handoffs that it answered.

    Under ``signal`` a handoff counts once for every component of its receipt on the day of entry, so the same
    rejection stands under several signals. ``suggestion`` says what to leave out where a segment is rejected for
    a reason at least five times and more often than everybody else, by more than chance makes of both: the interval
    of the difference (Newcombe 1998) lies above 0. Where it is a rep or team, nothing is to be left out, and it says
    whom to ask.

    Args:
        episodes: of ``metrics.facts.episodes``.
        receipts: score_receipts.
        apply: of the session.
    """
    said = episodes["is_accepted"] | episodes["rejected_at"].notnull()
    answered = episodes.filter(said & episodes["is_asked_of_sales"])
    reason = ibis.ifelse(
        answered["rejected_at"].notnull() & ~answered["is_accepted"],
        answered["reject_reason"].fill_null("no_reason_given"),
        ibis.null("string"),
    )
    t = answered.mutate(reject_reason=reason)
    r = receipts.select("component", r_account="account_id", r_motion="motion", r_day="score_date")
    t = t.select(
        "handoff_id", "account_id", "motion", "mqa_on", "rep_id", "team", "tier", "segment",
        "score_type", "evidence_rule", "reject_reason",
    ).left_join(
        r,
        [
            t["account_id"] == r["r_account"],
            t["motion"] == r["r_motion"],
            t["mqa_on"] == r["r_day"],
        ],
    )  # fmt: skip
    rows = t.select(
        "handoff_id", *(d for d in DIMENSIONS if d != "signal"), "reject_reason",
        signal="component", shard=ibis.literal(0),
    )  # fmt: skip
    return apply(REASONS_KERNEL, rows, "shard")


def _run(table: pa.Table) -> pa.Table:
    members: dict[tuple[str, str], dict[str, str | None]] = defaultdict(dict)
    for row in table.to_pylist():
        handoff, reason = row["handoff_id"], row["reject_reason"]
        members[_ALL][handoff] = reason
        for dimension in DIMENSIONS:
            members[dimension, row[dimension] or "unknown"][handoff] = reason
    every = Counter(reason for reason in members[_ALL].values() if reason)
    out = [
        _line(key, reason, n, len(of), every[reason], len(members[_ALL]))
        for key, of in sorted(members.items())
        for reason, n in sorted(Counter(r for r in of.values() if r).items())
    ]
    return pa.Table.from_pylist(out, schema=REASONS)


def _line(
    key: tuple[str, str], reason: str, rejected: int, answered: int, of_all: int, all_answered: int
) -> dict[str, Any]:
    low, high = wilson(rejected, answered)
    others = all_answered - answered
    usual = (of_all - rejected) / others if others else None
    more, _ = newcombe(rejected, answered, of_all - rejected, others)
    stands_out = more is not None and more > 0 and rejected >= _FEWEST
    remedy = _ASK if key[0] in _PEOPLE else REMEDIES.get(reason, _ANY)
    told = f"{key[0]} {key[1]}: {remedy}"
    return {
        "dimension": key[0],
        "segment": key[1],
        "reason": reason,
        "rejected": rejected,
        "answered": answered,
        "share": rejected / answered,
        "low": low,
        "high": high,
        "usual_share": usual,
        "suggestion": told if stands_out and key != _ALL else None,
    }


_LINEAGE: dict[str, tuple[str, ...]] = dict.fromkeys(REASONS.names, ("reject_reason",))
_LINEAGE |= {"segment": DIMENSIONS}
REASONS_KERNEL: Final = Kernel("rejection_reasons", _run, REASONS, _LINEAGE)
