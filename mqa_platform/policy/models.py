"""The shape of a policy: what RevOps may set, with its type, its range and its default.

Belongs here: pydantic models and the checks that need more than one field. Does not belong here:
reading YAML (``loader``), or what a setting does to the numbers (``core``).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mqa_platform.policy.consistency import policy_problems
from mqa_platform.policy.fields import Days, Model, Name, Ratio
from mqa_platform.policy.icp import Icp
from mqa_platform.policy.identity import Identity
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.patterns import Pattern
from mqa_platform.policy.sources import Sources


class Program(Model):
    """Who runs the programme and where its history starts."""

    name: str = "default"
    history_starts_on: date = date(2025, 7, 1)
    motion: Literal["new_business", "expansion"] = "new_business"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    max_quarantine_ratio: Ratio = 0.01
    quarantine_at_least: Annotated[int, Field(ge=1)] = 100
    ip_retention_days: Annotated[int, Field(ge=1, le=3650)] = 90


class Signal(Model):
    """One scored signal: which events it is made of, what it is worth and how it fades."""

    events: Annotated[list[Name], Field(min_length=1)]
    page_types: list[Name] = []
    weight: Annotated[float, Field(ge=-100, le=100)]
    half_life_days: Annotated[float, Field(ge=30, le=60)] = 45
    per_person_day: Annotated[float, Field(gt=0)] | None = None
    per_account_day: Annotated[float, Field(gt=0)] | None = None
    ceiling: Annotated[float, Field(gt=0)] | None = None
    hand_raise: bool = False
    high_intent: bool = False
    kind: Literal["engagement", "intent", "trigger"] = "engagement"
    reason: Annotated[str, Field(min_length=10)]


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
    signals: Annotated[dict[Name, Signal], Field(min_length=1, max_length=15)]
    multi_contact: MultiContact = MultiContact()
    committee_on_high_intent: CommitteeOnHighIntent = CommitteeOnHighIntent()
    eligible_confidence: Ratio = 0.5
    seniority: list[Seniority] = []
    page_types: dict[Name, list[Pattern]] = {}
    unscored_page_types: list[Name] = []
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


class Tier(Model):
    """Tier changes the threshold and the SLA, never the points."""

    threshold: Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=4)]
    sla_hours: Annotated[int, Field(ge=1)]


class Tiers(Model):
    """The three tiers; a lower tier asks for more evidence."""

    strategic: Tier = Tier(threshold=Decimal(80), sla_hours=4)
    scaled: Tier = Tier(threshold=Decimal(90), sla_hours=8)
    programmatic: Tier = Tier(threshold=Decimal(100), sla_hours=24)


class AnonymousResearch(Model):
    """Evidence rule (b): research seen only from the company's network."""

    sessions: Annotated[int, Field(ge=1)] = 3
    days: Annotated[int, Field(ge=1)] = 2
    window_days: Days = 28
    intent_score: Annotated[float, Field(ge=50, le=100)] = 60
    intent_window_days: Days = 14


class Stages(Model):
    """stages.yaml: thresholds, evidence and the clocks of the lifecycle."""

    tiers: Tiers = Tiers()
    mql_threshold: Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=4)] = Decimal(50)
    engaged_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.4
    exit_ratio: Annotated[float, Field(gt=0, le=1)] = 0.8
    exit_days: Annotated[int, Field(ge=1)] = 5
    min_dwell_days: Annotated[int, Field(ge=0)] = 7
    expiry_days: Days = 30
    stall_days: Days = 60
    evidence_people: Annotated[int, Field(ge=1)] = 2
    evidence_window_days: Days = 28
    anonymous_research: AnonymousResearch = AnonymousResearch()
    hand_raise_sla_hours: Annotated[int, Field(ge=1)] = 1
    accept_on_touch: bool = True
    terminal_reject_reasons: list[Name] = ["bad_fit", "competitor", "duplicate"]
    cool_down_days: dict[Name, Annotated[int, Field(ge=0)]] = {"default": 30}
    intent_heavy_needs_committee: bool = True


class RepRule(Model):
    """One step of the routing order."""

    rule: Literal["named_owner", "territory", "round_robin"]


class Routing(Model):
    """routing.yaml: the order in which a rep is looked for; the last resort is a queue."""

    order: Annotated[list[RepRule], Field(min_length=1)] = [
        RepRule(rule="named_owner"),
        RepRule(rule="territory"),
        RepRule(rule="round_robin"),
    ]
    fallback_queue: Name = "unrouted_queue"
    marketing_queue: Name = "marketing_play"


class Conversions(Model):
    """conversions.yaml: how long after qualification an outcome still counts."""

    meeting_window_days: Days = 30
    opportunity_window_days: Days = 90
    won_window_days: Days = 365


class Policy(Model):
    """A whole policy folder. Its content hash stands on every score and stage row."""

    program: Program = Program()
    icp: Icp = Icp()
    signals: Signals
    identity: Identity = Identity()
    stages: Stages = Stages()
    routing: Routing = Routing()
    conversions: Conversions = Conversions()
    sources: Sources = Sources()
    mapping: Mappings = Mappings()

    @model_validator(mode="after")
    def _sections_agree(self) -> Policy:
        """All rules between sections at once, one a line."""
        problems = policy_problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self
