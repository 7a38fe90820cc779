"""The markets of a capacity measurement: who would enter at every threshold, week by week, over three years.

Belongs here: drawing and scoring the markets, and counting their entries. Does not belong here: solving thresholds
over them (``capacity_loop``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.calibration.entries import STEPS, entry_kernel, thresholds
from mqa_platform.evaluation.scored_market import candidates_of
from mqa_platform.evaluation.scratch import scratch_session
from mqa_platform.evaluation.seen_market import day_of, number_of
from mqa_platform.market.config import DAY, MarketConfig, World
from mqa_platform.market.streams import Ints
from mqa_platform.market.watched import Watched, watched
from mqa_platform.policy.models import Policy

WARM_UP, SEEN, QUIET, CHANGING = 26, 39, 39, 52
WEEKS = WARM_UP + SEEN + QUIET + CHANGING
FALL = -0.5
FIRST_STEP = STEPS[0]
# A programme of so many accounts has about 35 MQAs a week at half of what the thresholds in force bring.
_PROGRAMME, _MOST = 40_000, 10_000


@dataclass(frozen=True)
class Pool:
    """Entries of all markets at all steps: equally long columns; ``week`` from the end of the warm-up.

    ``hit`` marks an opportunity within the conversion window; ``account`` is numbered over all markets.
    """

    account: Ints
    tier: Ints
    step: Ints
    week: Ints
    hit: Ints
    accounts: int


@dataclass(frozen=True)
class Grid:
    """Entries by tier, step and week; mature hits by the week of entry."""

    entered: Ints
    hits: Ints


def grid_of(pool: Pool, kept: np.ndarray | None, tiers: int) -> Grid:
    """The entries of a programme: of the accounts that are kept, all where None is given."""
    rows = slice(None) if kept is None else np.flatnonzero(kept[pool.account])
    shape = (tiers, len(STEPS), WEEKS - WARM_UP)
    place = (pool.tier[rows], pool.step[rows] - FIRST_STEP, pool.week[rows])
    entered, hits = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    np.add.at(entered, place, 1)
    np.add.at(hits, place, pool.hit[rows])
    return Grid(entered, hits)


def enough_accounts(asked: int, seeds: int) -> int:
    """Accounts of each market of a programme: what the markets' own measurement asks for, or enough to say something.

    With few accounts chance alone moves a quarter by more than the tolerance. No market is of more than 10,000
    accounts, which fit into memory with their three years.
    """
    return min(max(asked, _PROGRAMME // seeds), _MOST)


def market_config(
    accounts: int, seed: int, drift_weeks: int, world: World = "committee"
) -> MarketConfig:
    """The market of one seed: quiet, then losing half of its intent within so many weeks."""
    return MarketConfig(
        accounts, 7 * WEEKS, seed, world=world, intent_drift=FALL, drift_weeks=drift_weeks,
        drift_from=7 * (WARM_UP + SEEN + QUIET),
    )  # fmt: skip


def market_entries(config: MarketConfig, policy: Policy) -> tuple[Ints, ...]:
    """(account, tier, step, week, hit) of one market's entries."""
    w = watched(config)
    days = [day_of(config, 7 * n) for n in range(WARM_UP, WEEKS)]
    with scratch_session() as session:
        rows = candidates_of(session, w, policy, days)
    bars = thresholds(policy)
    found = entry_kernel(bars, policy.stages.min_dwell_days).fn(rows)
    account = pc.utf8_slice_codeunits(found["account_id"], 1).cast(pa.int64()).to_numpy()
    tier = pc.index_in(found["tier"], pa.array(list(bars))).to_numpy().astype(np.int64)
    day = np.array([number_of(config, d) for d in found["entered_on"].to_pylist()], dtype=np.int64)
    week = day // 7 - WARM_UP
    hit = _followed(w, account, day, policy.conversions.opportunity_window_days)
    later = week > 0
    return tuple(c[later] for c in (account, tier, found["step"].to_numpy(), week, hit))


def _followed(w: Watched, account: Ints, day: Ints, window: int) -> Ints:
    """1 for each entry after which the account had an opportunity within the window."""
    deals = sorted(
        (o.account, (o.created_at - w.config.start) // DAY) for o in w.outcomes.opportunities
    )
    key = np.array([a * 10_000 + d for a, d in deals] + [2**60], dtype=np.int64)
    place = np.searchsorted(key, account * 10_000 + day)
    return (key[place] < account * 10_000 + day + window).astype(np.int64)


def pooled(parts: list[tuple[Ints, ...]], accounts: int) -> Pool:
    """The markets as one; ``accounts`` is how many each of them has."""
    columns = [np.concatenate(c) for c in zip(*parts, strict=True)]
    market = np.repeat(np.arange(len(parts)), [len(p[0]) for p in parts])
    _, tier, step, week, hit = columns
    return Pool(columns[0] + market * accounts, tier, step, week, hit, accounts * len(parts))
