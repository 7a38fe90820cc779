"""The scoring kernel: touchpoints in, receipts and daily totals out.

Belongs here: decay, ceilings, breadth components, the floor and momentum for a list of days. Does
not belong here: fit, thresholds and score types, which SQL adds (``scores``).

The kernel answers account by account: what else is in its batch changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa

from mqa_platform.core.breadth import breadth
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.points import Spans, daily_points, spans
from mqa_platform.core.score_lines import SCORE_LINES, ScoreLines
from mqa_platform.core.timeline import FIXED, POINT, Grid, Ints, halving, whole
from mqa_platform.core.touches import FOREVER, INPUT, Touches, number, touches
from mqa_platform.policy.models import Policy

# Account × component × day held at once, and lines made at once: both bound the memory.
_CELLS = 3_000_000
_LINES = 4_000_000


def score_kernel(policy: Policy, days: Sequence[date]) -> Kernel:
    """Kernel: touchpoints → receipt lines and one ``total`` line an account and listed day.

    Input columns are those of the touchpoints table. A total line stands wherever the account has a
    touchpoint in the look-back; a component line wherever its raw points are not zero.
    """
    listed = np.array(sorted(number(d) for d in days), dtype=np.int64)
    components = list(policy.signals.signals)
    lookback = policy.signals.lookback_days
    reach = np.array([s.reach_days(lookback) for s in policy.signals.signals.values()])
    factors = np.stack(
        [halving(s.half_life_days, lookback) for s in policy.signals.signals.values()]
    )
    factors[np.arange(lookback) >= reach[:, None]] = 0.0
    ceilings = np.array(
        [
            np.inf if s.ceiling is None else round(s.ceiling * POINT)
            for s in policy.signals.signals.values()
        ]
    )

    def block(
        t: Touches, component: Ints, points: np.ndarray, key: Ints, names: list[str]
    ) -> pa.Table:
        accounts, width = len(names), len(components)
        scored = component >= 0
        daily = daily_points(
            t.account[scored],
            component[scored],
            t.day[scored],
            key[scored],
            points[scored],
            policy.signals,
        )
        p = spans(daily, points[scored], t.until[scored], FOREVER)
        grid = Grid(accounts * width, listed)
        row = p.account * width + p.component
        end = np.minimum(p.day + reach[p.component], p.until)
        raw = whole(grid.spread(row, p.day, end, np.rint(p.raw * FIXED).astype(np.int64)) / FIXED)
        lost_fixed = np.rint((p.raw - p.net) * FIXED).astype(np.int64)
        lost = whole(grid.spread(row, p.day, end, lost_fixed) / FIXED)
        decayed = whole(grid.decayed(row, p.day, p.until, p.net, p.component, factors))
        decayed[raw == 0] = 0
        kept = np.minimum(decayed, np.tile(ceilings, accounts)[:, None]).astype(np.int64)
        at = t.account[scored] * width + component[scored]
        known = scored & (t.person >= 0)
        people = grid.distinct(
            t.account[known] * width + component[known],
            t.person[known],
            t.day[known],
            reach[component[known]],
        )
        touched = grid.spread(at, t.day[scored], t.day[scored] + reach[component[scored]])
        wide = Grid(accounts, listed)
        b = breadth(t, wide, policy)
        present = wide.latest(t.account, t.day, lookback) >= 0
        lines = ScoreLines(names, listed)
        lines.signals(components, (raw, lost, decayed, decayed - kept, kept, touched, people))
        lines.breadth(b, policy)
        lines.totals(
            kept.reshape(accounts, width, -1).sum(axis=1),
            present,
            b,
            _momentum(p, t, wide, present, lookback),
        )
        return lines.table()

    def run(table: pa.Table) -> pa.Table:
        if not table.num_rows:
            return SCORE_LINES.empty_table()
        t, component, points, key, names = touches(table.select(INPUT), policy)
        size = max(1, _CELLS // (len(components) * len(listed)))
        order = np.argsort(t.account, kind="stable")
        edges = np.searchsorted(t.account[order], np.arange(0, len(names) + size, size))
        parts = []
        for i, (first, last) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
            rows = order[first:last]
            if not len(rows):
                continue
            some = Touches(**{f: getattr(t, f)[rows] for f in Touches.__dataclass_fields__})
            object.__setattr__(some, "account", some.account - i * size)
            parts.append(
                block(
                    some, component[rows], points[rows], key[rows], names[i * size : (i + 1) * size]
                )
            )
        return pa.concat_tables(parts)

    scoring = (
        "signal_type",
        "strength",
        "seniority",
        "share",
        "match_confidence",
        "touchpoint_date",
    )
    who = ("person_id", "share", "match_confidence", "touchpoint_date")
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(SCORE_LINES.names, scoring)
    lineage |= {
        "account_id": ("account_id",), "score_date": ("touchpoint_date",), "component": ("signal_type",),
        "touchpoints": ("touchpoint_date",), "people": ("person_id",), "eligible_people": who,
        "people_on_high_intent": (*who, "signal_type"), "hand_raised": ("signal_type", "person_id"),
        "anonymous_evidence": ("session_id", "intent_score"), "last_eligible_on": ("touchpoint_date",),
    }  # fmt: skip
    # A touchpoint may be the only one of its account: two lines on each of the listed days.
    at_once = max(1, _LINES // (2 * len(listed)))
    return Kernel("score_lines", run, SCORE_LINES, lineage, at_once)


def _momentum(p: Spans, t: Touches, grid: Grid, present: np.ndarray, lookback: int) -> np.ndarray:
    """(last 7 days − mean week of the 4 before) ÷ √(mean + 1); NaN below 5 touchpoints in 35 days."""
    net = np.rint(p.net * FIXED).astype(np.int64)
    oldest = min(35, lookback)

    def between(first: int, last: int) -> np.ndarray:
        start, end = p.day + first, np.minimum(p.day + last, p.until)
        return grid.spread(p.account, start, np.maximum(start, end), net) / FIXED

    week, mean = between(0, 7), between(7, oldest) / 4.0
    seen = grid.spread(t.account, t.day, t.day + oldest)
    usable = present & (seen >= 5) & (mean > -1.0)
    out = np.full(mean.shape, np.nan)
    out[usable] = (week[usable] - mean[usable]) / np.sqrt(mean[usable] + 1.0)
    return out
