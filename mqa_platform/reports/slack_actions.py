"""The answers of a rep in Slack: the buttons under a brief, and what comes back when one is pressed.

Belongs here: the blocks, the ids of their actions, and reading ``block_actions``. Does not belong here: the
brief (``brief_slack``), whether a request is Slack's (``receiver``), or what an answer does.

A value says the handoff and the answer and no more. Whose message it is and who pressed are told by Slack,
which signs all of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal

from mqa_platform.core.brief_words import counted, shown, words
from mqa_platform.reports.inert import plain, slack

Answered = Literal["accept", "reject", "snooze"]
ACTIONS: Final[dict[str, Answered]] = {
    "mqa_accept": "accept",
    "mqa_reject": "reject",
    "mqa_snooze": "snooze",
}
# The event type of a message's metadata, and what its payload calls the key of the message.
EVENT_TYPE: Final = "mqa_handoff"
BLOCK_ID: Final = "mqa_answer"
_VALUE: Final = re.compile(r"([A-Za-z0-9_.-]{1,80})(?::([a-z0-9_]{1,40}))?")
_STAMP: Final = re.compile(r"[0-9]{1,11}\.[0-9]{1,9}")
_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,30}")


class NotAnAnswerError(Exception):
    """An action of ours that cannot be read; the message says what is missing or odd."""


@dataclass(frozen=True)
class Action:
    """What somebody pressed in Slack.

    ``action_id`` is the same for every delivery of the same press, and another for every other press.
    ``reason`` is given with a reject, ``days`` with a snooze. ``user_id``, ``channel_id`` and
    ``message_ts`` are Slack's; ``user_name`` is outside text. ``at`` is Slack's time of the press.
    """

    action_id: str
    kind: Answered
    handoff_id: str
    reason: str | None
    days: int | None
    user_id: str
    user_name: str
    team_id: str
    channel_id: str
    message_ts: str
    at: datetime

    @property
    def external_id(self) -> str:
        """The message as the journal names it: channel and time stamp."""
        return f"{self.channel_id}/{self.message_ts}"


def answer_blocks(
    handoff_id: str, reject_reasons: Sequence[str], snooze_days: Sequence[int]
) -> list[dict[str, Any]]:
    """Accept, reject with a reason, snooze: one block of actions."""
    reasons = [_option(words(r), f"{handoff_id}:{r}") for r in reject_reasons[:100]]
    days = [_option(counted(d, "day"), f"{handoff_id}:{d}") for d in snooze_days[:100]]
    accept = {
        "type": "button",
        "action_id": "mqa_accept",
        "style": "primary",
        "text": _text("Accept"),
        "value": handoff_id,
    }
    elements: list[dict[str, Any]] = [accept]
    if reasons:
        elements.append(_select("mqa_reject", "Reject …", reasons))
    if days:
        elements.append(_select("mqa_snooze", "Snooze …", days))
    return [{"type": "actions", "block_id": BLOCK_ID, "elements": elements}]


def answered_blocks(blocks: Sequence[dict[str, Any]], said: str) -> list[dict[str, Any]]:
    """A message that has been answered: its blocks without the buttons, and one line that says so.

    Args:
        blocks: of the message as Slack has it or as it was sent.
        said: for example ``Accepted by Jane Doe``; outside text in it is made inert here.
    """
    kept = [b for b in blocks if b.get("block_id") != BLOCK_ID and b.get("type") != "actions"]
    line = {"type": "mrkdwn", "text": slack(said), "verbatim": True}
    return [*kept[:49], {"type": "context", "elements": [line]}]


def parsed(payload: dict[str, Any]) -> list[Action]:
    """The answers in an interactive payload of Slack; none in what is not ours.

    Raises:
        NotAnAnswerError: a press on one of our buttons without what makes an answer.
    """
    if not isinstance(payload, dict) or payload.get("type") != "block_actions":
        return []
    actions = payload.get("actions")
    found = [a for a in actions if isinstance(a, dict)] if isinstance(actions, list) else []
    return [_action(payload, a) for a in found if str(a.get("action_id")) in ACTIONS]


def _action(payload: dict[str, Any], action: dict[str, Any]) -> Action:
    name = str(action["action_id"])
    kind = ACTIONS[name]
    handoff_id, given = _value(action, kind)
    user = _told(payload, _ID, "user", "id")
    channel = _told(payload, _ID, "container", "channel_id")
    stamp = _told(payload, _STAMP, "container", "message_ts")
    pressed = _told(action, _STAMP, "action_ts")
    who, team = payload["user"], payload.get("team")
    key = "\n".join((channel, stamp, user, name, handoff_id, given, pressed))
    return Action(
        action_id=sha256(key.encode()).hexdigest()[:32],
        kind=kind,
        handoff_id=handoff_id,
        reason=given if kind == "reject" else None,
        days=int(given) if kind == "snooze" else None,
        user_id=user,
        user_name=shown(str(who.get("name") or who.get("username") or ""), user),
        team_id=str(team.get("id") or "") if isinstance(team, dict) else "",
        channel_id=channel,
        message_ts=stamp,
        at=datetime.fromtimestamp(float(pressed), UTC),
    )


def _value(action: dict[str, Any], kind: Answered) -> tuple[str, str]:
    option = action.get("selected_option")
    value = option.get("value") if isinstance(option, dict) else action.get("value")
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise NotAnAnswerError("its value is none of ours")
    handoff_id, given = found[1], found[2] or ""
    fits = {
        "accept": not given,
        "reject": bool(given),
        "snooze": given.isascii() and given.isdigit() and 1 <= int(given) <= 365,
    }
    if not fits[kind]:
        raise NotAnAnswerError(f"its value says nothing that {kind} could mean")
    return handoff_id, given


def _told(payload: dict[str, Any], shape: re.Pattern[str], *path: str) -> str:
    value: Any = payload
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise NotAnAnswerError(f"{'.'.join(path)} is missing")
    return value


def _select(action_id: str, title: str, options: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": _text(title),
        "options": options,
    }


def _option(title: str, value: str) -> dict[str, Any]:
    return {"text": _text(title), "value": value}


def _text(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": plain(text, 75), "emoji": False}
