"""The brief: why an account was handed over, in words, from the receipt of that day.

Belongs here: turning receipt lines into text a rep reads. Does not belong here: routing (``handoffs``)
or sending. Every figure is one of the receipt's; outside text is made inert.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import pyarrow as pa

from mqa_platform.core.kernel import Kernel

BRIEF = pa.schema([("handoff_id", pa.string()), ("brief", pa.string())])
# Colon and slash too: a bare address becomes a link in most places that show a brief.
_MARKUP = re.compile(r"[\\`*_{}\[\]()#+!|<>~@&=:/-]")
_INVISIBLE = re.compile(
    r"[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
_WHY = {
    "hand_raise": "someone with a name asked for us",
    "people": "several people of the account are active",
    "anonymous_only": "research from the company's network; no person is known yet",
}
_NEXT = {
    "hand_raise": "Answer the request now; name the person and what was asked for.",
    "people": "Reach the active people together; open with the topic of the strongest component.",
    "anonymous_only": "Find the contacts first: this goes to the marketing play, not to a call.",
}


def inert(text: str, limit: int = 120) -> str:
    """Outside text without markup, control or direction characters, cut to ``limit``."""
    clean = _INVISIBLE.sub(" ", text)
    return _MARKUP.sub(lambda m: "\\" + m.group(0), clean[:limit])


def _brief(lines: list[dict[str, Any]]) -> str:
    head = lines[0]
    rule = head["evidence_rule"] or "people"
    out = [
        f"**{inert(head['name'] or head['account_id'])}** ({head['tier']}) qualified on {head['created_on']}: "
        f"{_WHY.get(rule, rule)}.",
        f"Score {head['score']:.1f} against a threshold of {head['threshold']:.0f}; "
        f"{head['eligible_people'] or 0} eligible people in 28 days.",
        "",
    ]
    parts = sorted(
        (x for x in lines if x["component"]), key=lambda x: (-x["points"], x["component"])
    )
    for x in parts[:6]:
        out.append(
            f"- {x['component'].replace('_', ' ')}: {x['points']:.1f} points "
            f"from {x['touchpoints']} touchpoints of {x['people']} known people"
        )
    out += ["", f"Next: {_NEXT.get(rule, 'Review the account.')}"]
    return "\n".join(out)


def _run(table: pa.Table) -> pa.Table:
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        grouped[row["handoff_id"]].append(row)
    ids = sorted(grouped)
    return pa.table({"handoff_id": ids, "brief": [_brief(grouped[i]) for i in ids]}, schema=BRIEF)


BRIEFS = Kernel(
    "briefs",
    _run,
    BRIEF,
    {
        "handoff_id": ("handoff_id",),
        "brief": ("name", "tier", "component", "points", "touchpoints", "people", "score"),
    },
)
