"""The shape of a policy: what RevOps may set, with its type, its range and its default.

Belongs here: pydantic models and the checks that need more than one field. Does not belong here:
reading YAML (``loader``), or what a setting does to the numbers (``core``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mqa_platform.policy.calibration import Calibration
from mqa_platform.policy.consistency import policy_problems
from mqa_platform.policy.delivery import Delivery
from mqa_platform.policy.fields import Days, Model, Name, Ratio
from mqa_platform.policy.icp import Icp
from mqa_platform.policy.identity import Identity
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.patterns import Pattern
from mqa_platform.policy.plays import Plays
from mqa_platform.policy.routing import Routing
from mqa_platform.policy.sla import Sla
from mqa_platform.policy.sources import Sources
from mqa_platform.policy.stages import Stages
from mqa_platform.policy.write_back import WriteBack

Motion = Literal["new_business", "expansion"]
# Nothing that a link could carry along: no query, no user, no other scheme; or nothing at all.
_WEB_ADDRESS = r"^(https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?)?$"


class Approvers(Model):
    """Who may approve a promotion of a policy; each side has to."""

    marketing: list[Annotated[str, Field(min_length=1, max_length=100)]] = []
    sales: list[Annotated[str, Field(min_length=1, max_length=100)]] = []


class Program(Model):
    """Who runs the programme and where its history starts."""

    name: str = "default"
    history_starts_on: date = date(2025, 7, 1)
    motion: Motion = "new_business"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    approvers: Approvers = Approvers()
    max_quarantine_ratio: Ratio = 0.01
    quarantine_at_least: Annotated[int, Field(ge=1)] = 100
    ip_retention_days: Annotated[int, Field(ge=1, le=3650)] = 90
    late_horizon_days: Annotated[int, Field(ge=1, le=3650)] = 365
    # Where the account pages are served; empty: a handoff has no link to one.
    evidence_base_url: Annotated[str, Field(pattern=_WEB_ADDRESS)] = ""


class Signal(Model):
    """One scored signal: which events it is made of, what it is worth and how it fades."""

    events: Annotated[list[Name], Field(min_length=1)]
    page_types: list[Name] = []
    weight: Annotated[float, Field(ge=-100, le=100)]
    half_life_days: Annotated[float, Field(ge=30, le=60)] = 45
    per_person_day: Annotated[float, Field(gt=0)] | None = None
    per_account_day: Annotated[float, Field(gt=0)] | None = None
    ceiling: Annotated[float, Field(gt=0)] | None = None
    # The age in days from which on it counts no more, whatever its decay; None: the look-back's.
    expires_after_days: Annotated[int, Field(ge=1, le=730)] | None = None
    hand_raise: bool = False
    high_intent: bool = False
    kind: Literal["engagement", "intent", "trigger"] = "engagement"
    reason: Annotated[str, Field(min_length=10)]

    @model_validator(mode="after")
    def _only_people_are_evidence(self) -> Signal:
        if self.kind != "engagement" and (self.hand_raise or self.high_intent):
            raise ValueError(f"{self.kind} is no act of a person: no hand_raise, no high_intent")
        if self.kind == "engagement" and self.expires_after_days is not None:
            raise ValueError("only triggers and intent expire; what people did fades by half-life")
        return self

    def reach_days(self, lookback: int) -> int:
        """For how many days its points count, their own day included."""
        return min(lookback, self.expires_after_days or lookback)


class MultiContact(Model):
    """Points for breadth: ``weight × min(n − 1, limit)`` for n ≥ 2 eligible people."""

    weight: Annotated[float, Field(ge=0)] = 10
    limit: Annotated[int, Field(ge=1, le=20)] = 4
    window_days: Days = 28


class CommitteeOnHighIntent(Model):
    """Points once when enough eligible people look at buying pages close together."""

    weight: Annotated[float, Field(ge=0)] = 20
    people: Annotated[int, Field(ge=2, le=20)] = 3
    window_days: Days = 10


class Seniority(Model):
    """One band of job titles and the factor its points carry."""

    name: Name
    title_pattern: Pattern
    factor: Annotated[float, Field(ge=0.5, le=2)]


class Signals(Model):
    """signals.yaml: the scored signals, breadth, seniority and the page taxonomy."""

    lookback_days: Annotated[int, Field(ge=30, le=730)] = 365
    signals: Annotated[dict[Name, Signal], Field(min_length=1, max_length=60)]
    multi_contact: MultiContact = MultiContact()
    committee_on_high_intent: CommitteeOnHighIntent = CommitteeOnHighIntent()
    eligible_confidence: Ratio = 0.5
    seniority: list[Seniority] = []
    page_types: dict[Name, list[Pattern]] = {}
    unscored_page_types: list[Name] = []
    # A visit that sees nothing but these is somebody who looks for a job; all of it scores nothing.
    career_page_types: list[Name] = ["careers"]
    unclassified_limit: Ratio = 0.2
    consent_default: dict[Name, Literal["granted", "denied", "unknown", "not_required"]] = {}
    unknown_consent_counts_as_anonymous: bool = False

    @model_validator(mode="after")
    def _known_page_types(self) -> Signals:
        used = {p for s in self.signals.values() for p in s.page_types}
        unknown = sorted((used | set(self.unscored_page_types)) - set(self.page_types) - {"other"})
        if unknown:
            raise ValueError(f"page types without a pattern: {', '.join(unknown)}")
        return self


class Conversions(Model):
    """conversions.yaml: how long after qualification an outcome still counts."""

    meeting_window_days: Days = 30
    opportunity_window_days: Days = 90
    won_window_days: Days = 365


class MotionOverride(Model):
    """The sections that another motion has of its own; what it lacks is that of the leading motion."""

    icp: Icp | None = None
    signals: Signals | None = None
    stages: Stages | None = None
    routing: Routing | None = None
    sla: Sla | None = None
    plays: Plays | None = None


class Policy(Model):
    """A whole policy folder. Its content hash stands on every score and stage row.

    The sections are those of the leading motion, which ``program.motion`` names; ``motions()`` gives a
    policy for each motion.
    """

    program: Program = Program()
    icp: Icp = Icp()
    signals: Signals
    identity: Identity = Identity()
    stages: Stages = Stages()
    routing: Routing = Routing()
    sla: Sla = Sla()
    plays: Plays = Plays()
    conversions: Conversions = Conversions()
    calibration: Calibration = Calibration()
    sources: Sources = Sources()
    mapping: Mappings = Mappings()
    delivery: Delivery = Delivery()
    write_back: WriteBack = WriteBack()
    other_motions: dict[Motion, MotionOverride] = {}

    @model_validator(mode="after")
    def _sections_agree(self) -> Policy:
        """All rules between sections at once, one a line."""
        problems = policy_problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def motions(self) -> tuple[Policy, ...]:
        """One policy a motion, the leading one first; each speaks of its own motion only."""
        leading = self.model_copy(update={"other_motions": {}})
        others = [
            leading.model_copy(
                update={
                    "program": self.program.model_copy(update={"motion": name}),
                    **{s: v for s in MotionOverride.model_fields if (v := getattr(own, s))},
                }
            )
            for name, own in sorted(self.other_motions.items())
        ]
        return (leading, *others)

    def of_motion(self, name: str) -> Policy:
        """The policy of one motion.

        Raises:
            KeyError: this policy has no such motion.
        """
        for policy in self.motions():
            if policy.program.motion == name:
                return policy
        raise KeyError(name)
