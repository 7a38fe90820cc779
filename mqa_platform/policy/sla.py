"""sla.yaml: working time where a rep's own is not known, and what happens while nobody answers.

Belongs here: the shape of the section. Does not belong here: how many hours an answer may take (``stages``:
by tier, and for a hand-raise), a rep's own calendar (landed with the reps), or the arithmetic of business
time (``core.business_time``).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from mqa_platform.policy.fields import Model, Name

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Files that lie among the zones and are none, or are another zone on another machine.
NO_ZONES = frozenset({"localtime", "posixrules", "Factory", "leapseconds"})


def _zone(name: str) -> str:
    try:
        if name in NO_ZONES:
            raise ValueError(name)
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone such as Europe/Berlin") from None
    return name


def _country(code: str) -> str:
    # Loading the tables of all countries takes a while, and most policies name none.
    import holidays

    try:
        holidays.country_holidays(code)
    except NotImplementedError:
        raise ValueError(f"the public holidays of {code!r} are not known") from None
    return code


Zone = Annotated[str, AfterValidator(_zone)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$"), AfterValidator(_country)]
TimeOfDay = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class WorkingHours(Model):
    """Working time of whoever has no calendar of their own: a queue, or a rep of whom nothing is known."""

    time_zone: Zone = "UTC"
    workdays: Annotated[list[Weekday], Field(min_length=1)] = list(WEEKDAYS[:5])
    starts: TimeOfDay = "09:00"
    ends: TimeOfDay = "17:00"
    holidays_of: Country | None = None

    @model_validator(mode="after")
    def _a_day_has_hours(self) -> WorkingHours:
        if self.starts >= self.ends:
            raise ValueError(f"a working day from {self.starts} to {self.ends} has no hours")
        if len(set(self.workdays)) < len(self.workdays):
            raise ValueError("workdays: a day is named twice")
        return self


class Clock(Model):
    """When whom is told that a handoff of one class waits, in parts and multiples of its SLA hours.

    ``reassign_after`` empty: it is never taken away. ``accept_hours`` are working hours of their own.
    """

    reminder_at: Annotated[float, Field(gt=0, le=1)] = 0.75
    escalate_after: Annotated[float, Field(ge=1, le=100)] = 1.0
    reassign_after: Annotated[float, Field(gt=1, le=100)] | None = None
    accept_hours: Annotated[int, Field(ge=1, le=2000)] | None = None

    @model_validator(mode="after")
    def _told_before_taken_away(self) -> Clock:
        if self.reassign_after is not None and self.reassign_after < self.escalate_after:
            raise ValueError("reassign_after comes before escalate_after: nobody would be told")
        return self


class Clocks(Model):
    """One clock a class: a hand-raise has its own, everything else that of its tier."""

    hand_raise: Clock = Clock(reminder_at=0.5, reassign_after=4)
    strategic: Clock = Clock(accept_hours=8)
    scaled: Clock = Clock(accept_hours=16)
    programmatic: Clock = Clock(accept_hours=40)


class Sla(Model):
    """sla.yaml: working hours, closed days, the clocks, and who is told."""

    working_hours: WorkingHours = WorkingHours()
    closed_on: Annotated[list[date], Field(max_length=1000)] = []
    absences_stop_the_clock: bool = True
    clocks: Clocks = Clocks()
    managers: dict[
        Annotated[str, Field(min_length=1, max_length=100)],
        Annotated[str, Field(min_length=1, max_length=100)],
    ] = {}
    escalate_to: Name = "sales_managers"
    reassign_to: Name = "sla_queue"
