"""The threshold solver: the step of the grid at which the reps are busy, and no step below the floor.

Belongs here: choosing. Does not belong here: the curve (``curve``), the room (``room``), or writing the
proposal down (``proposals``).

All tiers move by the same step, so that a larger account keeps its lower threshold; a tier whose precision
floor binds stays at its floor, and the others make up for it as far as theirs allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mqa_platform.core.calibration.curve import Curve, Point
from mqa_platform.core.calibration.entries import at_step
from mqa_platform.core.rates import wilson
from mqa_platform.policy.models import Policy

# A score band is a quarter of the threshold wide where that holds enough episodes, else wider.
BAND_STEPS = 8
# Volume within this share of the room is enough; the same tolerance says when it is short.
TOLERANCE = 0.1


@dataclass(frozen=True)
class Band:
    """What is known of the precision just above a step; ``low`` is null where too little is."""

    mature: int
    hits: int
    low: float | None
    high: float | None

    @property
    def precision(self) -> float | None:
        """Share of the mature entries that became opportunities."""
        return self.hits / self.mature if self.mature else None


@dataclass(frozen=True)
class Choice:
    """One tier: the step proposed, the lowest step its floor allows, and the band above the step proposed."""

    tier: str
    step: int
    lowest: int
    band: Band
    floor_binds: bool


@dataclass(frozen=True)
class Solution:
    """All tiers, with the volume a week that is expected and the room it was solved for.

    ``status``: ``solved``; ``starved`` where the floor (or the end of the grid) leaves room empty, by
    ``shortfall`` accounts a week; ``overfull`` where no threshold of the grid is high enough;
    ``cannot_say`` where there are too few weeks, entries or reps: the thresholds stay as they are.
    """

    choices: tuple[Choice, ...]
    room: float
    volume: float
    volume_now: float
    status: str
    shortfall: float


def band(points: dict[int, Point], step: int, enough: int) -> Band:
    """The precision of what enters at a step and not at one a quarter higher, widened until it holds enough.

    Entries of a step less those of a higher one, of which the first has more; where even all entries from the
    step upwards are fewer than ``enough``, nothing is said.
    """
    here = points[step]
    for upper in range(step + BAND_STEPS, max(points) + 1, BAND_STEPS):
        above = points[upper]
        mature = here.mature - above.mature
        hits = min(max(here.hits - above.hits, 0), max(mature, 0))
        if mature >= enough:
            return Band(mature, hits, *wilson(hits, mature))
    if here.mature >= enough:
        return Band(here.mature, here.hits, *wilson(here.hits, here.mature))
    return Band(here.mature, here.hits, None, None)


def lowest_step(curve: Curve, pooled: dict[int, Point], floor: float, enough: int) -> int:
    """The lowest step whose band, and that of every step from it up to the one in force, keeps the floor.

    A tier with too few episodes goes by all tiers together; where these are too few as well, the threshold
    in force is the lowest there is. Where the step in force itself is below the floor, the first step above
    it that keeps it; the step in force where none is known to.
    """

    def keeps(step: int) -> bool | None:
        own = band(dict(curve.points), step, enough)
        known = own if own.low is not None else band(pooled, step, enough)
        return None if known.low is None else known.low >= floor

    steps = sorted(curve.points)
    if keeps(0) is False:
        return next((s for s in steps if s > 0 and keeps(s)), 0)
    lowest = 0
    for step in reversed([s for s in steps if s < 0]):
        if not keeps(step):
            break
        lowest = step
    return lowest


def lowest_legal(policy: Policy) -> float:
    """The lowest threshold, in points, that the policy's own check lets a tier have.

    News may be worth a quarter of the lowest threshold at most, each and all that add together; a threshold
    below four times that would need other ceilings first.
    """
    triggers = [s for s in policy.signals.signals.values() if s.kind == "trigger"]
    adding = sum(s.ceiling or 0.0 for s in triggers if s.weight > 0)
    return 4 * max([adding, *(s.ceiling or 0.0 for s in triggers)], default=0.0)


def solve(
    curves: Sequence[Curve],
    room: float,
    floor: float,
    enough: int,
    fewest_weeks: int = 4,
    legal: float = 0.0,
) -> Solution:
    """The proposal for all tiers.

    Args:
        curves: one a tier.
        room: accounts a week that the reps can take.
        floor: lowest share of MQAs that become opportunities, by the lower Wilson bound.
        enough: mature episodes below which a band says nothing.
        fewest_weeks: weeks of scores below which nothing is proposed.
        legal: points below which no threshold may go, as ``lowest_legal`` gives them.
    """
    pooled = _pooled(curves)
    floors = {c.tier: lowest_step(c, pooled, floor, enough) for c in curves}
    lowest = {c.tier: max(floors[c.tier], _legal_step(c, legal)) for c in curves}
    now = sum(c.volume(0) for c in curves)
    steps = sorted(pooled)
    seen = len(next(iter(pooled.values())).counts) if pooled else 0
    entered = sum(sum(p.counts) for p in pooled.values())
    if seen < fewest_weeks or not entered or room <= 0:
        return _solution(
            curves, {c.tier: 0 for c in curves}, floors, lowest, enough, room, now, "cannot_say"
        )

    def taken(step: int) -> dict[str, int]:
        return {c.tier: max(step, lowest[c.tier]) for c in curves}

    def volume(step: int) -> float:
        return sum(c.volume(s) for c, s in zip(curves, taken(step).values(), strict=True))

    # With room to fill no threshold rises, and with too many coming none falls; of equals the least change.
    allowed = [s for s in steps if (s <= 0 if volume(0) < room else s >= 0)]
    best = min(allowed, key=lambda s: (round(abs(volume(s) - room), 9), abs(s)))
    status = "solved"
    if volume(best) < room * (1 - TOLERANCE) and volume(min(steps)) < room * (1 - TOLERANCE):
        status = "starved"
    elif min(map(volume, allowed)) > room * (1 + TOLERANCE):
        status = "overfull"
    return _solution(curves, taken(best), floors, lowest, enough, room, now, status)


def _legal_step(curve: Curve, legal: float) -> int:
    """The lowest step whose threshold is legal; that in force where none below it is."""
    steps = [s for s in curve.points if s <= 0 and at_step(curve.threshold, s) >= legal]
    return min(steps, default=0)


def _pooled(curves: Sequence[Curve]) -> dict[int, Point]:
    whole: dict[int, Point] = {}
    for c in curves:
        for step, point in c.points.items():
            whole[step] = whole[step].plus(point) if step in whole else point
    return whole


def _solution(
    curves: Sequence[Curve],
    taken: dict[str, int],
    floors: dict[str, int],
    lowest: dict[str, int],
    enough: int,
    room: float,
    now: float,
    status: str,
) -> Solution:
    pooled = _pooled(curves)
    choices = []
    for c in curves:
        step = taken[c.tier]
        own = band(dict(c.points), step, enough)
        known = own if own.low is not None else band(pooled, step, enough)
        # At the lowest step of the curve it is the curve that ends, and not the floor that binds.
        binds = step == floors[c.tier] and step > min(c.points)
        floor_binds = binds and status == "starved" and known.low is not None
        choices.append(Choice(c.tier, step, lowest[c.tier], known, floor_binds))
    volume = sum(c.volume(taken[c.tier]) for c in curves)
    short = max(0.0, room - volume) if status == "starved" else 0.0
    return Solution(tuple(choices), room, volume, now, status, short)
