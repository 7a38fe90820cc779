"""What *changed* means: which records differ enough from what was written last to be written again.

Belongs here: the comparison. Does not belong here: what a record says (``crm_records``), how many may change
at once (``destinations.crm_breaker``), or writing.

Time alone is no reason: below engaged a score that only fades, and anywhere an order of reasons that only
fading changed, is not written. Newer evidence is a later act of a buyer, or more of them than were known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.crm_records import RECORD
from mqa_platform.core.expressions import BEGINNING, none_of_type, one_of
from mqa_platform.policy.write_back import WriteBack

# What is kept of a record that was written.
LAST: Final = {
    "account_id": "string", "motion": "string", "stage": "string", "since": "date",
    "score": "float64", "threshold": "float64", "top_reasons": "string", "evidence_url": "string",
    "policy_version": "string", "validity": "string", "as_of": "date",
    "evidence_at": "timestamp('UTC', 6)", "touchpoints": "int64",
    "fields": "string", "run": "string", "sent_at": "timestamp('UTC', 6)",
}  # fmt: skip
BELOW_ENGAGED: Final = ("unqualified", "target")
CAUSES: Final = (
    "new", "stage", "since", "validity", "top_reasons", "policy_version", "score", "age", "fields",
)  # fmt: skip


def crm_changes(
    records: ir.Table, last: ir.Table, policy: WriteBack, fields: dict[str, str], now: datetime
) -> ir.Table:
    """The records to write: ``RECORD`` with ``before`` (the stage written last) and a flag a cause.

    Args:
        records: ``crm_records``.
        last: ``LAST``, what was written last of each account and motion.
        policy: how large a difference of the score, and how old a record, is a change.
        fields: a fingerprint of the allow-list of each motion; a field that is new is filled everywhere.
        now: the moment of the run.

    Returns:
        one row a record that is written and has at least one cause; ``is_new`` … ``is_fields`` say which.
    """
    t = records.filter(records["left_out"].isnull())
    old = last.rename({f"l_{c}": c for c in LAST})
    t = t.left_join(old, [t["account_id"] == old["l_account_id"], t["motion"] == old["l_motion"]])
    is_new = t["l_stage"].isnull()
    newer = (
        (t["touchpoints"] > t["l_touchpoints"])
        | (t["evidence_at"] > t["l_evidence_at"])
        | (t["evidence_at"].notnull() & t["l_evidence_at"].isnull())
    ).fill_null(False)
    only_fades = one_of(t["stage"], BELOW_ENGAGED) & ~newer & (t["score"] <= t["l_score"])
    least = ibis.greatest(
        ibis.literal(float(policy.least_score_change)),
        t["threshold"] * float(policy.least_score_share),
    )
    moved = (t["score"] - t["l_score"]).abs() >= least
    too_old = t["l_sent_at"] + ibis.interval(days=policy.refresh_days) < ibis.literal(
        now, type="timestamp('UTC')"
    )
    listed = none_of_type("string")
    for motion, text in sorted(fields.items()):
        listed = ibis.ifelse(t["motion"] == motion, ibis.literal(text), listed)
    causes = {
        "stage": t["stage"] != t["l_stage"],
        "since": t["since"].fill_null(BEGINNING) != t["l_since"].fill_null(BEGINNING),
        "validity": t["validity"] != t["l_validity"],
        "top_reasons": (t["top_reasons"] != t["l_top_reasons"]) & newer,
        "policy_version": t["policy_version"] != t["l_policy_version"],
        "score": moved & ~only_fades,
        "age": too_old & ~only_fades,
        "fields": listed.fill_null("") != t["l_fields"].fill_null(""),
    }
    flags = {f"is_{name}": ~is_new & cause.fill_null(False) for name, cause in causes.items()} | {
        "is_new": is_new
    }
    found = t.mutate(before=t["l_stage"], **flags)
    some = found["is_new"]
    for name in causes:
        some = some | found[f"is_{name}"]
    return found.filter(some).select(*RECORD, "before", *(f"is_{c}" for c in CAUSES))
