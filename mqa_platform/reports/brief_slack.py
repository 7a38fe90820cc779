"""A brief as Slack blocks: plain dictionaries, inside all of Slack's limits.

Belongs here: the layout of this form and what is left out when it would be too long. Does not belong here:
sending it (``destinations``).

Only the link to the account page is a link. What comes first is what a rep needs first, because a message
that is too long loses its end, never its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from mqa_platform.core.brief_words import words
from mqa_platform.reports.inert import plain, slack
from mqa_platform.reports.sentences import TITLES, Sources, said

Block = dict[str, Any]
# Slack's limits: text of a header, of a section, blocks of a message, and all of it (an undocumented
# limit of about 13,200 characters, below which we stay).
HEADER, SECTION, BLOCKS, TOTAL = 150, 3_000, 50, 12_000
_ORDER: Final = (
    "why_now", "insight", "next", "people", "committee", "score", "pain_points", "intent", "triggers",
    "anonymous", "pages", "history",
)  # fmt: skip
_REST: Final = "Cut to fit; the whole brief is on the account page."
_NUMBERS: Final = "Numbers are the sources at the end of the account page."


def slack_message(
    facts: dict[str, Any], evidence_url: str | None = None, below: Sequence[Block] = ()
) -> dict[str, Any]:
    """The message: ``text`` for notifications, ``blocks``, and the switches that keep text text.

    Args:
        facts: of a brief.
        evidence_url: of the account page; None: the message has no link.
        below: blocks that stand under the head, where nothing is cut off.
    """
    last = [context(f"<{evidence_url}|Account page>")] if evidence_url else []
    message = inert_message(
        slack(facts["name"], HEADER), f"MQA: {plain(facts['name'], HEADER - 20)}"
    )
    message["blocks"] += [context(_subtitle(facts)), *below]
    # Numbered in the order of the page, whatever order they have here.
    sources = Sources()
    by_name = {
        part["name"]: [_line(s, sources) for s in part["sentences"]] for part in facts["sections"]
    }
    if sources.numbers:
        last = [context(_NUMBERS), *last]
    closing = [context(_REST), *last]
    room = TOTAL - size(message) - size(closing)
    for name in _ORDER:
        lines = by_name.get(name, [])
        if not lines:
            continue
        block, whole = section(TITLES[name], lines, min(SECTION, room - 200))
        if block is not None:
            message["blocks"].append(block)
            room -= size(block) + 2
        if not whole or len(message["blocks"]) >= BLOCKS - len(closing):
            message["blocks"] += closing
            return message
    message["blocks"] += last
    return message


def inert_message(text: str, head: str) -> dict[str, Any]:
    """A message with a head and nothing below; ``text`` and ``head`` have been made inert."""
    title = {"type": "plain_text", "text": head, "emoji": False}
    return {
        "text": text,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [{"type": "header", "text": title}],
    }


def _line(sentence: dict[str, Any], sources: Sources) -> str:
    number = sources.number(sentence)
    return f"• {said(sentence, slack)}" + (f" [{number}]" if number else "")


def _subtitle(facts: dict[str, Any]) -> str:
    told = f"Tier {words(facts['tier'])} · {words(facts['motion'])} · since {facts['created_on']}"
    return f"{told} · play {words(facts['play'])}" if facts["play"] else told


def context(text: str) -> Block:
    """A line in small print; the text has been made inert."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}


def section(title: str, lines: list[str], limit: int) -> tuple[Block | None, bool]:
    """The section with as many of its lines as fit, and whether all did; None when not even one does."""
    text, kept = f"*{title}*", 0
    for line in lines:
        # Counted as JSON, where a sign outside of ASCII takes six characters or more.
        if size(f"{text}\n{line}") > limit:
            break
        text, kept = f"{text}\n{line}", kept + 1
    if not kept:
        return None, False
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}
    return block, kept == len(lines)


def size(value: Any) -> int:
    """How long a value is as JSON, which is what Slack counts."""
    return len(json.dumps(value))
