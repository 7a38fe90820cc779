"""The CRM as a channel of the outbox: the owner's task, and the answer that a rep gave in Slack.

Belongs here: which of the two a policy has, and writing an answer. Does not belong here: tasks
(``salesforce_tasks``, ``hubspot_tasks``), or the fields of the stage (``crm_sync``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mqa_platform.destinations.channel import BatchRefusedError, Channel, Message, Sent
from mqa_platform.destinations.crm import crm_writer
from mqa_platform.destinations.crm_writer import Record
from mqa_platform.policy.write_back import Answers, WriteBack

TASK, ANSWER = "crm_task", "crm_answer"


def crm_kinds(policy: WriteBack) -> dict[str, tuple[str, ...]]:
    """The kinds of messages that each channel takes, by its name; answers are entered by hand."""
    return {TASK: ("handoff",)} if policy.crm != "none" and policy.task is not None else {}


def crm_channels(policy: WriteBack, environment: Mapping[str, str]) -> dict[str, Channel]:
    """The channels that a policy has, by name.

    Raises:
        DestinationError: a secret is missing.
    """
    found: dict[str, Channel] = {}
    if policy.crm == "none":
        return found
    if policy.task is not None and policy.crm == "salesforce":
        from mqa_platform.destinations.salesforce_tasks import SalesforceTasks

        found[TASK] = SalesforceTasks(policy, policy.task, environment)
    elif policy.task is not None:
        from mqa_platform.destinations.hubspot_tasks import HubSpotTasks

        found[TASK] = HubSpotTasks(policy, policy.task, environment)
    if policy.answers is not None:
        found[ANSWER] = CrmAnswers(policy, policy.answers, environment)
    return found


class CrmAnswers(Channel):
    """Channel ``crm_answer``: accepted, rejected with its reason, or snoozed, on the account's record.

    The mapping that the CRM is read by makes facts of the same fields, so an answer counts as any other that
    was given in the CRM itself.
    """

    name = ANSWER

    def __init__(self, policy: WriteBack, answers: Answers, environment: Mapping[str, str]) -> None:
        """Read the credentials; nothing is sent.

        Raises:
            DestinationError: a secret is missing.
        """
        self.answers, self.writer = answers, crm_writer(policy, environment)

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """One record for each message."""
        return [self._sent(message) for message in messages]

    def fields(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Their fields of an answer; empty where the policy has none for it."""
        answers, found = self.answers, dict[str, Any]()
        status = answers.statuses.get(payload["answer"])
        if status is not None:
            found[answers.status_field] = status
            if answers.reason_field is not None:
                reason = payload.get("reason")
                found[answers.reason_field] = answers.reasons.get(reason or "", reason)
        if answers.until_field is not None:
            found[answers.until_field] = payload.get("until")
        return found

    def _sent(self, message: Message) -> Sent:
        fields = self.fields(message.payload)
        if not fields or message.account_id is None:
            # Nothing to write is done: a snooze stands in the overrides.
            return Sent(message.key, "sent")
        record = Record(message.account_id, message.account_id, fields)
        try:
            written = self.writer.write([record], by_record_id=True)[0]
        except BatchRefusedError as error:
            return Sent(message.key, "refused", error=str(error))
        return Sent(
            message.key, written.result, external_id=message.account_id, error=written.error
        )
