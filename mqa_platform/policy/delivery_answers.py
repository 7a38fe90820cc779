"""Who may answer a handoff in Slack: the ``answers`` of delivery.yaml.

Belongs here: the shape of the section. Does not belong here: where answers are written in the CRM
(``write_back``), or deciding about one (``destinations.answer_rules``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mqa_platform.policy.fields import Model

SlackUser = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,24}$")]
CrmUser = Annotated[str, Field(min_length=1, max_length=100)]


class Answers(Model):
    """Whose word counts for a handoff.

    ``by``: ``owner`` is the rep who has it and the manager of the team; ``team`` also colleagues of the team,
    and everybody for what waits in a queue; ``anyone`` every active user of the CRM. ``users`` says who of the
    CRM a Slack user is, where the addresses differ. ``read_days`` is how long a press is looked at that could
    not be decided, because Slack did not say who pressed.
    """

    by: Literal["owner", "team", "anyone"] = "team"
    users: dict[SlackUser, CrmUser] = {}
    read_days: Annotated[int, Field(ge=1, le=90)] = 14
