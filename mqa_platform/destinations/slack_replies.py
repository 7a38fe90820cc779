"""What Slack shows once somebody has answered: under the message for all, or to that person alone.

Belongs here: changing the answered message, and telling a refusal. Does not belong here: whether an answer
counts (``answer_rules``), or other messages (``slack_channel``).

Payload: ``channel``, ``ts`` of the message, ``user`` who pressed, ``said``; ``is_private`` tells that user alone;
``keeps_buttons`` leaves them, so that a snoozed account can still be accepted.
"""

from __future__ import annotations

from typing import Any

from mqa_platform.destinations.channel import Message, Sent
from mqa_platform.destinations.slack_client import Client, LaterError, RefusedError
from mqa_platform.reports.inert import slack
from mqa_platform.reports.slack_actions import BLOCK_ID, answered_blocks


def reply(client: Client, message: Message) -> Sent:
    """Tells what became of an answer; doing it twice shows it once, a private word perhaps twice.

    Raises:
        DestinationError, OSError: see ``Client.ask``.
    """
    told = message.payload
    channel, stamp = str(told["channel"]), str(told["ts"])
    try:
        if told.get("is_private"):
            answer = client.ask(
                "chat.postEphemeral",
                channel=channel,
                user=str(told["user"]),
                text=slack(str(told["said"])),
            )
            return Sent(message.key, "sent", str(answer.get("message_ts") or ""))
        _change(client, channel, stamp, str(told["said"]), bool(told.get("keeps_buttons")))
        return Sent(message.key, "sent", f"{channel}/{stamp}")
    except RefusedError as refusal:
        return Sent(message.key, "refused", error=str(refusal))
    except LaterError as later:
        return Sent(message.key, "again", error=str(later), after_seconds=later.after_seconds)


def _change(client: Client, channel: str, stamp: str, said: str, keeps_buttons: bool) -> None:
    above = _message(client, channel, stamp)
    blocks = [b for b in above.get("blocks") or () if isinstance(b, dict)]
    buttons = [b for b in blocks if b.get("block_id") == BLOCK_ID]
    changed = answered_blocks(blocks, said)
    line = changed[-1]
    if line in blocks and (keeps_buttons or not buttons):
        return
    kept = [block for block in changed[:-1] if block != line]
    changed = [*kept[:48], line, *(buttons if keeps_buttons else [])]
    client.ask(
        "chat.update",
        channel=channel,
        ts=stamp,
        text=str(above.get("text") or said),
        blocks=changed,
    )


def _message(client: Client, channel: str, stamp: str) -> dict[str, Any]:
    """The message as Slack has it now; it may have been updated since it was answered."""
    answer = client.ask("conversations.replies", channel=channel, ts=stamp, limit=1)
    messages = answer.get("messages")
    found = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(found, dict) or found.get("ts") != stamp:
        raise RefusedError("Slack: the answered message was deleted. What was answered holds.")
    return found
