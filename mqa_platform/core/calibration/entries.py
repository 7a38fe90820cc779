"""Who would have become an MQA at each of many thresholds, out of the published scores.

Belongs here: the grid of thresholds and the entries at each of its steps. Does not belong here: counting
them (``curve``), or an exact replay with the ladder's memory (``policy_replay``).

As in ``what_if``, an account enters on a day on which it qualifies when it did not on any of the
``min_dwell_days`` days before. Cool-downs and open episodes are not known here, so the count is an upper
estimate, the same at every step. Accounts that qualify by research that names nobody go to a marketing play:
they cost no rep anything and are not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.expressions import in_force, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.what_if import asks_for_us, but_for_the_score, evidence_of_people
from mqa_platform.core.window import Window
from mqa_platform.policy.models import Policy

RATIO, DOWN, UP = 1.03, 24, 40
STEPS = tuple(range(-DOWN, UP + 1))
"""Step 0 is the threshold in force; each step is 3 % of it, from half to more than three times it."""

ENTRY = pa.schema(
    [
        ("account_id", pa.string()),
        ("tier", pa.string()),
        ("step", pa.int64()),
        ("entered_on", pa.date32()),
        ("hand_raised", pa.bool_()),
        ("score", pa.float64()),
    ]
)
_NEEDS = ("account_id", "tier", "score_date", "score", "is_ready", "hand_raised")


def thresholds(policy: Policy) -> dict[str, float]:
    """The threshold in force of each tier, in points."""
    return {tier: float(rule.threshold) for tier, rule in policy.stages.tiers}


def at_step(threshold: float, step: int) -> float:
    """The threshold of a step of the grid, to a tenth of a point; step 0 is exactly the one in force."""
    return threshold if step == 0 else round(threshold * RATIO**step, 1)


def candidates(scores: ir.Table, accounts: ir.Table, policy: Policy, window: Window) -> ir.Table:
    """One row an account and day on which nothing but the score can be missing.

    Columns: account_id, tier, score_date, score (double), is_ready (evidence of people and fit) and
    hand_raised (qualifies whatever the score).

    Args:
        scores: published ones of the policy's motion.
        accounts: versions as the motion sees them.
        policy: of the motion.
        window: published days.
    """
    s = scores.filter((scores["score_date"] >= window.lo) & (scores["score_date"] < window.hi))
    a = accounts.select(
        "valid_from", "valid_to", "tier", "fit_gate", "fit_grade", "suppression_reason",
        of_account="account_id",
    )  # fmt: skip
    t = s.join(a, s["account_id"] == a["of_account"])
    t = t.filter(in_force(t, t["score_date"]) & t["suppression_reason"].isnull())
    ready = (but_for_the_score(t, policy) & evidence_of_people(t, policy)).fill_null(False)
    t = t.mutate(
        score=t["engagement_score"].cast("float64"),
        is_ready=ready,
        hand_raised=asks_for_us(t).fill_null(False),
    )
    return t.filter(t["is_ready"] | t["hand_raised"]).select(*_NEEDS)


def entries(
    candidates: ir.Table, policy: Policy, first: ir.DateValue | object, apply: object
) -> ir.Table:
    """All entries of the candidates at every step; see ``entry_kernel``."""
    rows = candidates.mutate(shard=shard(candidates["account_id"]))
    kernel = entry_kernel(thresholds(policy), policy.stages.min_dwell_days)
    found = apply(kernel, rows, "shard")  # type: ignore[operator]
    # Who qualifies on the first day is standing, and enters in no week.
    return found.filter(found["entered_on"] > ibis.literal(first))


def entry_kernel(bars: Mapping[str, float], dwell: int, steps: Sequence[int] = STEPS) -> Kernel:
    """Kernel: rows of ``candidates`` → one row an entry and step of the grid.

    Args:
        bars: threshold in force by tier; an account of another tier enters by hand-raise only.
        dwell: days without qualifying after which an account enters anew.
        steps: of the grid.
    """

    def run(table: pa.Table) -> pa.Table:
        table = table.select(_NEEDS).sort_by(
            [("account_id", "ascending"), ("score_date", "ascending")]
        )
        account = pc.dictionary_encode(table["account_id"]).combine_chunks().indices.to_numpy()
        day = table["score_date"].cast(pa.int32()).to_numpy().astype(np.int64)
        score, tier = table["score"].to_numpy(), table["tier"]
        raised = table["hand_raised"].to_numpy(zero_copy_only=False)
        ready = table["is_ready"].to_numpy(zero_copy_only=False)
        found = []
        for step in steps:
            bar = np.full(len(day), np.inf)
            for name, threshold in bars.items():
                bar[pc.equal(tier, name).to_numpy(zero_copy_only=False)] = at_step(threshold, step)
            held = np.flatnonzero(raised | (ready & (score >= bar)))
            new = np.ones(len(held), dtype=bool)
            same = account[held][1:] == account[held][:-1]
            new[1:] = ~same | (day[held][1:] - day[held][:-1] > max(dwell, 1))
            rows = held[new]
            kept = table.take(pa.array(rows))
            found.append(
                pa.table(
                    {
                        "account_id": kept["account_id"],
                        "tier": kept["tier"],
                        "step": np.full(len(rows), step),
                        "entered_on": kept["score_date"],
                        "hand_raised": kept["hand_raised"],
                        "score": kept["score"],
                    },
                    schema=ENTRY,
                )
            )
        return pa.concat_tables(found)

    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(ENTRY.names, _NEEDS)
    return Kernel("entries", run, ENTRY, lineage)
