"""Where in Slack somebody is told: his own channel, his team's, or a direct message by his address.

Belongs here: the order in which a place is looked for. Does not belong here: what is sent there
(``slack_channel``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mqa_platform.destinations.slack_client import Client, RefusedError
from mqa_platform.policy.delivery_channels import Slack


class Places:
    """The conversations of readers, each asked for once."""

    def __init__(self, client: Client, settings: Slack) -> None:
        self._client, self._settings = client, settings
        self._users: dict[str, str | None] = {}
        self._conversations: dict[str, str] = {}

    def of(self, reader: Mapping[str, Any]) -> str:
        """The id of the conversation in which a reader is told.

        Args:
            reader: ``to`` of a payload; without a user it is for ``otherwise``.

        Raises:
            RefusedError: the policy names no place and Slack knows no such address.
            LaterError, DestinationError, OSError: see ``Client.ask``.
        """
        settings, user = self._settings, str(reader.get("user_id") or "nobody")
        found = settings.reps.get(user) or settings.teams.get(str(reader.get("team")))
        if found is None and settings.look_up_by_email and reader.get("email"):
            found = self._by_address(str(reader["email"]))
        found = found or settings.otherwise
        if found is None:
            raise RefusedError(
                f"Slack: no channel for {user}. Name one in channels.slack.reps, or set otherwise."
            )
        return self._conversation(found)

    def _by_address(self, address: str) -> str | None:
        if address not in self._users:
            try:
                answer = self._client.ask("users.lookupByEmail", email=address)
                self._users[address] = str(answer["user"]["id"])
            except RefusedError:
                self._users[address] = None
            except (KeyError, TypeError):
                raise ConnectionError(
                    "Slack (users.lookupByEmail): the answer has no user"
                ) from None
        return self._users[address]

    def _conversation(self, place: str) -> str:
        """The conversation's own id: a person's is another than the person's, and only it has a history."""
        if place[0] not in "UW":
            return place
        if place not in self._conversations:
            answer = self._client.ask("conversations.open", users=place)
            try:
                self._conversations[place] = str(answer["channel"]["id"])
            except (KeyError, TypeError):
                raise ConnectionError(
                    "Slack (conversations.open): the answer has no channel"
                ) from None
        return self._conversations[place]
