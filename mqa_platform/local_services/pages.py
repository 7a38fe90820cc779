"""The local CRM in a browser: its accounts and tasks, and the answer that sales gives.

Belongs here: one page without scripts, and the form that it sends back. Does not belong here: the records
(``salesforce_desk``, ``hubspot_desk``), or our own pages about accounts (``reports``).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from mqa_platform.local_services.server import Answer, Asked

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1d1d1f;margin:2rem auto;max-width:80rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;"
    "padding:.3rem .6rem;border-bottom:1px solid #d8d8de;overflow-wrap:anywhere}"
)
_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; "
    "style-src 'sha256-" + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode() + "'"
)
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
}
# No more rows than somebody looks through; those that were written last come first.
MOST_ROWS: Final = 200


@dataclass(frozen=True)
class Line:
    """One account or task as the page shows it: its id, and its values by what they are called."""

    id: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Desk:
    """What the page shows and where an answer goes. ``token`` proves that a form came from the page.

    ``reasons`` are offered for a rejection; ``statuses`` are the CRM's words for accepted and rejected.
    """

    title: str
    reasons: Sequence[str]
    statuses: Mapping[str, str]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(16))


def page(desk: Desk, accounts: Sequence[Line], tasks: Sequence[Line]) -> Answer:
    """The page as an answer."""
    parts = [
        f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>{escape(desk.title)}</title>",
        f"<style>{_STYLE}</style><h1>{escape(desk.title)}</h1>",
        "<p>A local server that forgets everything when it ends.</p>",
        f"<h2>Tasks</h2>{_table(tasks, '')}",
        f"<h2>Accounts</h2>{_table(accounts, _form(desk))}",
    ]
    return Answer(200, raw="".join(parts).encode(), headers=dict(_HEADERS))


def answered(desk: Desk, asked: Asked) -> tuple[str, str, str] | None:
    """(account, the CRM's word for the answer, reason) of a form that was sent; None when it is not ours."""
    form = asked.form
    is_ours = secrets.compare_digest(form.get("token", "").encode(), desk.token.encode())
    status = desk.statuses.get(form.get("answer", ""))
    if not is_ours or status is None:
        return None
    reason = form.get("reason", "") if form["answer"] == "rejected" else ""
    return form.get("account", ""), status, reason if reason in desk.reasons else ""


def seen() -> Answer:
    """Back to the page, after a form."""
    return Answer(303, raw=b"", headers={"Location": "/"}, changed=True)


def not_ours() -> Answer:
    """A form that did not come from the page, or names nothing that is there."""
    return Answer(403, raw=b"This form is not one of this page.", headers=dict(_HEADERS))


def is_of_browser(asked: Asked) -> bool:
    """Whether a request is for the page and not for the API; a name that is not this machine's is refused."""
    host = asked.headers.get("Host", "").rpartition(":")[0]
    return asked.path in ("/", "/answer") and host in ("127.0.0.1", "localhost")


def _form(desk: Desk) -> str:
    options = "".join(f"<option>{escape(reason)}</option>" for reason in desk.reasons)
    return (
        '<form method=post action="/answer">'
        f'<input type=hidden name=token value="{escape(desk.token)}">'
        '<input type=hidden name=account value="{id}">'
        "<button name=answer value=accepted>Accept</button> "
        f"<select name=reason aria-label=Reason>{options}</select> "
        "<button name=answer value=rejected>Reject</button></form>"
    )


def _table(lines: Sequence[Line], form: str) -> str:
    if not lines:
        return "<p>None.</p>"
    columns = list(dict.fromkeys(name for line in lines for name in line.values))
    heads = "".join(f"<th scope=col>{escape(name)}</th>" for name in columns)
    rows = []
    for line in lines[:MOST_ROWS]:
        cells = "".join(f"<td>{escape(_text(line.values.get(name)))}</td>" for name in columns)
        pressed = f"<td>{form.replace('{id}', escape(line.id))}</td>" if form else ""
        rows.append(f"<tr>{cells}{pressed}</tr>")
    more = f"<p>and {len(lines) - MOST_ROWS} more</p>" if len(lines) > MOST_ROWS else ""
    head = f"<thead><tr>{heads}{'<th scope=col>Answer</th>' if form else ''}</tr></thead>"
    return f"<table>{head}<tbody>{''.join(rows)}</tbody></table>{more}"


def _text(value: Any) -> str:
    return "" if value is None else str(value)
