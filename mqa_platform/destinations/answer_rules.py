"""Whether an answer from Slack counts, and what is told to whoever gave it.

Belongs here: the rules, over plain facts. Does not belong here: where the facts come from, or carrying the
answer out (``answers``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from mqa_platform.core.brief_words import shown, spoken_day, words
from mqa_platform.policy.delivery_answers import Answers
from mqa_platform.policy.sla import Sla
from mqa_platform.reports.slack_actions import Action

Row = Mapping[str, Any]
ANSWERED: Final = {"accept": "accepted", "reject": "rejected", "snooze": "snoozed"}
# What nobody has answered yet, in the words of ``handoffs.status``.
_WAITING: Final = ("open", "backlog")


@dataclass(frozen=True)
class Rules:
    """What the policy says of answers.

    ``writes`` says whether the CRM takes answers, ``snoozes`` whether decisions by hand are read.
    """

    answers: Answers
    sla: Sla
    writes: bool
    snoozes: bool


def refusal(
    action: Action, handoff: Row | None, person: Row | None, rep: Row | None, rules: Rules
) -> str | None:
    """Why an answer does not count, as it is told to whoever gave it; None if it does.

    Args:
        action: what was pressed.
        handoff: its row, and ``standing``: status and reason that the CRM has of the account; None where no
            such handoff is known.
        person: the active CRM user who pressed; None where Slack's user is none.
        rep: the CRM user who has the handoff; None of a queue.
        rules: the policy's.
    """
    if handoff is None:
        return "This account is not handed over any more, so nothing was done."
    status = str(handoff["status"])
    if status == "accepted" and action.kind == "accept":
        return "This account was accepted already."
    if status not in _WAITING or handoff.get("over_on") is not None:
        return (
            f"This account has been {_became(status)}, so nothing was done. Change it in the CRM."
        )
    if person is None:
        return (
            "Nobody in the CRM has your Slack address, so nothing was done. Ask RevOps to name you in the "
            "policy."
        )
    if not _may(person, rep, str(handoff["rep_id"]), rules):
        whose = shown(str(rep["name"])) if rep and rep.get("name") else "somebody else"
        return f"This account is with {whose}, so nothing was done. Ask for it to be reassigned."
    if action.kind == "snooze" and not rules.snoozes:
        return "Nothing was done, because the policy reads no decisions by hand. Tell RevOps."
    if action.kind != "snooze" and not rules.writes:
        return "Nothing was done, because the policy names no field of the CRM for answers. Enter it there."
    if handoff.get("standing") == (ANSWERED[action.kind], action.reason):
        # Facts are changes of the CRM's field; what stands there already would be none.
        return (
            "The CRM has said so since an earlier handoff, so nobody would see it as new and nothing was "
            "done. Clear the field in the CRM, then answer again."
        )
    return None


def until(action: Action) -> date | None:
    """The first day on which a snooze holds no longer; None of another answer."""
    return action.at.date() + timedelta(days=action.days) if action.days else None


def said(answer: Mapping[str, Any]) -> str:
    """An answer that counts, as everybody reads it under the message.

    Args:
        answer: the payload of its ``crm_answer``.
    """
    by = shown(str(answer["by_name"] or ""), "somebody")
    if answer["answer"] == "rejected":
        return f"Rejected by {by} ({words(str(answer['reason']))})."
    if answer["answer"] == "snoozed":
        return f"Snoozed by {by} until {spoken_day(date.fromisoformat(str(answer['until'])))}."
    return f"Accepted by {by}."


def _became(status: str) -> str:
    return {"converted": "made an opportunity"}.get(status, words(status))


def _may(person: Row, rep: Row | None, rep_id: str, rules: Rules) -> bool:
    user, team = str(person["user_id"]), rep.get("team") if rep else None
    if user == rep_id or rules.answers.by == "anyone":
        return True
    if user in (rules.sla.managers.get(str(team)), rules.sla.escalate_to):
        return True
    if rules.answers.by == "owner":
        return False
    # What waits in a queue is anybody's who is in sales.
    return rep is None or (team is not None and person.get("team") == team)
