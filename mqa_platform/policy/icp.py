"""icp.yaml: who can be a customer at all, how well they fit, and whose word counts for each fact.

Belongs here: the shape of the section. Does not belong here: what a criterion makes of an account
(``core.fit``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mqa_platform.policy.fields import Model, Name

OnMissing = Literal["unknown", "pass", "fail"]


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


Believed = Literal["crm_first", "enrichment_first", "newest"]


class Precedence(Model):
    """Which side of a field is believed where the CRM and an enrichment vendor both have a value.

    ``newest`` is the side whose value changed last; the CRM's on the same day.
    """

    industry: Believed = "crm_first"
    employees: Believed = "crm_first"
    revenue: Believed = "crm_first"
    country: Believed = "crm_first"
    technologies: Believed = "crm_first"
    growth_pct: Believed = "crm_first"


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
    # Whoever meets all of these is on the target list, beside those that the CRM or a list names.
    target_query: dict[Name, Criterion] = {}
    precedence: Precedence = Precedence()
    # Our name of an industry → the words of the CRM and the vendors for it. A word that stands nowhere
    # here is unknown; without any entry every word is taken as it is.
    industries: dict[Annotated[str, Field(min_length=1)], list[str]] = {}

    @model_validator(mode="after")
    def _grades_descend(self) -> Icp:
        if not self.grade_a > self.grade_b > self.grade_c:
            raise ValueError("grades must descend: grade_a > grade_b > grade_c")
        return self

    @model_validator(mode="after")
    def _a_word_means_one_industry(self) -> Icp:
        meant: dict[str, str] = {}
        for ours, theirs in self.industries.items():
            for word in dict.fromkeys(w.casefold().strip() for w in (ours, *theirs)):
                if meant.setdefault(word, ours) != ours:
                    raise ValueError(f"{word!r} stands for {meant[word]} and for {ours}")
        return self
