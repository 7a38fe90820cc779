"""Do solved thresholds keep the reps busy while the market changes, and does a stale one ring in time?

Belongs here: proposals approved quarter by quarter on synthetic markets, and what came of them. Does not belong
here: the solver (``core.calibration``) or how good an MQA is (``model``).

One programme works the accounts of all seeds' markets together: three quarters of scores, three quiet quarters,
and a year in which intent falls by half, all along it or faster. Its reps take half of what the packaged
thresholds bring in the first two quarters, so that thresholds may go either way. A proposal is approved every
13 weeks, and in the week after an alarm. Scores are read once a week; volume is who enters at the thresholds of
the week, and whom a lower threshold finds above it already is backlog and not volume, as in a promotion. The
bounds that the policy's own check sets to a threshold are left out here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mqa_platform.core.calibration.counts import Cusum, poisson_band, visible_change
from mqa_platform.core.calibration.curve import curves
from mqa_platform.core.calibration.entries import STEPS, thresholds
from mqa_platform.core.calibration.solver import TOLERANCE, solve
from mqa_platform.core.rates import wilson
from mqa_platform.evaluation.capacity_markets import (
    FIRST_STEP,
    QUIET,
    SEEN,
    WARM_UP,
    WEEKS,
    Grid,
    Pool,
    grid_of,
    market_config,
    market_entries,
    pooled,
)
from mqa_platform.evaluation.measures import Facts, share
from mqa_platform.market.config import World
from mqa_platform.market.streams import Ints
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.models import Policy

QUARTER, HALF_YEAR = 13, 26
PROGRAMMES = 20
# Where exactly right thresholds stay within the tolerance less often than this, chance hides the solver.
SAYS_ENOUGH = 0.5
Tell = Callable[[str], None]


@dataclass(frozen=True)
class _Quarter:
    """What one proposal led to: entries of each of its weeks, and whether the market was changing."""

    counts: Ints
    status: str
    drifting: bool


def evaluate_capacity(
    accounts: int,
    seeds: Sequence[int],
    drift_weeks: int = 26,
    world: World = "committee",
    tell: Tell = lambda _: None,
) -> Facts:
    """``capacity`` and ``stale_alarm``: shares of quarters and weeks within their limits, weeks to the alarm.

    Args:
        accounts: of each seed's market.
        seeds: of the markets that make the programme.
        world: what buying is like.
        drift_weeks: within which intent falls by half, up to 52; what is lost stays lost.
        tell: told what begins.
    """
    policy = load_policy(None)
    parts = []
    for seed in seeds:
        tell(f"capacity, seed {seed}")
        parts.append(market_entries(market_config(accounts, seed, drift_weeks, world), policy))
    pool = pooled(parts, accounts)
    rng = np.random.default_rng(min(seeds))
    halves = [rng.random(pool.accounts) < 0.5 for _ in range(PROGRAMMES)]
    tell("quarter by quarter")
    runs = [_programme(pool, policy, None), *(_programme(pool, policy, h) for h in halves)]
    once = _programme(pool, policy, None, once=True)
    never = _shares([once] if once[0] else [])
    capacity = _capacity(runs) | {"untouched": {k: never[k] for k in ("within_share", "ratios")}}
    return {"capacity": capacity, "stale_alarm": _stale(pool, policy, [None, *halves])}


def _solved(grid: Grid, policy: Policy, room: float, week: int) -> tuple[list[int], str]:
    """The step of each tier that is proposed at the beginning of a week, from what was known then."""
    bars = thresholds(policy)
    since = max(week - HALF_YEAR, 1)
    old = max(1, week - policy.conversions.opportunity_window_days // 7 - 1)
    counted, told = [], []
    for t, tier in enumerate(bars):
        for s, step in enumerate(STEPS):
            counted += [
                {"tier": tier, "step": step, "week": week - 1 - k, "n": int(grid.entered[t, s, k])}
                for k in range(since, week)
            ]
            mature = {
                "mature": int(grid.entered[t, s, 1:old].sum()),
                "hits": int(grid.hits[t, s, 1:old].sum()),
            }
            told.append({"tier": tier, "step": step, **mature})
    found = curves(bars, counted, told, [], week - since, QUARTER)
    solution = solve(
        found, room, policy.calibration.precision_floor, policy.calibration.enough_episodes
    )
    return [c.step for c in solution.choices], solution.status


def _room(grid: Grid) -> float:
    return float(grid.entered[:, -FIRST_STEP, 1:HALF_YEAR].sum()) / (HALF_YEAR - 1) / 2


def _programme(
    pool: Pool, policy: Policy, kept: np.ndarray | None, once: bool = False
) -> tuple[float, list[_Quarter], int]:
    """The room, the quarters and the proposals out of cycle of one programme; with ``once`` only the first is made."""
    grid = grid_of(pool, kept, len(thresholds(policy)))
    room, quarters, again = _room(grid), [], 0
    steps: list[int] = []
    status = ""
    for start in range(SEEN, WEEKS - WARM_UP - QUARTER + 1, QUARTER):
        if start == SEEN or not once:
            steps, status = _solved(grid, policy, room, start)
        watch, counts = Cusum(room), []
        for week in range(start, start + QUARTER):
            n = int(sum(grid.entered[t, s - FIRST_STEP, week] for t, s in enumerate(steps)))
            counts.append(n)
            if watch.add(n) and week + 1 < start + QUARTER and not once:
                steps, status = _solved(grid, policy, room, week + 1)
                watch, again = Cusum(room), again + 1
        quarters.append(_Quarter(np.array(counts), status, start >= SEEN + QUIET))
    return room, quarters, again


def _capacity(runs: list[tuple[float, list[_Quarter], int]]) -> Facts:
    """Figures of the whole programme, and apart those of programmes with a random half of its accounts."""
    halves = [r for r in runs[1:] if r[0] > 0]
    whole = _shares([r for r in runs[:1] if r[0] > 0])
    return {**whole, "says": _says(whole), "halves": {"programmes": len(halves), **_shares(halves)}}


def _says(whole: Facts) -> list[str]:
    """What the figures of the whole programme allow to be said."""
    room, chance = whole["room_per_week"], whole["within_share_by_chance"]
    if not whole["quarters"]:
        return ["These markets bring no MQA at the thresholds in force: nothing can be said."]
    said = [
        f"{whole['within_share']:.0%} of {whole['quarters']} quarters are within {TOLERANCE:.0%} of the room "
        f"({whole['within_low']:.0%} to {whole['within_high']:.0%}); exactly right thresholds would keep {chance:.0%}."
    ]
    if chance < SAYS_ENOUGH:
        said.append(
            f"At {room:.1f} MQAs a week chance alone moves a quarter by more than {TOLERANCE:.0%}: the share "
            "says nothing of the solver. Take more accounts."
        )
    return said


def _shares(runs: list[tuple[float, list[_Quarter], int]]) -> Facts:
    within: dict[bool, list[bool]] = {False: [], True: []}
    outside = weeks = beyond = 0
    ratios: list[float] = []
    for room, quarters, _ in runs:
        pointwise, whole = poisson_band(room), poisson_band(room, 0.95 ** (1 / QUARTER))
        for q in quarters:
            ratio = float(q.counts.mean()) / room
            ratios.append(ratio)
            within[q.drifting].append(abs(ratio - 1) <= TOLERANCE)
            outside += int(((q.counts < pointwise[0]) | (q.counts > pointwise[1])).sum())
            beyond += int(((q.counts < whole[0]) | (q.counts > whole[1])).any())
            weeks += len(q.counts)
    every = within[False] + within[True]
    low, high = wilson(sum(every), len(every))
    room = sum(r[0] for r in runs) / max(len(runs), 1)
    return {
        "room_per_week": room,
        "within_share": share(sum(every), len(every)),
        "within_low": low,
        "within_high": high,
        "within_share_quiet": share(sum(within[False]), len(within[False])),
        "within_share_drifting": share(sum(within[True]), len(within[True])),
        "within_share_by_chance": _by_chance(room),
        "quarters": len(every),
        "ratios": [round(r, 3) for r in ratios] if len(runs) == 1 else None,
        "mean_ratio": share(sum(ratios), len(ratios)),
        "weeks_outside_share": share(outside, weeks),
        "quarters_with_a_week_outside_share": share(beyond, len(every)),
        "out_of_cycle_per_year": share(sum(r[2] for r in runs), sum(len(r[1]) for r in runs) / 4),
    }


def _by_chance(room: float) -> float:
    """The share of quarters within the tolerance if every threshold were exactly right: Poisson alone."""
    from scipy.stats import poisson

    if room <= 0:
        return 0.0
    mean = room * QUARTER
    high = poisson.cdf(np.floor(mean * (1 + TOLERANCE)), mean)
    return float(high - poisson.cdf(np.ceil(mean * (1 - TOLERANCE)) - 1, mean))


def _stale(pool: Pool, policy: Policy, programmes: list[np.ndarray | None]) -> Facts:
    """A threshold that nobody touches: alarms of a quiet year, and weeks until the drift rings.

    What is expected is the mean of the quiet year. The threshold is stale from the week on in which its volume,
    smoothed over nine weeks, has fallen by as much as the alarm is to see within three weeks. An alarm since the
    drift began and before that week is none late, and one of a rise counts as one.
    """
    alarms, late, since, stale = [], [], [], 0
    begin = SEEN + QUIET
    for kept in programmes:
        grid = grid_of(pool, kept, len(thresholds(policy)))
        steps, _ = _solved(grid, policy, _room(grid), SEEN)
        counts = np.sum([grid.entered[t, s - FIRST_STEP] for t, s in enumerate(steps)], axis=0)
        level = float(counts[begin - 52 : begin].mean())
        if not level:
            continue
        quiet, watch = Cusum(level), Cusum(level)
        alarms.append(sum(bool(quiet.add(int(n))) for n in counts[begin - 52 : begin]))
        smooth = np.convolve(counts, np.ones(9) / 9, mode="same")[begin:-4]
        below = np.flatnonzero(smooth <= level * visible_change(level, rising=False))
        if not len(below):
            continue
        stale += 1
        rang = next((k + 1 for k, n in enumerate(counts[begin:]) if watch.add(int(n))), None)
        if rang is not None:
            late.append(max(0, rang - int(below[0]) - 1))
            since.append(rang)
    return {
        "weeks": float(np.median(late)) if late else None,
        "weeks_most": max(late) if late else None,
        "within_three_weeks_share": sum(x <= 3 for x in late) / stale if stale else None,
        "weeks_since_drift_began": float(np.median(since)) if since else None,
        "heard": len(late),
        "stale": stale,
        "false_alarms_in_52_quiet_weeks": share(sum(alarms), len(alarms)),
        "false_alarms_most": max(alarms, default=None),
    }
