"""Rules that hold between the sections of a policy.

Belongs here: a check that needs more than one section. Does not belong here: the range of one field
or the fields of one section (``models``). Each problem starts with ``section.key: ``, so that the
reader can say the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_platform.policy.models import Policy


def policy_problems(policy: Policy) -> list[str]:
    """Every rule between sections that the policy breaks, as ``section.key: reason``.

    What is wrong with another motion than the leading one starts with its name: ``expansion/stages.…``.
    """
    if policy.program.motion in policy.other_motions:
        return [f"program.motion: {policy.program.motion} leads, and is under motions as well"]
    found = []
    for each in policy.motions():
        motion = each.program.motion
        prefix = "" if motion == policy.program.motion else f"{motion}/"
        found += [f"{prefix}{problem}" for problem in _problems_of_motion(each)]
    return found


def _problems_of_motion(policy: Policy) -> Iterator[str]:
    yield from _breadth_beats_the_mql_model(policy)
    yield from _triggers_stay_small(policy)


def _breadth_beats_the_mql_model(policy: Policy) -> Iterator[str]:
    """Five contacts at 30 % of an MQL each must make an MQA in every tier."""
    breadth = policy.signals.multi_contact
    reach = Decimal("1.5") * policy.stages.mql_threshold
    reach += Decimal(str(breadth.weight)) * min(4, breadth.limit)
    highest = max(tier.threshold for _, tier in policy.stages.tiers)
    if reach < highest:
        yield (
            f"stages.mql_threshold: five contacts at 30 % of an MQL reach {reach:f}, below the "
            f"highest tier threshold {highest:f}; lower the threshold, or raise mql_threshold or "
            "signals.multi_contact"
        )


def _triggers_stay_small(policy: Policy) -> Iterator[str]:
    """Trigger events give timing, never the bulk of a score, and news gets old."""
    limit = float(min(tier.threshold for _, tier in policy.stages.tiers)) * 0.25
    triggers = {n: s for n, s in policy.signals.signals.items() if s.kind == "trigger"}
    adding = {n: s.ceiling or 0.0 for n, s in triggers.items() if s.weight > 0}
    for name, signal in triggers.items():
        if signal.expires_after_days is None:
            yield (
                f"signals.{name}.expires_after_days: a trigger event has to say after how many days "
                "it counts no more"
            )
        if signal.ceiling is None or signal.ceiling > limit:
            yield (
                f"signals.{name}.ceiling: a trigger event needs a ceiling of at most {limit:g}, "
                "a quarter of the lowest tier threshold"
            )
    total, last = sum(adding.values()), next(reversed(adding), None)
    if last is not None and total > limit and max(adding.values()) <= limit:
        yield (
            f"signals.{last}.ceiling: the ceilings of {', '.join(adding)} sum to {total:g}; together "
            f"they may reach {limit:g}, a quarter of the lowest tier threshold"
        )
