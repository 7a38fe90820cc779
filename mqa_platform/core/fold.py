"""The fold kernel: daily facts in, the stage of every account and day and its transitions out.

Belongs here: the walk over days, and facts as arrays. Does not belong here: the rules (``rules``), the lines
that it leaves (``fold_lines``), or where the facts come from (``stage_facts``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.fold_lines import DAYS, STAGE_LINES, Lines
from mqa_platform.core.history import Span
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.ladder import Ladder
from mqa_platform.core.rungs import (
    GATES,
    NEVER,
    SALES_EVENTS,
    STAGES,
    TIERS,
    Facts,
    State,
)
from mqa_platform.core.timeline import POINT
from mqa_platform.core.touches import number

FACT_COLUMNS = (
    "account_id", "day", "engagement_score", "tier", "fit_gate", "score_type", "is_target",
    "is_suppressed", "eligible_people", "people_on_high_intent", "anonymous_evidence", "hand_raised",
    "last_eligible_on", "open_opportunity", "is_customer", "last_won_on", "touched", "answered",
    "answered_news", "sales_event", "sales_reason", "loss_reason", "forced_stage", "forced_reason",
    "parent_account_id", "stage", "reason", "episode", "days_below", "exit_reason", "episode_tier", *DAYS,
)  # fmt: skip


def _days(column: pa.ChunkedArray) -> np.ndarray:
    numbers = pc.fill_null(column.cast(pa.int32()), NEVER)
    return numbers.to_numpy(zero_copy_only=False).astype(np.int64)


def _points(column: pa.ChunkedArray) -> np.ndarray:
    return np.rint(pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy() * POINT)


def _flags(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column, False).to_numpy(zero_copy_only=False).astype(bool)


def _texts(column: pa.ChunkedArray) -> np.ndarray:
    return column.to_numpy(zero_copy_only=False).astype(object)


def _position(column: pa.ChunkedArray, words: tuple[str, ...]) -> np.ndarray:
    """Where each text stands among the words; the first word's place for null or any other text."""
    found = pc.fill_null(pc.index_in(column, pa.array(words, pa.string())), 0)
    return found.to_numpy(zero_copy_only=False).astype(np.int64)


def _place(column: pa.ChunkedArray, names: pa.Array) -> np.ndarray:
    """Where each account stands among the names; −1 for null, or one that is not among them."""
    found = pc.fill_null(pc.index_in(column, names), NEVER)
    return found.to_numpy(zero_copy_only=False).astype(np.int64)


def _counts(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(column, 0).to_numpy(zero_copy_only=False).astype(np.int64)


class _Cube:
    """Facts as days × accounts; a cell without a row is an account that does not exist that day."""

    def __init__(
        self,
        table: pa.Table,
        account: np.ndarray,
        at: np.ndarray,
        names: pa.Array,
        days: int,
    ) -> None:
        self.table, self.account, self.at = table, account, at
        self.names, self.shape = names, (days, len(names))

    def fill(self, values: np.ndarray, empty: object) -> np.ndarray:
        out = np.full(self.shape, empty, dtype=values.dtype)
        out[self.at, self.account] = values
        return out

    def facts(self) -> dict[str, np.ndarray]:
        t = self.table
        everything = np.ones(t.num_rows, dtype=bool)
        return {
            "present": self.fill(everything, False),
            "score": self.fill(_points(t["engagement_score"]), 0.0),
            "parent": self.fill(_place(t["parent_account_id"], self.names), NEVER),
            "tier": self.fill(_position(t["tier"], TIERS), 0),
            "gate": self.fill(_position(t["fit_gate"], GATES), 0),
            "intent_heavy": self.fill(_flags(pc.equal(t["score_type"], "intent_heavy")), False),
            "on_target_list": self.fill(_flags(t["is_target"]), False),
            "suppressed": self.fill(_flags(t["is_suppressed"]), False),
            "people": self.fill(_counts(t["eligible_people"]), 0),
            "committee": self.fill(_counts(t["people_on_high_intent"]), 0),
            "anonymous_evidence": self.fill(_flags(t["anonymous_evidence"]), False),
            "hand_raised": self.fill(_flags(t["hand_raised"]), False),
            "last_eligible": self.fill(_days(t["last_eligible_on"]), NEVER),
            "open_opportunity": self.fill(_flags(t["open_opportunity"]), False),
            "customer": self.fill(_flags(t["is_customer"]), False),
            "last_won": self.fill(_days(t["last_won_on"]), NEVER),
            "touched": self.fill(_flags(t["touched"]), False),
            "answered": self.fill(_flags(t["answered"]), False),
            "answered_news": self.fill(_flags(t["answered_news"]), False),
            "sales_event": self.fill(_position(t["sales_event"], SALES_EVENTS), 0),
            "sales_reason": self.fill(_texts(t["sales_reason"]), None),
            "loss_reason": self.fill(_texts(t["loss_reason"]), None),
            "forced": self.fill(_position(t["forced_stage"], ("", *STAGES)) - 1, NEVER),
            "forced_reason": self.fill(_texts(t["forced_reason"]), None),
        }


def _initial(table: pa.Table, accounts: np.ndarray, state: State) -> None:
    """Sets the state of the accounts that have one from before the window."""
    codes = {name: i for i, name in enumerate(STAGES)}
    state.stage[accounts] = [codes[s] for s in table["stage"].to_pylist()]
    state.episode[accounts] = _counts(table["episode"])
    state.days_below[accounts] = _counts(table["days_below"])
    # The first word stands for none, so that it is minus one.
    state.tier[accounts] = _position(table["episode_tier"], ("", *TIERS)) - 1
    for name in ("exit_reason", "reason"):
        getattr(state, name)[accounts] = _texts(table[name])
    for column, name in DAYS.items():
        getattr(state, name)[accounts] = _days(table[column])


def fold_kernel(spans: Sequence[Span], backlog_days: Collection[date]) -> Kernel:
    """Kernel: rows of facts (``FACT_COLUMNS``) → state and move lines.

    A row whose ``stage`` is filled is the state an account starts from; the others are facts of a day.

    Args:
        spans: the policies of one motion, oldest first; the first also speaks for the days before it.
        backlog_days: the first day of the whole history, and those on which a promotion is first felt: who
            meets the rule there is backlog, because nobody looked before, or the rules changed.
    """
    ladders = [Ladder(span.policy) for span in spans]
    starts = np.array([number(span.window.lo) for span in spans[1:]], dtype=np.int64)
    backlog = {number(day) for day in backlog_days}

    def run(table: pa.Table) -> pa.Table:
        table = table.select(FACT_COLUMNS).combine_chunks()
        encoded = pc.dictionary_encode(table["account_id"]).combine_chunks()
        account = encoded.indices.to_numpy().astype(np.int64)
        names = encoded.dictionary
        is_start = pc.is_valid(table["stage"]).to_numpy(zero_copy_only=False)
        state = State.fresh(len(names))
        _initial(table.filter(pa.array(is_start)), account[is_start], state)
        facts_table = table.filter(pa.array(~is_start))
        day = _days(facts_table["day"])
        days = np.unique(day)
        cube = _Cube(facts_table, account[~is_start], np.searchsorted(days, day), names, len(days))
        facts = cube.facts()
        out = Lines(names)
        for at, t in enumerate(days):
            f = Facts(**{name: values[at] for name, values in facts.items()})
            ladder = ladders[int(np.searchsorted(starts, t, side="right"))]
            moves = ladder.day(int(t), state, f, is_backlog=int(t) in backlog)
            out.moves(int(t), moves, state, f, ladder.thresholds)
            out.states(int(t), state, f)
        return out.table()

    facts_of = tuple(c for c in FACT_COLUMNS if c not in ("account_id",))
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(STAGE_LINES.names, facts_of)
    lineage |= {"account_id": ("account_id",), "day": ("day",), "kind": ("stage",)}
    return Kernel("stage_lines", run, STAGE_LINES, lineage)
