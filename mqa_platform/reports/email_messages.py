"""Every message as mail: its subject, its text and its HTML.

Belongs here: the layout of a mail. Does not belong here: addresses, headers and sending (``destinations``).

Mail programs make links of addresses in any text, so the words of others have look-alikes for the signs that
an address is made of, in the HTML too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mqa_platform.core.brief_words import shown
from mqa_platform.reports.inert import plain
from mqa_platform.reports.messages import Payload, parts, title
from mqa_platform.reports.pages import rendered

SUBJECT: Final = 150
_CLOSING: Final = "Answer in Slack or in the CRM; an answer to this mail is read by nobody."


@dataclass(frozen=True)
class Mail:
    """One mail: a subject on one line, the text, and the same as HTML."""

    subject: str
    text: str
    html: str


def mail(payload: Payload) -> Mail:
    """The mail of a payload; see ``destinations.payloads``."""
    head, url = title(payload, plain), payload.get("evidence_url")
    found = list(parts(payload, plain))
    lines = [head, ""]
    for part in found:
        lines += [part.title, *(f"- {line}" for line in part.lines), ""]
    if url:
        lines += [f"Account page: {url}", ""]
    lines.append(_CLOSING)
    html = rendered(
        "message.html.j2", head, head=head, parts=found, evidence_url=url, closing=_CLOSING
    )
    return Mail(shown(head, "MQA", SUBJECT), "\n".join(lines) + "\n", html)
