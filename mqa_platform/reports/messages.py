"""A message taken apart, the same for every channel: its title, its sections, and the brief below them.

Belongs here: what all forms of a message share, its Markdown, and the event that a webhook carries. Does not
belong here: Slack's blocks (``slack_messages``), mail (``email_messages``), or the facts (``core.messages``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mqa_platform.core.brief_words import words
from mqa_platform.reports.inert import markdown as inert
from mqa_platform.reports.sentences import TITLES, said

Payload = Mapping[str, Any]
Escape = Callable[[str], str]
_TITLES: Final = {
    "due": "Due, or over",
    "told": "What a clock set off",
    "held": "Waiting for their turn",
    "news": "New activity",
    "standing": "Where it stands",
    "programme": "For everybody",
    "alert": "What happened",
}
# What a webhook's event is made of beside its text; everything in it is ours or published.
_EVENT: Final = ("account", "handoff", "to", "evidence_url")


@dataclass(frozen=True)
class Part:
    """One section in one form: its title and its lines, every word of others escaped."""

    name: str
    title: str
    lines: list[str]


def told(payload: Payload) -> Payload:
    """A payload with facts; an alert has a title and lines, which may hold anybody's words."""
    if "facts" in payload:
        return payload
    lines = [_word(line) for line in payload.get("lines") or ()]
    section = {"name": "alert", "sentences": lines}
    facts = {"title": _word(payload.get("title") or ""), "sections": [section] if lines else []}
    return {"kind": "alert", "at": None, **payload, "facts": facts}


def _word(text: Any) -> dict[str, Any]:
    return {"text": "{word}", "words": {"word": str(text)}, "cites": [], "records": []}


def title(payload: Payload, escape: Escape) -> str:
    """The one line that says what the message is about."""
    return said(told(payload)["facts"]["title"], escape)


def parts(payload: Payload, escape: Escape) -> Iterator[Part]:
    """The message's own sections, then those of the brief."""
    brief = payload.get("brief") or {}
    for section in (*told(payload)["facts"]["sections"], *brief.get("sections", ())):
        name = section["name"]
        named = _TITLES.get(name) or TITLES.get(name) or words(name)
        yield Part(name, named, [said(s, escape) for s in section["sentences"]])


def markdown(payload: Payload) -> str:
    """The message as Markdown: for a terminal, a CRM note, or a tool that takes text."""
    lines = [f"# {title(payload, inert)}", ""]
    for part in parts(payload, inert):
        lines += [f"## {part.title}", "", *(f"- {line}" for line in part.lines), ""]
    if payload.get("evidence_url"):
        lines += [f"<{payload['evidence_url']}>", ""]
    return "\n".join(lines).rstrip() + "\n"


def event(payload: Payload) -> dict[str, Any]:
    """The event of a webhook: its type, the moment it is about, and its data with the text as Markdown."""
    data = {name: payload.get(name) for name in _EVENT}
    return {
        "type": f"mqa.{told(payload)['kind']}",
        "timestamp": payload.get("at"),
        "data": {**data, "text": markdown(payload)},
    }
