"""delivery.yaml: whether anything is sent, how much of it, and how often it is tried.

Belongs here: the shape of the section. Does not belong here: where messages go (``delivery_channels``), what
is written to the CRM (``write_back``), or sending anything (``destinations``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from mqa_platform.policy.delivery_answers import Answers
from mqa_platform.policy.delivery_channels import Channels
from mqa_platform.policy.fields import Model
from mqa_platform.policy.sla import TimeOfDay

_Tries = Annotated[int, Field(ge=1, le=50)]


class Retries(Model):
    """How often a message is tried before it is given up, and how long the platform waits in between.

    The wait doubles after each failure, from ``first_wait_minutes`` up to ``longest_wait_minutes``; a service
    that asks for longer gets it. Inside a run it is tried ``attempts_in_run`` times, as long as the wait is no
    longer than ``longest_wait_in_run_seconds``.
    """

    attempts: _Tries = 16
    attempts_in_run: _Tries = 3
    first_wait_in_run_seconds: Annotated[float, Field(ge=0, le=60)] = 1
    longest_wait_in_run_seconds: Annotated[float, Field(ge=0, le=300)] = 20
    first_wait_minutes: Annotated[float, Field(ge=0, le=1440)] = 5
    longest_wait_minutes: Annotated[float, Field(ge=0, le=10080)] = 240
    failures_in_a_row: Annotated[int, Field(ge=1, le=100)] = 5

    @model_validator(mode="after")
    def _waits_grow(self) -> Retries:
        if self.first_wait_minutes > self.longest_wait_minutes:
            raise ValueError("first_wait_minutes is longer than longest_wait_minutes")
        if self.attempts_in_run > self.attempts:
            raise ValueError("attempts_in_run is more than attempts")
        return self


class Delivery(Model):
    """delivery.yaml: off until somebody switches it on, then at most so much a rep and day."""

    enabled: bool = False
    delivery_window_days: Annotated[int, Field(ge=1, le=30)] = 3
    late_news_days: Annotated[int, Field(ge=0, le=60)] = 14
    max_new_handoffs_per_rep_day: Annotated[int, Field(ge=1, le=1000)] = 20
    alert_budget_per_rep_day: Annotated[int, Field(ge=0, le=1000)] = 10
    # In UTC; a digest goes out with the first delivery after it.
    digest_at: TimeOfDay = "05:00"
    retries: Retries = Retries()
    channels: Channels = Channels()
    answers: Answers = Answers()
