"""What the examples show: questions to the published tables, answered as rows.

Belongs here: the tables that an ``example.yaml`` names under ``report``. Does not belong here: running
anything (``scenarios``) or how rows look (``cli``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import ibis

from mqa_platform.home import Home
from mqa_platform.marts import Marts, open_marts
from mqa_platform.policy.loader import load_policy
from mqa_platform.source_reports import FIGURES, report

Row = dict[str, Any]


@dataclass(frozen=True)
class ScenarioTable:
    """A titled table; every row has the same keys in the same order."""

    title: str
    rows: list[Row]


def days_of_events(home: Home, sources: Iterable[str]) -> list[date]:
    """Every day between the first and the last event of each landed file of the sources."""
    with open_marts(home) as marts:
        ledger = marts.table("landed_batches")
        batches = marts.rows(ledger.filter(ledger["source"].isin(list(sources))))
    days = set()
    for batch in batches:
        day, last = batch["first_event_on"], batch["last_event_on"]
        while day is not None and day <= last:
            days.add(day)
            day += timedelta(days=1)
    return sorted(days)


def companies_on_site(home: Home) -> list[ScenarioTable]:
    """Accounts with their touchpoints and views of high intent, and what is no account's and why."""
    signals = load_policy(home.policy_folder()).signals.signals.values()
    high = [page for signal in signals if signal.high_intent for page in signal.page_types]
    with open_marts(home) as marts:
        t, u = marts.table("touchpoints"), marts.table("unresolved_signals")
        names = _today(marts)
        seen = t.group_by("account_id").aggregate(
            touchpoints=t.count(),
            visitors=t["anonymous_id"].nunique(),
            high_intent_views=ibis.ifelse(t["page_type"].isin(high), 1, 0).sum(),
            matched_by=t["resolution_rule"].collect(distinct=True).sort().join(", "),
        )
        seen = seen.left_join(names, "account_id")
        accounts = marts.rows(
            seen.select(
                account="name", domain="domain", touchpoints="touchpoints", visitors="visitors",
                high_intent_views="high_intent_views", matched_by="matched_by",
            ).order_by(ibis.desc("touchpoints"), "account")
        )  # fmt: skip
        reasons = u.group_by("reason").aggregate(signals=u.count())
        unresolved = marts.rows(reasons.order_by(ibis.desc("signals"), "reason"))
    hits = sum(row["touchpoints"] for row in accounts)
    missed = sum(row["signals"] for row in unresolved)
    return [
        ScenarioTable(f"Companies on the site: {hits:,} of {hits + missed:,} requests", accounts),
        ScenarioTable(f"Requests of nobody on the list, by reason: {missed:,}", unresolved),
    ]


def qualified_by_quarter(home: Home) -> list[ScenarioTable]:
    """MQAs by quarter, the accounts that ever were one, and the lone contributors that never were."""
    with open_marts(home) as marts:
        s, names = marts.table("stage_transitions"), _today(marts)
        moves = s.filter((s["to_stage"] == "mqa") | (s["from_stage"] == "mqa"))
        moves = moves.join(names, "account_id").order_by("changed_on", "seq", "account_id")
        steps = marts.rows(
            moves.select("account_id", "name", "changed_on", "from_stage", "to_stage")
        )
        d = marts.table("stages")
        span = marts.rows(d.aggregate(first=d["stage_date"].min(), last=d["stage_date"].max()))[0]
        committed = _contributors(marts)
    entered = [step for step in steps if step["to_stage"] == "mqa"]
    qualified = Counter(step["account_id"] for step in entered)
    first_on = {step["account_id"]: step["changed_on"] for step in reversed(entered)}
    teams = [
        {
            "account": row["account"],
            "first_mqa_on": first_on[row["account_id"]].isoformat(),
            "episodes": qualified[row["account_id"]],
            **_counts(row),
        }
        for row in committed
        if row["account_id"] in qualified
    ]
    teams.sort(key=lambda row: (row["first_mqa_on"], row["account"]))
    alone = [
        {"account": row["account"], **_counts(row)}
        for row in committed
        if row["account_id"] not in qualified
    ]
    return [
        ScenarioTable(
            f"MQAs by quarter: {len(entered)} of {len(qualified)} accounts", _quarters(steps, span)
        ),
        ScenarioTable(f"Accounts that qualified: {len(teams)}", teams),
        ScenarioTable(f"Active and never qualified, the busiest ten of {len(alone)}", alone[:10]),
    ]


def _counts(row: Row) -> Row:
    wanted = ("contacts", "most_in_28_days", "touchpoints", "highest_score")
    return {name: row[name] for name in wanted}


def _contributors(marts: Marts) -> list[Row]:
    """Accounts with touchpoints, the busiest first: contacts ever, at most within 28 days, best score."""
    t, s, names = marts.table("touchpoints"), marts.table("scores"), _today(marts)
    seen = t.group_by("account_id").aggregate(
        contacts=t["person_id"].nunique(), touchpoints=t.count()
    )
    best = s.group_by("account_id").aggregate(
        most_in_28_days=s["eligible_people"].max(), highest_score=s["engagement_score"].max()
    )
    both = seen.join(best, "account_id").join(names, "account_id")
    rows = marts.rows(
        both.select(
            "account_id",
            "contacts",
            "touchpoints",
            "most_in_28_days",
            "highest_score",
            account="name",
        ).order_by(ibis.desc("touchpoints"), "account")
    )
    return [{**row, "highest_score": float(row["highest_score"])} for row in rows]


def _quarters(steps: list[Row], span: Row) -> list[Row]:
    """Every quarter of the run: who entered, how many of them for the first time, who left, who stands."""
    if span["first"] is None:
        return []
    by_quarter: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for step in steps:
        by_quarter[_quarter(step["changed_on"])].append(step)
    rows: list[Row] = []
    known: set[str] = set()
    standing: set[str] = set()
    year, number = _quarter(span["first"])
    while (year, number) <= _quarter(span["last"]):
        new, left, before = [], 0, len(known)
        for step in by_quarter[year, number]:
            if step["to_stage"] == "mqa":
                new.append(step["name"])
                known.add(step["account_id"])
                standing.add(step["account_id"])
            else:
                left += 1
                standing.discard(step["account_id"])
        rows.append(
            {
                "quarter": f"{year}-Q{number}",
                "mqas": len(new),
                "first_time": len(known) - before,
                "left": left,
                "at_quarter_end": len(standing),
                "accounts": ", ".join(sorted(new)),
            }
        )
        year, number = (year + 1, 1) if number == 4 else (year, number + 1)
    return rows


def _quarter(day: date) -> tuple[int, int]:
    return day.year, (day.month + 2) // 3


def _today(marts: Marts) -> Any:
    """(account_id, name, domain) of the version that holds today."""
    a = marts.table("accounts")
    return a.filter(a["valid_to"].isnull()).select("account_id", "name", "domain")


def landed_by_source(home: Home) -> list[ScenarioTable]:
    """Where every row of every source has gone, and the files that were held back."""
    rows = [
        {name: row[name] for name in ("source", *FIGURES, "held_batches")} for row in report(home)
    ]
    with open_marts(home) as marts:
        ledger = marts.table("landed_batches")
        held = ledger.filter(ledger["status"] == "held").order_by("source", "file_name")
        refused = marts.rows(held.select("source", file="file_name", why="held_reason"))
    landed = sum(row["landed"] for row in rows)
    return [
        ScenarioTable(f"{landed:,} rows of {len(rows)} sources", rows),
        ScenarioTable(f"Files held back: {len(refused)}", refused),
    ]


REPORTS: Final[dict[str, Callable[[Home], list[ScenarioTable]]]] = {
    "companies_on_site": companies_on_site,
    "landed_by_source": landed_by_source,
    "qualified_by_quarter": qualified_by_quarter,
}
