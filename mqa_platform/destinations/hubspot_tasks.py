"""The owner's task in HubSpot.

Belongs here: making one task with its company, and finding the one that was made. Does not belong here: what
it says (``crm_task_facts``), or when it is made (``outbox``).

A unique property on tasks makes a second creation a conflict; without one a creation is tried once. Looking
up goes by the unique property or by the company's tasks, never by search, whose index lags behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from html import escape
from typing import Any, Final

from mqa_platform.destinations.channel import BatchRefusedError, Channel, Message, Sent
from mqa_platform.destinations.crm_task_facts import owner_of, task_facts
from mqa_platform.destinations.hubspot_writer import asked, opened_account
from mqa_platform.destinations.salesforce_tasks import no_owner
from mqa_platform.policy.write_back import Task, WriteBack

_WRITE: Final = "crm.objects.contacts.write"
_READ: Final = "crm.objects.contacts.read"
_TASKS: Final = "/crm/v3/objects/tasks"
_TASK_TO_COMPANY: Final = 192
_AT_ONCE: Final = 100


class HubSpotTasks(Channel):
    """Channel ``crm_task``."""

    name = "crm_task"

    def __init__(self, policy: WriteBack, task: Task, environment: Mapping[str, str]) -> None:
        """Read the credentials; nothing is sent.

        Raises:
            DestinationError: a secret is missing.
        """
        self.task = task
        once = environment if task.key_field else {**environment, "MQA_HTTP_ATTEMPTS": "1"}
        self.client = opened_account(policy, once)

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """One task for each message."""
        return [self._sent(message) for message in messages]

    def find(self, message: Message) -> str | None:
        """The id of the task that carries our reference."""
        key = self.task.key_field
        if key is not None:
            body = {"properties": [key], "idProperty": key, "inputs": [{"id": message.key}]}
            found = self._read(body)
            return str(found[0]["id"]) if found else None
        reference = escape(task_facts(message, self.task).reference)
        ids = self._of_company(message.account_id or "")
        for at in range(0, len(ids), _AT_ONCE):
            inputs = [{"id": i} for i in ids[at : at + _AT_ONCE]]
            for one in self._read({"properties": ["hs_task_body"], "inputs": inputs}):
                body_text = str(one.get("properties", {}).get("hs_task_body") or "")
                if body_text.endswith(reference):
                    return str(one["id"])
        return None

    def _of_company(self, company: str) -> list[str]:
        if not company.isdecimal():
            return []
        where = "/crm/v3/associations/companies/tasks/batch/read"
        told = asked(self.client, where, {"inputs": [{"id": company}]}, _READ)
        return [str(to["id"]) for one in told.get("results", []) for to in one.get("to", [])]

    def _read(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        told = asked(self.client, f"{_TASKS}/batch/read", body, _READ)
        return list(told.get("results", []))

    def _sent(self, message: Message) -> Sent:
        owner = owner_of(message, self.task)
        if not (owner or "").isdecimal():
            return Sent(message.key, "refused", error=no_owner(owner))
        facts = task_facts(message, self.task)
        properties = {
            "hs_task_subject": facts.subject,
            "hs_task_body": escape(facts.text).replace("\n", "<br>"),
            "hs_timestamp": datetime.combine(facts.due, time(12), UTC).isoformat(),
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": "HIGH",
            "hubspot_owner_id": owner,
        }
        if self.task.key_field:
            properties[self.task.key_field] = message.key
        body: dict[str, Any] = {"properties": properties}
        if (message.account_id or "").isdecimal():
            kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": _TASK_TO_COMPANY}
            body["associations"] = [{"to": {"id": message.account_id}, "types": [kind]}]
        try:
            made = asked(self.client, _TASKS, body, _WRITE)
        except BatchRefusedError as error:
            # The unique property is taken: by this task, which an earlier call made.
            there = self.find(message) if self.task.key_field else None
            if there is not None:
                return Sent(message.key, "sent", external_id=there)
            return Sent(message.key, "refused", error=str(error))
        return Sent(message.key, "sent", external_id=str(made.get("id") or "") or None)
