"""The shape of a policy: what RevOps may set, with its type, its range and its default.

Belongs here: pydantic models and the checks that need more than one field. Does not belong here:
reading YAML (``loader``), or what a setting does to the numbers (``core``).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mqa_platform.policy.consistency import policy_problems
from mqa_platform.policy.patterns import Pattern
from mqa_platform.policy.sources import Sources

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Domain = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*\.[a-z][a-z0-9-]+$")]
Ratio = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=1, le=3650)]
OnMissing = Literal["unknown", "pass", "fail"]


class Model(BaseModel):
    """Every part of a policy: unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Program(Model):
    """Who runs the programme and where its history starts."""

    name: str = "default"
    history_starts_on: date = date(2025, 7, 1)
    motion: Literal["new_business", "expansion"] = "new_business"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    max_quarantine_ratio: Ratio = 0.01
    quarantine_at_least: Annotated[int, Field(ge=1)] = 10


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
    consent_default: dict[Name, Literal["granted", "denied", "unknown", "not_required"]] = {}
    unknown_consent_counts_as_anonymous: bool = False

    @model_validator(mode="after")
    def _known_page_types(self) -> Signals:
        used = {p for s in self.signals.values() for p in s.page_types}
        unknown = sorted((used | set(self.unscored_page_types)) - set(self.page_types) - {"other"})
        if unknown:
            raise ValueError(f"page types without a pattern: {', '.join(unknown)}")
        return self


class Criterion(Model):
    """One ICP criterion: the values that meet it, its weight in the grade, and whether it gates."""

    field: Literal["industry", "employees", "revenue", "country", "technologies", "growth_pct"]
    any_of: list[str] = []
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False
    on_missing: OnMissing = "unknown"
    weight: Annotated[float, Field(gt=0)] = 1

    @model_validator(mode="after")
    def _says_something(self) -> Criterion:
        text = self.field in ("industry", "country", "technologies")
        if text and (not self.any_of or self.minimum is not None or self.maximum is not None):
            raise ValueError(f"{self.field} takes any_of, and neither minimum nor maximum")
        if not text and (self.any_of or (self.minimum is None and self.maximum is None)):
            raise ValueError(f"{self.field} takes minimum and/or maximum, not any_of")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("minimum is above maximum")
        return self


class TierRule(Model):
    """The first rule an account meets gives its tier, when the CRM does not name one."""

    tier: Literal["strategic", "scaled", "programmatic"]
    employees_at_least: Annotated[int, Field(ge=0)] = 0
    targets_only: bool = False


class Icp(Model):
    """icp.yaml: who can be a customer at all, and how well they fit."""

    criteria: dict[Name, Criterion] = {}
    grade_a: Annotated[float, Field(ge=0, le=100)] = 80
    grade_b: Annotated[float, Field(ge=0, le=100)] = 60
    grade_c: Annotated[float, Field(ge=0, le=100)] = 40
    tiers: list[TierRule] = []

    @model_validator(mode="after")
    def _grades_descend(self) -> Icp:
        if not self.grade_a > self.grade_b > self.grade_c:
            raise ValueError("grades must descend: grade_a > grade_b > grade_c")
        return self


class Confidence(Model):
    """P(the match is right) by rule; it multiplies points, so a weak match cannot qualify alone."""

    crm_contact: Ratio = 1.0
    email_domain: Ratio = 0.9
    stitched_cookie: Ratio = 0.85
    company_domain: Ratio = 0.9
    host_domain: Ratio = 0.8
    office_ip: Ratio = 0.75
    asn_org: Ratio = 0.5
    company_name: Ratio = 0.6


class Exclusions(Model):
    """Domains whose traffic never becomes an account's, each under its reason."""

    internal: list[Domain] = []
    isp: list[Domain] = []
    hosting: list[Domain] = []
    bot: list[Domain] = []
    education: list[Domain] = []
    competitor: list[Domain] = []
    partner: list[Domain] = []
    free_mail: list[Domain] = []


class Identity(Model):
    """identity.yaml: how a signal finds its account, and what never becomes one."""

    confidence: Confidence = Confidence()
    domain_aliases: dict[Domain, Domain] = {}
    exclude_domains: Exclusions = Exclusions()
    education_pattern: Pattern = r"(^|\.)(edu|ac)(\.[a-z]{2})?$"
    exclude_education: bool = True
    isp_host_pattern: Pattern = (
        r"(^|[.-])(ppp|slip|dial|dialup|dialin|dyn|modem|pool|dsl|cable|dhcp|cust)[0-9-]*[.-]"
    )
    isp_org_pattern: Pattern = (
        r"(?i)(telecom|telekom|communications|broadband|cable|internet|wireless|mobile"
        r"|network services)"
    )
    isp_industries: list[str] = ["Telecommunications"]
    shared_domains: Literal["refuse", "split"] = "refuse"
    discovery: bool = True
    session_gap_minutes: Annotated[int, Field(ge=1, le=720)] = 30
    own_domains: list[Domain] = []


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

    @model_validator(mode="after")
    def _sections_agree(self) -> Policy:
        """All rules between sections at once, one a line."""
        problems = policy_problems(self)
        if problems:
            raise ValueError("\n".join(problems))
        return self
