"""Golden accounts: what happens to an account, and what has to come of it under a policy.

Belongs here: the shape of a golden file and reading it. Does not belong here: running it
(``golden_runs``), or which files a folder has (``folder``).
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from mqa_platform.policy.diagnostics import section_problems
from mqa_platform.policy.documents import read_document
from mqa_platform.policy.fields import Model, Name
from mqa_platform.policy.models import Motion
from mqa_platform.policy.problems import PolicyError, Problem

# A day is a number: the history starts on day 0, and whoever is above the threshold there is backlog.
Day = Annotated[int, Field(ge=0, le=730)]
Points = Annotated[Decimal, Field(max_digits=18, decimal_places=4)]


class Record(Model):
    """What the CRM says of the account; what a golden file leaves out is empty in the CRM."""

    industry: str | None = None
    employees: int | None = None
    revenue: float | None = None
    country: str | None = None
    technologies: str | None = None
    growth_pct: float | None = None
    tier: Literal["strategic", "scaled", "programmatic"] | None = None
    is_target: bool | None = None
    owner_id: str | None = None
    account_type: (
        Literal["prospect", "customer", "former_customer", "partner", "competitor"] | None
    ) = None
    do_not_contact: bool | None = None
    sales_status: Literal["accepted", "rejected", "qualified", "nurture"] | None = None
    sales_status_reason: str | None = None


class Person(Model):
    """Somebody of the account; a contact is in the CRM, others are known by their e-mail only."""

    title: str | None = None
    contact: bool = True


class Event(Model):
    """One thing that happened, ``times`` over; of a person, a visitor without a name, or nobody."""

    day: Day
    event: Name
    person: Name | None = None
    visitor: Name | None = None
    path: str | None = None
    topic: str | None = None
    intent: Annotated[float, Field(ge=0, le=100)] | None = None
    times: Annotated[int, Field(ge=1, le=500)] = 1

    @model_validator(mode="after")
    def _of_one(self) -> Event:
        if self.person and self.visitor:
            raise ValueError("either a person or a visitor without a name, not both")
        return self


class Deal(Model):
    """A deal of the account as it is from a day on."""

    day: Day
    state: Literal["open", "won", "lost"]
    loss_reason: str | None = None


class Change(Model):
    """What the CRM says of the account from a day on; fields that are left out stay."""

    day: Day
    fields: Record


class Touch(Model):
    """What a rep logged."""

    day: Day
    kind: Literal["call", "email", "meeting", "social", "bulk_email", "automatic"]


class Expected(Model):
    """What has to be true at the end of a day; what is left out may be anything.

    ``scored: false`` is an account without a score; ``evidence`` and ``rep_id`` are of the entry to mqa
    that the day is in or after; ``handoffs`` counts those of the motion made so far.
    """

    day: Day
    motion: Motion | None = None
    scored: bool | None = None
    score: Points | None = None
    score_at_least: Points | None = None
    score_below: Points | None = None
    people: Annotated[int, Field(ge=0)] | None = None
    stage: str | None = None
    reason: str | None = None
    suppression: str | None = None
    episode: Annotated[int, Field(ge=0)] | None = None
    evidence: str | None = None
    rep_id: str | None = None
    handoffs: Annotated[int, Field(ge=0)] | None = None


class GoldenAccount(Model):
    """One golden file."""

    about: Annotated[str, Field(min_length=10)]
    account: Record
    people: dict[Name, Person] = {}
    events: list[Event] = []
    deals: list[Deal] = []
    changes: list[Change] = []
    touches: list[Touch] = []
    expect: Annotated[list[Expected], Field(min_length=1)]

    @model_validator(mode="after")
    def _knows_its_people(self) -> GoldenAccount:
        unknown = sorted({e.person for e in self.events if e.person} - set(self.people))
        if unknown:
            raise ValueError(f"events of people that are not listed: {', '.join(unknown)}")
        return self

    @property
    def last_day(self) -> int:
        """The last day that anything is said of."""
        return max(e.day for e in self.expect)


def read_golden(paths: list[Path]) -> dict[str, GoldenAccount]:
    """Golden accounts by the name of their file.

    Raises:
        PolicyError: with every problem of every file at once.
    """
    found: dict[str, GoldenAccount] = {}
    problems: list[Problem] = []
    for path in paths:
        label = f"golden/{path.name}"
        try:
            document = read_document(path, label)
        except PolicyError as error:
            problems.extend(error.problems)
            continue
        try:
            text = json.dumps(document.data)
            found[path.stem] = GoldenAccount.model_validate_json(text, strict=True)
        except ValidationError as error:
            problems.extend(section_problems(error, document, GoldenAccount))
    if problems:
        raise PolicyError(problems)
    return found
