"""Slack as a channel: one message a handoff, its updates in place, and a look for what is there already.

Belongs here: which calls a message takes, and in which order. Does not belong here: the client and its errors
(``slack_client``), places (``slack_places``), blocks (``reports``), or answers to a press (``slack_replies``).

Every message carries its key as metadata, so that after a crash it is found again and not sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from mqa_platform.destinations.channel import Channel, DestinationError, Message, Sent
from mqa_platform.destinations.slack_client import VARIABLE, Client, LaterError, RefusedError
from mqa_platform.destinations.slack_places import Places
from mqa_platform.policy.delivery_channels import SLACK, Slack
from mqa_platform.reports.slack_actions import BLOCK_ID, EVENT_TYPE
from mqa_platform.reports.slack_messages import metadata, posted, thread_reply

_PAGE: Final = 200
# A conversation with more messages than that since then is no rep's.
_PAGES: Final = 50
# How far back is looked for what has no moment.
_UNKNOWN: Final = timedelta(days=14)
_EXTERNAL: Final = re.compile(r"([CDG][A-Z0-9]{2,30})/([0-9]{1,12}\.[0-9]{1,9})")


class SlackChannel(Channel):
    """Messages of all kinds as Slack messages of the app that the token belongs to."""

    name = SLACK
    batch_size = 1

    def __init__(self, settings: Slack, environment: Mapping[str, str]) -> None:
        """The token comes from the environment.

        Raises:
            DestinationError: there is none.
        """
        token = environment.get(VARIABLE, "").strip()
        if not token:
            raise DestinationError(
                "Slack", f"{VARIABLE} is not set", "Set it to the bot token of the app (xoxb-…)."
            )
        self.settings = settings
        self.client = Client(token, settings.base_url)
        self._places = Places(self.client, settings)

    def send(self, messages: Sequence[Message]) -> list[Sent]:
        """See ``Channel.send``; an update changes the handoff's message and replies in its thread."""
        return [self._send(message) for message in messages]

    def _send(self, message: Message) -> Sent:
        if message.kind == "answer":
            from mqa_platform.destinations.slack_replies import reply

            return reply(self.client, message)
        try:
            if message.kind == "update":
                return Sent(message.key, "sent", self._updated(message))
            place = self._places.of(message.payload.get("to") or {})
            return Sent(message.key, "sent", self._posted(place, message, self._whole(message)))
        except RefusedError as refusal:
            return Sent(message.key, "refused", error=str(refusal))
        except LaterError as later:
            return Sent(message.key, "again", error=str(later), after_seconds=later.after_seconds)

    def find(self, message: Message) -> str | None:
        """See ``Channel.find``: the message with this key in its conversation, or in its thread."""
        try:
            if message.kind == "answer":
                return None
            if message.kind == "update":
                there = self._above(message)
                found = there and self._keyed(self._thread(*there), message.key)
                return f"{there[0]}/{found}" if there and found else None
            place = self._places.of(message.payload.get("to") or {})
            found = self._keyed(self._history(place, message.payload.get("at")), message.key)
            return f"{place}/{found}" if found else None
        except RefusedError as refusal:
            # Where nothing can be read nothing was written: the place or the thread is not there.
            if re.search(r"channel_not_found|thread_not_found|no channel for", str(refusal)):
                return None
            raise DestinationError("Slack", str(refusal)) from None
        except LaterError as later:
            # Not to be told just now is no reason to leave the whole channel alone.
            raise ConnectionError(str(later)) from None

    def _whole(self, message: Message) -> dict[str, Any]:
        return posted(message.payload, (self.settings.reject_reasons, self.settings.snooze_days))

    def _posted(self, place: str, message: Message, content: dict[str, Any], **more: Any) -> str:
        answer = self.client.ask(
            "chat.postMessage",
            channel=place,
            metadata=metadata(message.key, message.payload),
            **content,
            **more,
        )
        stamp = answer.get("ts")
        if not isinstance(stamp, str):
            raise ConnectionError("Slack (chat.postMessage): the answer has no ts")
        return f"{answer.get('channel') or place}/{stamp}"

    def _updated(self, message: Message) -> str:
        """Changes the handoff's message while nobody has answered it, and tells so in its thread."""
        there = self._above(message)
        if there is None:
            raise RefusedError(
                "Slack: the handoff's own message is not there. It was deleted, or never sent here; "
                "the account page has the news."
            )
        place, stamp = there
        thread = list(self._thread(place, stamp))
        done = self._keyed(thread, message.key)
        if done:
            return f"{place}/{done}"
        above = next((m for m in thread if m.get("ts") == stamp), {})
        # Somebody who has answered must not get the buttons again.
        if any(b.get("block_id") == BLOCK_ID for b in above.get("blocks") or ()):
            own = above.get("metadata") or metadata(
                f"{message.handoff_id}:{self.name}", dict(message.payload, kind="handoff")
            )
            self.client.ask(
                "chat.update", channel=place, ts=stamp, metadata=own, **self._whole(message)
            )
        return self._posted(place, message, thread_reply(message.payload), thread_ts=stamp)

    def _above(self, message: Message) -> tuple[str, str] | None:
        """Conversation and time stamp of the handoff's message that an update is about."""
        told = _EXTERNAL.fullmatch(str(message.payload.get("sent_as") or ""))
        if told:
            return told[1], told[2]
        place = self._places.of(message.payload.get("to") or {})
        qualified = (message.payload.get("handoff") or {}).get("qualified_at")
        found = self._keyed(self._history(place, qualified), f"{message.handoff_id}:{self.name}")
        return (place, found) if found else None

    def _history(self, place: str, moment: object) -> Iterator[Mapping[str, Any]]:
        """The conversation from the moment on that a message is about; before it nobody was told."""
        try:
            about = datetime.fromisoformat(str(moment))
        except ValueError:
            about = datetime.now(UTC) - _UNKNOWN
        # Two clocks that differ by a day differ by a mistake.
        since = (about if about.tzinfo else about.replace(tzinfo=UTC)) - timedelta(days=1)
        return self._paged(
            "conversations.history", channel=place, oldest=f"{since.timestamp():.6f}"
        )

    def _thread(self, place: str, stamp: str) -> Iterator[Mapping[str, Any]]:
        return self._paged("conversations.replies", channel=place, ts=stamp)

    def _paged(self, method: str, **question: Any) -> Iterator[Mapping[str, Any]]:
        cursor = ""
        for _ in range(_PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = self.client.ask(
                method, limit=_PAGE, include_all_metadata=True, **question, **more
            )
            found = answer.get("messages")
            if not isinstance(found, list):
                raise ConnectionError(f"Slack ({method}): the answer has no messages")
            yield from (m for m in found if isinstance(m, dict))
            told = answer.get("response_metadata")
            cursor = str(told.get("next_cursor") or "") if isinstance(told, dict) else ""
            if not cursor:
                return
        # Of this conversation alone: the others are sent all the same.
        raise RefusedError(
            f"Slack ({method}): over {_PAGE * _PAGES:,} messages to look through for one that may have been "
            "sent. Look for it in Slack, then give it up by mqa outbox drop KEY, or name a quieter channel."
        )

    @staticmethod
    def _keyed(
        messages: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]], key: str
    ) -> str | None:
        for message in messages:
            told = message.get("metadata")
            if isinstance(told, dict) and told.get("event_type") == EVENT_TYPE:
                payload = told.get("event_payload")
                if isinstance(payload, dict) and payload.get("key") == key:
                    return str(message.get("ts"))
        return None
