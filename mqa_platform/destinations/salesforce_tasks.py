"""The owner's task in Salesforce.

Belongs here: making one task, and finding the one that was made. Does not belong here: what it says
(``crm_task_facts``), or when it is made (``outbox``).

With an external id on tasks a call may be made twice and leaves one task. Without one a creation is tried
once, and whoever tries again looks through the account's tasks for our reference first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from mqa_platform.destinations.channel import BatchRefusedError, Channel, Message, Sent
from mqa_platform.destinations.crm_task_facts import owner_of, task_facts
from mqa_platform.destinations.salesforce_writer import asked, opened_org, soql_text
from mqa_platform.policy.write_back import Task, WriteBack
from mqa_platform.sources.salesforce_rows import is_id


class SalesforceTasks(Channel):
    """Channel ``crm_task``."""

    name = "crm_task"

    def __init__(self, policy: WriteBack, task: Task, environment: Mapping[str, str]) -> None:
        """Read the credentials; nothing is sent.

        Raises:
            DestinationError: a secret is missing.
        """
        self.task = task
        # A creation that is asked for twice makes two, so the transport must not ask again by itself.
        once = environment if task.key_field else {**environment, "MQA_HTTP_ATTEMPTS": "1"}
        self.org = opened_org(policy, once)

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """One task for each message."""
        return [self._sent(message) for message in messages]

    def find(self, message: Message) -> str | None:
        """The Id of the task that carries our reference."""
        key = self.task.key_field
        if key is not None:
            where = f"{key} = {soql_text(message.key)}"
            found = self._rows(f"SELECT Id FROM Task WHERE {where}")  # noqa: S608
            return str(found[0]["Id"]) if found else None
        where = f"WhatId = {soql_text(message.account_id or '')}"
        if not is_id(message.account_id):
            where = f"OwnerId = {soql_text(owner_of(message, self.task) or '')}"
        reference = task_facts(message, self.task).reference
        for row in self._rows(f"SELECT Id, Description FROM Task WHERE {where}"):  # noqa: S608
            if reference in str(row.get("Description") or "").splitlines():
                return str(row["Id"])
        return None

    def _rows(self, soql: str) -> list[dict[str, Any]]:
        return list(asked(self.org, "Task", lambda c: c.query_all(soql))["records"])

    def _sent(self, message: Message) -> Sent:
        owner = owner_of(message, self.task)
        if not is_id(owner):
            return Sent(message.key, "refused", error=no_owner(owner))
        facts, key = task_facts(message, self.task), self.task.key_field
        body: dict[str, Any] = {
            "Subject": facts.subject, "Description": facts.text, "OwnerId": owner,
            "ActivityDate": facts.due.isoformat(), "Status": "Not Started", "Priority": "High",
        }  # fmt: skip
        if is_id(message.account_id):
            body["WhatId"] = message.account_id
        try:
            if key is None:
                made = asked(
                    self.org, "Task", lambda c: c.restful("sobjects/Task", None, "POST", json=body)
                )
            else:
                path = f"sobjects/Task/{key}/{quote(message.key, safe='')}"
                made = asked(self.org, "Task", lambda c: c.restful(path, None, "PATCH", json=body))
        except BatchRefusedError as error:
            return Sent(message.key, "refused", error=str(error))
        made = made if isinstance(made, dict) else {}
        return Sent(message.key, "sent", external_id=str(made.get("id") or "") or None)


def no_owner(owner: str | None) -> str:
    """Why a task without an owner is not made."""
    return f"{owner or 'nobody'} is no user of the CRM: name one for it under task.owners in write_back.yaml"
