"""A brief as Markdown: what ``handoffs.brief`` holds and e-mails and CRM notes show.

Belongs here: the layout of this form, and the kernel that makes it of published facts. Does not belong here:
the facts (``core.briefs``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from mqa_platform.core.brief_words import words
from mqa_platform.core.kernel import Kernel
from mqa_platform.reports.inert import markdown as inert
from mqa_platform.reports.sentences import TITLES, Sources, facts_of, said

SCHEMA: Final = pa.schema([("handoff_id", pa.string()), ("brief", pa.string())])
# Whoever needs the rest has the facts; a reader needs to know where to look.
_IDS: Final = 6
_SHORT: Final = 8


def markdown(facts: dict[str, Any]) -> str:
    """The brief as Markdown, with the touchpoints each sentence rests on listed at the end."""
    sources = Sources()
    lines = [f"# {inert(facts['name'])}", "", _subtitle(facts), ""]
    for section in facts["sections"]:
        lines += [f"## {TITLES.get(section['name'], words(section['name']))}", ""]
        lines += [_line(s, sources) for s in section["sentences"]]
        lines.append("")
    if sources.numbers:
        lines += ["## Sources", "", *_listed(sources)]
    return "\n".join(lines).rstrip() + "\n"


def _subtitle(facts: dict[str, Any]) -> str:
    parts = [
        f"Tier {words(facts['tier'])}",
        f"{words(facts['motion'])}",
        f"since {facts['created_on']}",
    ]
    if facts["play"]:
        parts.append(f"play {words(facts['play'])}")
    return " · ".join(parts)


def _line(sentence: dict[str, Any], sources: Sources) -> str:
    number = sources.number(sentence)
    return f"- {said(sentence, inert)}" + (f" [{number}]" if number else "")


def _listed(sources: Sources) -> Iterator[str]:
    for number, cites in sources.listed():
        some = ", ".join(inert(c[:_SHORT]) for c in cites[:_IDS])
        more = f" and {len(cites) - _IDS} more" if len(cites) > _IDS else ""
        yield f"- [{number}] {some}{more}"


def _run(table: pa.Table) -> pa.Table:
    rows = sorted(table.select(["handoff_id", "facts"]).to_pylist(), key=lambda r: r["handoff_id"])
    told = [markdown(facts_of(r["facts"])) for r in rows]
    return pa.table({"handoff_id": [r["handoff_id"] for r in rows], "brief": told}, schema=SCHEMA)


MARKDOWN: Final = Kernel(
    "brief_markdown", _run, SCHEMA, {"handoff_id": ("handoff_id",), "brief": ("facts",)}
)
