"""The proposal written down: what would change for each tier, why, and for which accounts.

Belongs here: the rows of a proposal and its sentence. Does not belong here: solving (``solver``), reading tables
(``calibrating``), or putting a policy in force (``promoting``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from mqa_platform.core.calibration.counts import poisson_band
from mqa_platform.core.calibration.curve import Curve
from mqa_platform.core.calibration.entries import at_step
from mqa_platform.core.calibration.solver import Choice, Solution
from mqa_platform.core.expressions import in_force
from mqa_platform.core.rates import rate
from mqa_platform.policy.models import Policy

ENTERS, LEAVES = "enters", "leaves"
QUARTER_WEEKS = 13


@dataclass(frozen=True)
class Lowering:
    """The last time a tier's threshold was lowered, and its MQA→opportunity rate before and since.

    ``without_gain`` is null while either side has no mature episode.
    """

    on: date | None = None
    before: float | None = None
    after: float | None = None

    @property
    def without_gain(self) -> bool | None:
        """Whether more accounts were let in and the rate did not rise."""
        if self.before is None or self.after is None:
            return None
        return self.after <= self.before


def lowering(
    history: Sequence[tuple[date, float]],
    episodes: Iterable[Mapping[str, Any]],
    as_of: date,
    window: int,
) -> Lowering:
    """The last lowering of one tier, judged by what became of its MQAs.

    Args:
        history: (first day, threshold) of the tier, oldest first.
        episodes: of the tier, with mqa_on and opportunity_on.
        as_of: the day of the proposal.
        window: days after which an episode without an opportunity counts as one without.
    """
    moved = [
        day
        for (_, before), (day, after) in zip(history, history[1:], strict=False)
        if after < before and day <= as_of
    ]
    if not moved:
        return Lowering()
    rows = [dict(e) for e in episodes]
    sides = ([e for e in rows if e["mqa_on"] < moved[-1]], [e for e in rows if e["mqa_on"] >= moved[-1]])  # fmt: skip
    rates = [rate("before_and_after", side, window, as_of, "opportunity_on") for side in sides]
    return Lowering(moved[-1], rates[0]["value"], rates[1]["value"])


def mql_threshold_needed(policy: Policy, proposed: Iterable[float]) -> float | None:
    """The MQL threshold with which five people at 30 % of it still reach every proposed one; null if it does.

    The policy's own rule: ``1.5 × mql_threshold + multi_contact(5 people) ≥ threshold`` of every tier.
    """
    breadth = policy.signals.multi_contact
    given = breadth.weight * min(4, breadth.limit)
    needed = (max(proposed) - given) / 1.5
    return None if needed <= float(policy.stages.mql_threshold) else float(-(-needed // 1))


def proposal_rows(
    curves: Sequence[Curve],
    solution: Solution,
    policy: Policy,
    reps: int,
    lowerings: Mapping[str, Lowering],
) -> list[dict[str, Any]]:
    """One row a tier; volumes are accounts a week, of the tier where the name does not say otherwise."""
    rules = policy.calibration
    pairs = zip(solution.choices, curves, strict=True)
    proposed = {c.tier: at_step(v.threshold, c.step) for c, v in pairs}
    quarter = solution.volume * QUARTER_WEEKS / reps if reps else None
    mql = mql_threshold_needed(policy, proposed.values())
    rows = []
    for curve, choice in zip(curves, solution.choices, strict=True):
        volume = curve.volume(choice.step)
        low, high = poisson_band(volume)
        lowered = lowerings.get(curve.tier, Lowering())
        rows.append(
            {
                "tier": curve.tier,
                "status": solution.status,
                "threshold_now": curve.threshold,
                "threshold_proposed": proposed[curve.tier],
                "threshold_lowest": at_step(curve.threshold, choice.lowest),
                "step": choice.step,
                "room_per_week": solution.room,
                "volume_now": curve.volume(0),
                "volume_per_week": volume,
                "week_low": low,
                "week_high": high,
                "total_volume_now": solution.volume_now,
                "total_volume_per_week": solution.volume,
                "shortfall_per_week": solution.shortfall,
                "precision": choice.band.precision,
                "precision_low": choice.band.low,
                "precision_high": choice.band.high,
                "mature": choice.band.mature,
                "precision_floor": rules.precision_floor,
                "floor_binds": choice.floor_binds,
                "weeks_seen": len(curve.points[0].counts),
                "reps": reps,
                "per_rep_quarter": quarter,
                "usual": _usual(quarter, rules.usual_low, rules.usual_high),
                "lowered_on": lowered.on,
                "conversion_before": lowered.before,
                "conversion_after": lowered.after,
                "lowered_without_gain": lowered.without_gain,
                "mql_threshold_needed": mql,
                "says": _says(
                    curve, choice, solution, proposed[curve.tier], lowered, rules.precision_floor
                ),
            }
        )
    return rows


def _usual(quarter: float | None, low: int, high: int) -> str | None:
    """Where the load lies in the band that practitioners name; nothing aims at it."""
    if quarter is None:
        return None
    return "below" if quarter < low else "above" if quarter > high else "inside"


def _says(
    curve: Curve,
    choice: Choice,
    solution: Solution,
    proposed: float,
    lowered: Lowering,
    floor: float,
) -> str:
    now = f"{curve.threshold:g}"
    words = (
        f"The reps can take {solution.room:.1f} accounts a week; the thresholds in force bring "
        f"{solution.volume_now:.1f}. "
    )
    if solution.status == "cannot_say":
        return words + f"Too little is known to propose anything: the threshold stays {now}."
    move = (
        f"It stays {now}."
        if choice.step == 0
        else f"From {now} to {proposed:g}: {solution.volume:.1f} a week are expected in all tiers."
    )
    words += move
    if solution.status == "starved":
        why = "no threshold brings more"
        if choice.floor_binds:
            why = "the precision floor binds"
        elif choice.band.low is None:
            why = "too few mature entries are known to lower it by"
        elif choice.step == choice.lowest and choice.step > min(curve.points):
            why = "the policy's check lets it go no lower beside its ceilings for news"
        words += f" Starved by {solution.shortfall:.1f} a week: {why}."
    if solution.status == "overfull":
        words += " Even the highest threshold of the curve brings more than the reps can take."
    if choice.band.low is None:
        words += f" Of {choice.band.mature} mature entries nothing can be said of precision."
    elif choice.band.low < floor:
        words += (
            f" It is not known to keep the precision floor of {floor:.0%}: the lower end of its "
            f"precision is {choice.band.low:.1%}."
        )
    if lowered.without_gain:
        words += (
            f" Lowered on {lowered.on} and conversion did not rise: {lowered.before:.0%} before, "
            f"{lowered.after:.0%} since."
        )
    return words


def changed_accounts(
    entries: ir.Table, accounts: ir.Table, steps: Mapping[str, int], as_of: date, weeks: int
) -> ir.Table:
    """(account_id, name, tier, owner_id, change, entered_on): who would have entered and did not, and who did.

    Over the last weeks; ``entered_on`` is the first entry under the thresholds that let the account in. An
    account that enters under both is not named.
    """
    since = as_of - timedelta(days=7 * weeks)
    e = entries.filter(entries["entered_on"] > since)
    now = e.filter(e["step"] == 0)
    chosen = ibis.cases(*((e["tier"] == t, ibis.literal(s)) for t, s in steps.items()), else_=0)
    then = e.filter(e["step"] == chosen)
    parts = []
    for one, other, word in ((then, now, ENTERS), (now, then, LEAVES)):
        only = one.anti_join(other.select("account_id").distinct(), "account_id")
        first = only.group_by("account_id", "tier").aggregate(entered_on=only["entered_on"].min())
        parts.append(first.mutate(change=ibis.literal(word)))
    found = parts[0].union(parts[1])
    a = accounts.select("valid_from", "valid_to", "name", "owner_id", of_account="account_id")
    t = found.join(a, [("account_id", "of_account")])
    t = t.filter(in_force(t, t["entered_on"]))
    return t.select("account_id", "name", "tier", "owner_id", "change", "entered_on")
