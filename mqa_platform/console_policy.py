"""How policies and their differences look on a terminal.

Belongs here: tables and sentences of ``mqa policy``. Does not belong here: finding the answers.
"""

from __future__ import annotations

from typing import Any

from mqa_platform import console
from mqa_platform.policy.changes import said

_SHOWN = 15


def promotions_log(entries: list[Any], version: str) -> None:
    """Every promotion, and what is in force."""
    reverted = {e.reverts: e.promotion_id for e in entries if e.reverts}
    rows = [
        [e.promotion_id, e.effective_from, e.version, e.kind, e.author, e.rationale, e.evidence,
         e.approved_by_marketing, e.approved_by_sales, reverted.get(e.promotion_id)]
        for e in entries
    ]  # fmt: skip
    columns = ["", "effective", "version", "kind", "author", "rationale", "evidence"]
    columns += ["marketing", "sales", "reverted by"]
    if entries:
        console.table("Policies in the order of their promotion", columns, rows)
        return
    _say(f"Nothing was promoted: {version} is in force on all days.")


def promoted(done: Any) -> None:
    """What a promotion or a revert changed."""
    e = done.entry
    _say(f"{e.kind} {e.promotion_id}: {e.version} is in force from {e.effective_from}.")
    for line in said(done.changes):
        _say(f"  {line}")
    span = f"{done.days[0]} to {done.days[-1]}" if done.days else "none"
    _say(f"Days run again: {span}.")


def difference(found: dict[str, Any]) -> None:
    """What the second policy would have changed."""
    one, other = found["one"], found["other"]
    for line in said(found["changes"]):
        _say(f"  {line}")
    _uncovered(found["not_replayed"])
    rows = [
        ["entered mqa", one["entered"], other["entered"]],
        ["backlog, released at capacity", one["backlog"], other["backlog"]],
        ["a week", one["a_week"], other["a_week"]],
        ["a rep and week", one["rep_load"]["a_rep_and_week"], other["rep_load"]["a_rep_and_week"]],
        ["active reps", one["rep_load"]["reps"], other["rep_load"]["reps"]],
        ["into queues", sum(one["rep_load"]["queues"].values()),
         sum(other["rep_load"]["queues"].values())],
        ["reps above their capacity", len(one["rep_load"]["above_capacity"]),
         len(other["rep_load"]["above_capacity"])],
        ["in mqa on the last day", found["in_mqa_on_the_last_day"]["one"],
         found["in_mqa_on_the_last_day"]["other"]],
    ]  # fmt: skip
    names = [f"{s['policy']} ({s['version']})" for s in (one, other)]
    console.table(f"{found['from']} to {found['to']}", ["", *names], rows, tuple(names))
    for title, key in (("Enter", "enter"), ("Leave", "leave")):
        listed = found[key]
        rows = [[r["name"], r["account_id"], r["motion"], r["tier"], r["created_on"],
                 r["evidence_rule"], "yes" if r["is_backlog"] else ""] for r in listed[:_SHOWN]]  # fmt: skip
        columns = ["account", "id", "motion", "tier", "on", "evidence", "backlog"]
        if rows:
            console.table(f"{title}: {len(listed)}, the first {len(rows)}", columns, rows)
        else:
            _say(f"{title}: none.")
    _say(f"Enter on another day: {len(found['moved'])}.")
    for who in ("leavers", "joiners"):
        _say(f"Conversion of {who}: {_converted(found[f'conversion_of_{who}'])}.")
    _say(
        f"Nothing live was touched; the shadow tables are in {one['tables']} and {other['tables']}."
    )


def _converted(found: dict[str, Any]) -> str:
    if not found["episodes"]:
        return "no episodes"
    parts = []
    for what in ("meeting", "opportunity", "won"):
        r = found[what]
        if not r["n_mature"]:
            parts.append(f"{what} none of {found['episodes']} old enough to say")
            continue
        shown = f"{r['value']:.0%} ({r['low']:.0%} to {r['high']:.0%})"
        young = f", {r['censored']} too young" if r["censored"] else ""
        parts.append(f"{what} {r['numerator']} of {r['n_mature']}, {shown}{young}")
    return "; ".join(parts)


def _uncovered(names: list[str]) -> None:
    if names:
        _say(
            f"Not replayed: {', '.join(names)}. These decide how an event is read; a promotion reads all "
            "published days again."
        )


def _say(text: str) -> None:
    console.out.print(text, markup=False)
