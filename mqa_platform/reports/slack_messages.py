"""Every message as Slack has it: the brief with its buttons, news, reminders and the digest.

Belongs here: which blocks a message of each kind has. Does not belong here: the brief's own blocks
(``brief_slack``), the buttons (``slack_actions``), or sending (``destinations``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mqa_platform.reports.brief_slack import (
    BLOCKS,
    HEADER,
    SECTION,
    TOTAL,
    Block,
    context,
    inert_message,
    section,
    size,
    slack_message,
)
from mqa_platform.reports.inert import plain, slack
from mqa_platform.reports.messages import Payload, parts, title, told
from mqa_platform.reports.slack_actions import EVENT_TYPE, answer_blocks

Answers = tuple[Sequence[str], Sequence[int]]
_CUT: Final = "Cut to fit; the rest is on the worklist."


def posted(payload: Payload, answers: Answers) -> dict[str, Any]:
    """The message of a payload: what ``chat.postMessage`` takes beside the channel.

    Args:
        payload: of ``destinations.payloads``.
        answers: reasons to refuse, and days to snooze; buttons stand under a handoff and its updates.
    """
    if payload.get("brief") is None:
        return _told(payload, answers)
    own = dict(payload, brief=None)
    below: list[Block] = []
    for part in parts(own, slack):
        if part.name == "standing":
            below.append(context(" ".join(part.lines)))
        else:
            block, _ = section(part.title, [f"• {line}" for line in part.lines], SECTION)
            below += [block] if block else []
    below += answer_blocks(payload["handoff"]["handoff_id"], *answers)
    message = slack_message(payload["brief"], payload["evidence_url"], below)
    return {**message, "text": _line(payload)}


def thread_reply(payload: Payload) -> dict[str, Any]:
    """An update in few words, for the thread under the handoff's message."""
    facts = payload["facts"]
    news = [part for part in facts["sections"] if part["name"] != "standing"]
    short = {"facts": {**facts, "sections": news}, "brief": None, "handoff": None}
    return _told({**payload, **short, "evidence_url": None}, ((), ()))


def metadata(key: str, payload: Payload) -> dict[str, Any]:
    """What is kept with a message so that it is known again: its key and its kind."""
    return {"event_type": EVENT_TYPE, "event_payload": {"key": key, "kind": told(payload)["kind"]}}


def _told(payload: Payload, answers: Answers) -> dict[str, Any]:
    message = inert_message(_line(payload), title(payload, plain)[:HEADER])
    last: list[Block] = []
    if told(payload)["kind"] in ("handoff", "update") and payload.get("handoff"):
        last += answer_blocks(payload["handoff"]["handoff_id"], *answers)
    if payload.get("evidence_url"):
        last.append(context(f"<{payload['evidence_url']}|Account page>"))
    closing = [context(_CUT), *last]
    room = TOTAL - size(message) - size(closing)
    for part in parts(payload, slack):
        block, whole = section(part.title, [f"• {line}" for line in part.lines], min(SECTION, room))
        if block is not None:
            message["blocks"].append(block)
            room -= size(block) + 2
        if not whole or len(message["blocks"]) >= BLOCKS - len(closing):
            message["blocks"] += closing
            return message
    message["blocks"] += last
    return message


def _line(payload: Payload) -> str:
    return title(payload, slack)[:SECTION]
