"""stages.yaml: when an account moves, by which rules, and who goes first when a person is ready too.

Belongs here: the shape of the section. Does not belong here: the rules themselves (``core.ladder``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from mqa_platform.policy import precedence, transitions
from mqa_platform.policy.fields import Days, Model, Name
from mqa_platform.policy.precedence import DEFAULT_PRECEDENCE, Precedence
from mqa_platform.policy.transitions import DEFAULT_TABLE, Transition


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
    """stages.yaml: thresholds, evidence, the clocks of the lifecycle, and its transition table."""

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
    hand_raise_kept_days: Annotated[int, Field(ge=0, le=3650)] = 90
    accept_on_touch: bool = True
    terminal_reject_reasons: list[Name] = ["bad_fit", "competitor", "duplicate"]
    cool_down_days: dict[Name, Annotated[int, Field(ge=0)]] = {"default": 30}
    won_settles_days: Days = 90
    intent_heavy_needs_committee: bool = True
    transitions: Annotated[list[Transition], Field(min_length=1)] = list(DEFAULT_TABLE)
    precedence: Annotated[list[Precedence], Field(min_length=1)] = list(DEFAULT_PRECEDENCE)

    @model_validator(mode="after")
    def _tables_are_whole(self) -> Stages:
        """Every rung can be reached by legal steps, and every combination has one answer."""
        found = [f"transitions: {p}" for p in transitions.problems(self.transitions)]
        found += [f"precedence: {p}" for p in precedence.problems(self.precedence)]
        if found:
            raise ValueError("; ".join(found[:5]))
        return self
