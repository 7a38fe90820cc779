"""What a task in the CRM says, and whose it is.

Belongs here: subject, text, due day and owner, the same for every CRM. Does not belong here: writing it
(``salesforce_tasks``, ``hubspot_tasks``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from mqa_platform.core.brief_words import shown, words
from mqa_platform.destinations.channel import Message
from mqa_platform.policy.write_back import Task
from mqa_platform.reports.sentences import TITLES, said

_SUBJECT: Final = 255
_TEXT: Final = 8_000


@dataclass(frozen=True)
class TaskFacts:
    """A task; ``text`` ends with the line by which it is found again."""

    subject: str
    text: str
    due: date
    reference: str


def task_facts(message: Message, task: Task) -> TaskFacts:
    """The task of one handoff, from its payload; what the payload lacks is left out."""
    payload = message.payload
    account = payload.get("account") or {}
    name = shown(str(account.get("name") or message.account_id or "an account"), "", 120)
    handoff = payload.get("handoff") or {}
    reference = f"Reference: {message.key}"
    lines = [*_sentences(payload.get("facts")), *_sentences(payload.get("brief"))]
    if payload.get("evidence_url"):
        lines.append(f"Evidence: {payload['evidence_url']}")
    body = "\n".join(lines)[: _TEXT - len(reference) - 2]
    return TaskFacts(
        task.subject.replace("{account}", name)[:_SUBJECT],
        f"{body}\n\n{reference}" if body else reference,
        _due(handoff.get("due_at") or payload.get("at")),
        reference,
    )


def owner_of(message: Message, task: Task) -> str | None:
    """The CRM's user that a task is for: the rep, or whom the policy names for a queue."""
    return task.owners.get(message.rep_id or "", message.rep_id)


def _sentences(facts: Any) -> list[str]:
    lines: list[str] = []
    for section in (facts or {}).get("sections", []):
        if section["sentences"]:
            lines.append(f"{TITLES.get(section['name'], words(section['name'])).capitalize()}:")
        lines += [f"- {said(s, lambda text: shown(text, '', 300))}" for s in section["sentences"]]
    return lines


def _due(moment: Any) -> date:
    try:
        return datetime.fromisoformat(str(moment)).date()
    except ValueError:
        return datetime.now(UTC).date()
