"""The health of sources: whether each has delivered in time, as of every day.

Belongs here: the status of a source and day, and which days' scores it degrades. Does not belong here:
reading sources (``sources``) or counting their rows (``source_report``).

A source has a rhythm when sources.yaml says ``expect_every_days``: in any so many days in a row there
is one with an event. Without the line it is never late, as a CRM export is not; but a batch of it that
is held, or a service that does not answer, is a failure like any other. As of a day only events of that
day and before count, so a replay of the day says the same; an event that arrives late counts for its
own day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import ibis
import ibis.expr.types as ir

from mqa_platform.core.expressions import first_match, one_of
from mqa_platform.policy.models import Policy

# Landed table → the column that says when a row's fact came about. Address ranges and reps have no such day.
DAY_OF: Final[dict[str, str]] = {
    "landed_signals": "event_date",
    "landed_identities": "seen_at",
    "landed_accounts": "modified_at",
    "landed_contacts": "modified_at",
    "landed_opportunities": "modified_at",
    "landed_activities": "modified_at",
    "landed_users": "modified_at",
    "landed_leads": "modified_at",
    "landed_associations": "modified_at",
    "landed_field_changes": "changed_at",
    "landed_contact_roles": "modified_at",
    "landed_enrichment": "modified_at",
    "landed_lists": "modified_at",
    "landed_spend": "spend_date",
    "landed_consents": "changed_at",
    "landed_corrections": "at",
    "landed_overrides": "at",
    "landed_absences": "starts_on",
    "landed_reassignments": "at",
}
OK: Final = "ok"
# The gravest first: a source that is both is called by the first.
FAILURES: Final = ("lost_permission", "unreachable", "held")
_SILENT_AFTER = 3


def expectations(policy: Policy) -> dict[str, int]:
    """Source → days of its rhythm, for those that have one, in alphabetical order."""
    declared = sorted(policy.sources.sources.items())
    return {n: s.expect_every_days for n, s in declared if s.expect_every_days is not None}


def arrivals(
    landed: Mapping[str, ir.Table], ledger: ir.Table, sources: Collection[str]
) -> ir.Table:
    """(source, day) of every day that a source said something about.

    That is the day of its events, and for records the day they were last modified, whenever they
    landed. A source whose rows have no day at all, such as address ranges, has its landing days.

    Args:
        landed: tables of ``DAY_OF`` by name, at least one; those without rows may be left out.
        ledger: landed_batches.
        sources: the sources to look at.
    """
    parts = []
    for name in sorted(DAY_OF.keys() & landed.keys()):
        t, column = landed[name], DAY_OF[name]
        t = t.filter(one_of(t["source"], sources))
        day = t[column] if t[column].type().is_date() else t[column].date()
        parts.append(_days(t, day).distinct())
    dated = ibis.union(*parts)
    # An empty file of a dated source is no sign of life.
    batches = ledger.filter(
        one_of(ledger["source"], sources)
        & (ledger["status"] == "landed")
        & (ledger["accepted_rows"] > 0)
    )
    undated = _days(batches, batches["landed_on"]).anti_join(dated, "source")
    return dated.union(undated, distinct=True)


def _days(t: ir.Table, day: ir.DateValue) -> ir.Table:
    # Cast, because one table says that a day is never null and the next one does not.
    return t.select(source=t["source"].cast("string"), day=day.cast("date"))


def source_health(
    ledger: ir.Table, arrived: ir.Table, expected: ir.Table, calendar: ir.Table
) -> ir.Table:
    """One row a source with a rhythm and day, and one for each day on which any other source failed.

    ``stale``: no event in the last ``expect_every_days`` days, the day itself included. ``silent``:
    none in three times as many, or none ever. What the ledger says of the day wins over both: a batch
    is ``held`` on the days of its events (on its arrival day where they are not known). A service that
    failed and has not delivered since is ``unreachable`` or has ``lost_permission`` from the day of its
    last delivery, of which it may have kept something back, to the day that it failed.

    Args:
        ledger: landed_batches.
        arrived: see ``arrivals``.
        expected: (source, expect_every_days).
        calendar: (day): the days to judge.
    """
    grid = _last_events(arrived, expected, calendar)
    bad = _failures(ledger, calendar)
    unexpected = bad.anti_join(expected, "source").select(
        "source",
        "day",
        last_event_on=ibis.null("date"),
        expect_every_days=ibis.null("int64"),
    )
    grid = grid.cast(unexpected.schema()).union(unexpected.select(*grid.columns))
    t = grid.left_join(bad, ["source", "day"]).drop("source_right", "day_right")
    behind = t["day"].delta(t["last_event_on"], unit="day")
    limit = t["expect_every_days"]
    status = first_match(
        [
            *((t[name].notnull(), ibis.literal(name)) for name in FAILURES),
            (
                (behind.isnull() | (behind >= limit * _SILENT_AFTER)).fill_null(False),
                ibis.literal("silent"),
            ),
            (behind >= limit, ibis.literal("stale")),
        ],
        ibis.literal(OK),
    )
    late = ibis.ifelse(
        limit == 1,
        ibis.literal("expected every day"),
        ibis.literal("expected every ") + limit.cast("string") + ibis.literal(" days"),
    )
    detail = first_match(
        [
            *((t[name].notnull(), t[name]) for name in FAILURES),
            (behind.isnull(), ibis.literal("nothing has ever arrived")),
            (behind >= limit, late),
        ],
        ibis.literal(""),
    )
    return t.select(
        "source",
        "day",
        status=status,
        last_event_on=t["last_event_on"],
        days_behind=behind,
        detail=detail,
    )


def _last_events(arrived: ir.Table, expected: ir.Table, calendar: ir.Table) -> ir.Table:
    """Every expected source and day with the newest arrival on or before the day."""
    asked = expected.cross_join(calendar)
    asked = _days(asked, asked["day"]).mutate(
        arrived_on=ibis.null("date"), is_asked=ibis.literal(1)
    )
    known = arrived.semi_join(expected, "source")
    known = _days(known, known["day"])
    both = asked.union(known.mutate(arrived_on=known["day"], is_asked=ibis.literal(0)))
    days = both.group_by("source", "day").aggregate(
        arrived_on=both["arrived_on"].max(), is_asked=both["is_asked"].max()
    )
    so_far = ibis.window(group_by="source", order_by="day", preceding=None, following=0)
    days = days.mutate(last_event_on=days["arrived_on"].max().over(so_far))
    days = days.filter(days["is_asked"] == 1)
    e = expected.select("expect_every_days", of_source="source")
    return days.join(e, days["source"] == e["of_source"]).select(
        "source", "day", "last_event_on", "expect_every_days"
    )


def _failures(ledger: ir.Table, calendar: ir.Table) -> ir.Table:
    """(source, day) and one column a kind of failure: its words, null where it did not happen."""
    t = ledger.filter(one_of(ledger["status"], FAILURES)).select(
        "status",
        "landed_at",
        "landed_on",
        "first_event_on",
        "last_event_on",
        of_source="source",
        said=ledger["held_reason"].fill_null(""),
    )
    held = t.filter(t["status"] == "held")
    held = held.select(
        "of_source",
        "status",
        "said",
        first=ibis.coalesce(held["first_event_on"], held["landed_on"]),
        last=ibis.coalesce(held["last_event_on"], held["landed_on"]),
    )
    bad = held.union(_unanswered(t, ledger))
    daily = bad.join(calendar, [bad["first"] <= calendar["day"], bad["last"] >= calendar["day"]])
    found = daily.group_by("day", source=daily["of_source"].cast("string")).aggregate(
        **{
            name: ibis.ifelse(daily["status"] == name, daily["said"], ibis.null("string")).max()
            for name in FAILURES
        }
    )
    return found.mutate(day=found["day"].cast("date"))


def _unanswered(failed: ir.Table, ledger: ir.Table) -> ir.Table:
    """Failures of services that have not delivered since, with the days that they leave in doubt."""
    asked = failed.filter(failed["status"] != "held")
    answers = ledger.filter(ledger["status"] == "landed")
    answers = answers.select(by="source", at="landed_at", on="landed_on")
    both = asked.left_join(answers, asked["of_source"] == answers["by"])
    told = both.group_by("of_source", "status", "said", "landed_at", "landed_on").aggregate(
        answered=ibis.ifelse(both["at"] > both["landed_at"], 1, 0).max(),
        since=ibis.ifelse(both["at"] <= both["landed_at"], both["on"], ibis.null("date")).max(),
    )
    told = told.filter(told["answered"].fill_null(0) == 0)
    return told.select(
        "of_source",
        "status",
        "said",
        first=ibis.coalesce(told["since"], told["landed_on"]),
        last=told["landed_on"],
    )


def degraded_days(health: ir.Table, sources: Collection[str]) -> ir.Table:
    """(day, degraded_by) of the days on which not every source was ok.

    ``degraded_by`` lists ``source:status``, in alphabetical order, with a semicolon between them.

    Args:
        health: source_health.
        sources: those that count; at least one.
    """
    bad = health.filter((health["status"] != OK) & one_of(health["source"], sources))
    word = ibis.literal(";") + bad["source"] + ibis.literal(":") + bad["status"]
    names = sorted(sources)
    told = bad.group_by("day").aggregate(
        **{
            f"of_{name}": ibis.ifelse(bad["source"] == name, word, ibis.null("string")).max()
            for name in names
        }
    )
    listed = told[f"of_{names[0]}"].fill_null("")
    for name in names[1:]:
        listed = listed + told[f"of_{name}"].fill_null("")
    return told.select("day", degraded_by=listed.substr(1))
