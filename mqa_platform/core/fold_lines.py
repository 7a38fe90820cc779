"""The lines that the fold leaves: a state of every account and day, and a line for every step.

Belongs here: collecting them as arrays and turning them into one table at the end. Does not belong here:
the walk over days (``fold``) or the rules (``rules``).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from mqa_platform.core.ladder_day import Thresholds, above
from mqa_platform.core.rungs import GATES, MQA, NEVER, STAGES, TIERS, Facts, Moves, State
from mqa_platform.core.timeline import POINT

# Column of the state → its name in ``State``; all are days.
DAYS = {
    "entered_on": "entered", "mqa_on": "mqa_on", "last_exit_on": "last_exit",
    "first_touch_on": "first_touch", "last_activity_on": "last_activity", "hand_raised_on": "raised_on",
    "fell_on": "fell_on",
}  # fmt: skip
STAGE_LINES = pa.schema(
    [
        ("kind", pa.string()),
        ("account_id", pa.string()),
        ("day", pa.date32()),
        ("seq", pa.int64()),
        ("stage", pa.string()),
        ("from_stage", pa.string()),
        ("rule", pa.string()),
        ("reason", pa.string()),
        ("evidence", pa.string()),
        ("episode", pa.int64()),
        ("days_below", pa.int64()),
        ("exit_reason", pa.string()),
        ("episode_tier", pa.string()),
        ("child_mqa", pa.bool_()),
        *[(name, pa.date32()) for name in DAYS],
    ]
)
# Columns that are positions among words; −1 is null.
_WORDS = {
    "kind": pa.array(["state", "move"], pa.string()),
    "stage": pa.array(STAGES, pa.string()),
    "from_stage": pa.array(STAGES, pa.string()),
    "episode_tier": pa.array(TIERS, pa.string()),
}
_TEXTS = ("rule", "reason", "evidence", "exit_reason")
_STATE, _MOVE = 0, 1


class Lines:
    """Collects lines day by day; ``table`` makes one table of them."""

    def __init__(self, names: pa.Array) -> None:
        self.names = names
        self._parts: dict[str, list[np.ndarray]] = defaultdict(list)
        self._rows = 0

    def states(self, t: int, state: State, f: Facts) -> None:
        """One line an account that is there on the day."""
        who = np.flatnonzero(f.present)
        self._add(
            who,
            t,
            state,
            kind=_STATE,
            stage=state.stage[who],
            reason=state.reason[who],
            episode=state.episode[who],
            episode_tier=state.tier[who],
            child_mqa=above(state.mqa_on >= 0, f)[who].astype(np.int64),
        )

    def moves(self, t: int, moves: Moves, state: State, f: Facts, thresholds: Thresholds) -> None:
        """One line a step, in the order in which the account took them."""
        limit = thresholds.of(f.tier)
        seq = np.zeros(len(self.names), dtype=np.int64)
        for move in moves.rows:
            who = move.who
            self._add(
                who,
                t,
                state,
                kind=_MOVE,
                seq=seq[who],
                stage=move.to,
                from_stage=move.before,
                rule=move.rule,
                reason=move.reasons,
                evidence=np.array([_evidence(f, limit[i], i, move.to) for i in who], dtype=object),
                episode=move.episode,
                episode_tier=move.tier,
            )
            seq[who] += 1

    def _add(self, who: np.ndarray, t: int, state: State, **given: Any) -> None:
        """Appends a line an account; what is not given and no part of the state is null."""
        given |= {"account_id": who, "day": t}
        given |= {"days_below": state.days_below[who], "exit_reason": state.exit_reason[who]}
        given |= {column: getattr(state, name)[who] for column, name in DAYS.items()}
        for column in STAGE_LINES.names:
            text = column in _TEXTS
            value = given.get(column, None if text else NEVER)
            if not isinstance(value, np.ndarray):
                value = np.full(len(who), value, dtype=object if text else np.int64)
            self._parts[column].append(value)
        self._rows += len(who)

    def table(self) -> pa.Table:
        """All lines, those of a day behind those of the day before."""
        if not self._rows:
            return STAGE_LINES.empty_table()
        columns = [
            self._column(f, np.concatenate(self._parts.pop(f.name))).cast(f.type)
            for f in STAGE_LINES
        ]
        return pa.Table.from_arrays(columns, schema=STAGE_LINES)

    def _column(self, field: pa.Field, values: np.ndarray) -> pa.Array:
        if field.name in _TEXTS:
            return pa.array(values, pa.string())
        if field.name == "account_id":
            return self.names.take(pa.array(values))
        known = pa.array(values, mask=values < 0)
        if field.name in _WORDS:
            return _WORDS[field.name].take(known)
        return known.cast(pa.int32()) if pa.types.is_date(field.type) else known


def _evidence(f: Facts, limit: float, i: int, to: int) -> str:
    """The figures a step rests on, in words."""
    score = f"score {f.score[i] / POINT:.4f}, threshold {limit / POINT:.4f}"
    if to != MQA:
        return f"gate {GATES[f.gate[i]]}, {score}"
    return f"{score}, {f.people[i]} people, {f.committee[i]} on high-intent pages, gate {GATES[f.gate[i]]}"
