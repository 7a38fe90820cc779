"""Which policy is in force on which day.

Belongs here: the order of promoted policies in time. Does not belong here: where they are kept
(``promotions``) or what a policy does to the numbers (``core``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

from mqa_platform.core.window import Window
from mqa_platform.policy.models import Policy

# Settings of stages.yaml that decide whether an account enters mqa, or may do so again.
_ENTRY = (
    "evidence_people", "evidence_window_days", "anonymous_research", "intent_heavy_needs_committee",
    "cool_down_days", "won_settles_days",
)  # fmt: skip


@dataclass(frozen=True)
class Effective:
    """A policy, the name of its version, and the first day on which it is in force."""

    effective_from: date
    policy: Policy
    version: str


class Span(NamedTuple):
    """Days on which one policy is in force."""

    window: Window
    policy: Policy
    version: str


class PolicyHistory:
    """Policies in the order of their days; before the first one, the first is in force.

    Args:
        entries: in the order in which they were promoted. Of several that begin on the same day the
            last one holds.
    """

    def __init__(self, entries: tuple[Effective, ...]) -> None:
        by_day = {e.effective_from: e for e in entries}
        if not by_day:
            raise ValueError("a history needs at least one policy")
        self.entries = tuple(by_day[day] for day in sorted(by_day))

    @classmethod
    def always(cls, policy: Policy, version: str) -> PolicyHistory:
        """One policy on all days."""
        return cls((Effective(date.min, policy, version),))

    def effective_on(self, day: date) -> Effective:
        """The policy in force on a day."""
        earlier = [e for e in self.entries if e.effective_from <= day]
        return (earlier or self.entries[:1])[-1]

    def spans(self, window: Window, motion: str | None = None) -> list[Span]:
        """The window cut where another policy comes into force, oldest first.

        With a motion: the policies of that motion, without the days on which there is no such motion.
        """
        cuts = [e.effective_from for e in self.entries[1:] if window.lo < e.effective_from]
        edges = [window.lo, *[c for c in cuts if c < window.hi], window.hi]
        found = []
        for lo, hi in zip(edges[:-1], edges[1:], strict=True):
            now = self.effective_on(lo)
            policy = now.policy if motion is None else _of_motion(now.policy, motion)
            if policy is not None:
                found.append(Span(Window(lo, hi), policy, now.version))
        return found

    @cached_property
    def motions(self) -> tuple[str, ...]:
        """Every motion that any of the policies has, the leading one of the last first."""
        named = [m.program.motion for e in reversed(self.entries) for m in e.policy.motions()]
        return tuple(dict.fromkeys(named))

    def promotion_days(self, motion: str | None = None) -> frozenset[date]:
        """Days on which what qualifies an account changes; who is above on such a day is backlog."""
        motions = self.motions if motion is None else (motion,)
        pairs = zip(self.entries[:-1], self.entries[1:], strict=True)
        return frozenset(
            after.effective_from
            for before, after in pairs
            if any(_rules(before.policy, m) != _rules(after.policy, m) for m in motions)
        )

    def stretches(
        self, of: Callable[[Policy], object]
    ) -> list[tuple[date | None, date | None, Policy]]:
        """All days cut where a part of the policy changes: first day, end, and the policy.

        Args:
            of: the part that matters. The first stretch has no beginning and the last one no end.
        """
        starts: list[Effective] = []
        for entry in self.entries:
            if not starts or of(starts[-1].policy) != of(entry.policy):
                starts.append(entry)
        days = [None, *[e.effective_from for e in starts[1:]], None]
        return [(days[i], days[i + 1], e.policy) for i, e in enumerate(starts)]

    def versions(self) -> dict[str, Policy]:
        """Every policy by its version."""
        return {e.version: e.policy for e in self.entries}


def backlog_days(
    promoted: Collection[date], days: Collection[date], before: date | None
) -> frozenset[date]:
    """The days of a fold on which a promotion is first felt: the first one on or after each promotion.

    Args:
        promoted: days on which policies came into force; they need not be folded themselves.
        days: the days of the fold.
        before: the last day that was folded before them; None where they are the first.
    """
    felt = [[d for d in days if d >= day] for day in promoted if before is None or day > before]
    return frozenset(min(later) for later in felt if later)


def as_read(today: Policy, then: Policy) -> Policy:
    """The policy of today, with what another day makes signals of.

    Seniority, page types, consent and identity are readings: they have no days. Which events and pages
    are which signal is the policy of the day.
    """
    made_of = {name: getattr(then.signals, name) for name in ("signals", "unscored_page_types")}
    return today.model_copy(update={"signals": today.signals.model_copy(update=made_of)})


def _of_motion(policy: Policy, motion: str) -> Policy | None:
    return next((p for p in policy.motions() if p.program.motion == motion), None)


def _rules(policy: Policy, motion: str) -> tuple[object, ...] | None:
    """What decides whether an account of the motion enters mqa; None without the motion.

    Clocks of a rep, of an exit or of an MQL, and the wording of a reason, let nobody in.
    """
    mine = _of_motion(policy, motion)
    if mine is None:
        return None
    stages, signals = mine.stages, mine.signals
    unworded = {name: s.model_copy(update={"reason": ""}) for name, s in signals.signals.items()}
    lifts = ("target", "engaged", "mqa")
    return (
        mine.icp,
        signals.model_copy(update={"signals": unworded, "unclassified_limit": 0.0}),
        list(unworded),
        [(name, tier.threshold) for name, tier in stages.tiers],
        {name: getattr(stages, name) for name in _ENTRY},
        [step for step in stages.transitions if step.enters in lifts],
        mine.identity,
    )
