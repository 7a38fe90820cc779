"""The account page: score over time, receipt, committee, timeline, stages, handoffs and the brief, in one file.

Belongs here: the parts of the page, their columns and their words. Does not belong here: reading the tables
(``account_pages``), HTML itself (``pages``, the templates) or how the chart looks (``charts``).

The page is a file without a script; it shows at any time what it showed when it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from mqa_platform.core.brief_words import shown, words
from mqa_platform.reports.charts import score_chart, score_text
from mqa_platform.reports.pages import rendered, told_brief

Row = dict[str, Any]
# A page is read by a person; the tables have the rest.
MOST_TOUCHES: Final = 100


@dataclass(frozen=True)
class AccountFacts:
    """What a page tells, as rows of the published tables.

    Attributes:
        account: the version of the day: account_id, name, domain, industry, country, employees, tier.
        motion: whose scores and stages these are.
        as_of: the last published day.
        stage: stage, entered_on, suppression_reason of that day; None where it has none.
        scores: day, score, threshold, oldest first.
        receipt: the lines of the last scored day.
        contacts: name, title, role, reachable, why_not, last_seen_on.
        touches: occurred_at, who, what, where, confidence, newest first, not more than the page shows.
        touches_in_all: how many there are.
        transitions: changed_on, from_stage, to_stage, rule, reason.
        handoffs: created_on, rep, status, evidence_rule, due_at.
    """

    account: Row
    motion: str
    as_of: date
    stage: Row | None = None
    scores: Sequence[Row] = ()
    receipt: Sequence[Row] = ()
    contacts: Sequence[Row] = ()
    touches: Sequence[Row] = ()
    touches_in_all: int = 0
    transitions: Sequence[Row] = ()
    handoffs: Sequence[Row] = ()
    versions: Sequence[str] = field(default=())


def account_page(told: AccountFacts, brief: dict[str, Any] | None = None) -> str:
    """The page as HTML.

    Args:
        told: what the tables say.
        brief: the facts of the handoff that the page is for; None: the account has none.
    """
    name = shown(told.account["name"], told.account["account_id"])
    page = {
        "name": name,
        "subtitle": _subtitle(told),
        "parts": [_score(told), _receipt(told), _committee(told), _timeline(told),
                  _transitions(told), _handoffs(told)],
        "foot": f"As of {told.as_of}, policy {', '.join(told.versions) or 'unknown'}. Times are UTC.",
    }  # fmt: skip
    return rendered("account.html.j2", name, page=page, facts=told_brief(brief) if brief else None)


def _subtitle(told: AccountFacts) -> str:
    a = told.account
    parts = [a["account_id"], a["domain"], a["industry"], a["country"]]
    if a["employees"] is not None:
        parts.append(f"{a['employees']:,} people")
    parts.append(f"tier {words(a['tier'])}" if a["tier"] else None)
    if told.stage is not None:
        parts.append(f"{words(told.stage['stage'])} since {told.stage['entered_on']}")
        if told.stage["suppression_reason"]:
            parts.append(f"suppressed: {words(told.stage['suppression_reason'])}")
    parts.append(words(told.motion))
    return " · ".join(shown(str(p)) for p in parts if p)


def _part(
    part: str, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], **more: str
) -> Row:
    cells = [[_cell(c) for c in row] for row in rows]
    said = {"image": "", "alt": "", "caption": title, "empty": "Nothing yet.", "note": "", **more}
    return {"id": part, "title": title, "columns": list(columns), "rows": cells, **said}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Decimal | float):
        return f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return shown(str(value), "")


def _score(told: AccountFacts) -> Row:
    columns, title = ("Day", "Score", "Threshold"), "Score over time"
    entries = [t["changed_on"] for t in told.transitions if t["to_stage"] == "mqa"]
    rows = [(s["day"], s["score"], s["threshold"]) for s in told.scores]
    if not rows:
        return _part("score", title, columns, (), empty="No score has been published.")
    return _part(
        "score", title, columns, rows,
        image=score_chart(told.scores, entries), alt=score_text(told.scores, entries),
    )  # fmt: skip


def _receipt(told: AccountFacts) -> Row:
    columns = ("Part", "Points", "Before caps", "Lost to caps", "After decay", "Lost to ceiling",
               "Touchpoints", "Known people")  # fmt: skip
    lines = sorted(told.receipt, key=lambda r: (-r["points"], r["component"]))
    rows: list[tuple[Any, ...]] = [
        (words(r["component"]), r["points"], r["raw_points"], r["lost_to_cap"], r["decayed_points"],
         r["lost_to_ceiling"], r["touchpoints"], r["people"])
        for r in lines
    ]  # fmt: skip
    total = sum((r["points"] for r in lines), Decimal(0))
    if rows:
        rows.append(("sum", total, None, None, None, None, None, None))
    return _part("receipt", "Receipt", columns, rows, empty="No points on the last scored day.")


def _committee(told: AccountFacts) -> Row:
    columns = ("Name", "Title", "Role", "Last seen", "May be contacted", "Why not")
    rows = [
        (shown(c["name"]), c["title"], words(c["role"] or ""), c["last_seen_on"], c["reachable"],
         words(c["why_not"] or ""))
        for c in told.contacts
    ]  # fmt: skip
    return _part("committee", "Buying committee", columns, rows, empty="No contact in the CRM.")


def _timeline(told: AccountFacts) -> Row:
    columns = ("When", "Who", "What", "Where", "Confidence")
    rows = [(t["occurred_at"], t["who"], t["what"], t["where"], t["confidence"])
            for t in told.touches]  # fmt: skip
    more = told.touches_in_all - len(rows)
    note = f"The latest {len(rows)} of {told.touches_in_all:,} touchpoints." if more > 0 else ""
    return _part("timeline", "Timeline", columns, rows, note=note)


def _transitions(told: AccountFacts) -> Row:
    columns = ("Day", "From", "To", "Rule", "Reason")
    rows = [(t["changed_on"], words(t["from_stage"] or ""), words(t["to_stage"]), words(t["rule"]),
             t["reason"]) for t in told.transitions]  # fmt: skip
    return _part("stages", "Stages", columns, rows)


def _handoffs(told: AccountFacts) -> Row:
    columns = ("Created", "Rep", "Status", "Evidence", "Due")
    rows = [(h["created_on"], h["rep"], words(h["status"]), words(h["evidence_rule"] or ""),
             h["due_at"]) for h in told.handoffs]  # fmt: skip
    return _part("handoffs", "Handoffs", columns, rows, empty="Never handed over.")
