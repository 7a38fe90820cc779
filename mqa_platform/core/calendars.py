"""Calendars: each rep's working time, read out of what was landed, and what is wrong with it.

Belongs here: which default stands in for what cannot be read, and the causes of that. Does not belong here:
how a day or an hour may be written (``written_times``), arithmetic (``business_time``), or routing.

A calendar is handed on as text, so that it travels beside a handoff through any engine; ``working_time``
makes it a ``WorkingTime`` again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.core.business_time import WorkingTime, public_holidays
from mqa_platform.core.countries import code
from mqa_platform.core.crm_history import stacked
from mqa_platform.core.expressions import BEGINNING, none_of_type, shard
from mqa_platform.core.kernel import Kernel
from mqa_platform.core.written_times import seconds_of_day, weekdays_of, zone_name
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sla import WEEKDAYS, Sla

CALENDAR: Final = pa.schema(
    [
        ("rep_id", pa.string()),
        ("valid_from", pa.date32()),
        ("valid_to", pa.date32()),
        ("team", pa.string()),
        ("calendar", pa.string()),
        ("problems", pa.string()),
    ]
)
# What a rep's row says of working time, beside ``team`` and its days.
WRITTEN: Final = ("time_zone", "country", "workdays", "workday_starts", "workday_ends")
# A year whose holidays every country with tables has.
_ANY_YEAR: Final = 2025
REMEDIES: Final = {
    "no_calendar": "add the rep to reps.csv with time zone, country and working hours",
    "no_time_zone": "give the rep a time zone such as Europe/Berlin, in reps.csv or in the CRM",
    "unknown_time_zone": "write the time zone as in Europe/Berlin; an offset knows no summer time",
    "no_country": "give the rep a country in reps.csv, so that its public holidays count",
    "unknown_country": "write the country by its name or two letters, as in Germany or DE",
    "no_holidays_known": "no public holidays are known of this country: list them in closed_on of sla.yaml",
    "unknown_workdays": "write the working days as in mon;tue;wed;thu;fri",
    "unknown_hours": "write working hours as in 09:00 and 17:30, the end after the start",
    "bad_absence": "an absence needs its first day, and a first day back after it",
    "no_working_time": "the calendar has no working time for over a year: check absences and working days",
}  # fmt: skip


def _holidays_known(country: str) -> bool:
    try:
        public_holidays(country, _ANY_YEAR)
    except NotImplementedError:
        return False
    return True


def default_time(sla: Sla) -> WorkingTime:
    """The working time of whoever has no calendar."""
    hours = sla.working_hours
    opens, closes = (
        int(text[:2]) * 3600 + int(text[3:]) * 60 for text in (hours.starts, hours.ends)
    )
    weekdays = frozenset(WEEKDAYS.index(day) for day in hours.workdays)
    closed = frozenset(sla.closed_on)
    return WorkingTime(hours.time_zone, weekdays, opens, closes, hours.holidays_of, closed)


def read(
    row: dict[str, Any], absences: list[dict[str, Any]], sla: Sla
) -> tuple[WorkingTime, list[tuple[str, str]]]:
    """The working time that a rep's row says, and (cause, what was written) of all it does not.

    Args:
        row: the columns ``WRITTEN``, any of them None; texts as landed.
        absences: rows with ``starts_on`` and ``ends_on``.
        sla: the section of the policy, whose working hours stand in.
    """
    usual, problems = default_time(sla), list[tuple[str, str]]()
    said = {c: (row[c] or "").strip() for c in WRITTEN}
    zone = zone_name(said["time_zone"])
    if zone is None:
        cause = "unknown_time_zone" if said["time_zone"] else "no_time_zone"
        problems.append((cause, said["time_zone"]))
    country = code(said["country"]) if said["country"] else None
    if country is None:
        cause = "unknown_country" if said["country"] else "no_country"
        problems.append((cause, said["country"]))
    elif not _holidays_known(country):
        problems.append(("no_holidays_known", said["country"]))
        country = None
    weekdays = weekdays_of(said["workdays"]) if said["workdays"] else usual.weekdays
    if weekdays is None:
        problems.append(("unknown_workdays", said["workdays"]))
    opens, closes = _hours(said["workday_starts"], said["workday_ends"], usual)
    if opens is None or closes is None:
        problems.append(("unknown_hours", f"{said['workday_starts']}-{said['workday_ends']}"))
    away = tuple(_away(absences, problems)) if sla.absences_stop_the_clock else ()
    hours = (usual.opens, usual.closes) if opens is None or closes is None else (opens, closes)
    found = WorkingTime(
        zone or usual.zone, weekdays or usual.weekdays, *hours, country or usual.country,
        usual.closed_on, away,
    )  # fmt: skip
    return found, problems


def _hours(starts: str, ends: str, usual: WorkingTime) -> tuple[int | None, int | None]:
    opens = seconds_of_day(starts) if starts else usual.opens
    closes = seconds_of_day(ends) if ends else usual.closes
    if opens is None or closes is None or opens >= closes:
        return None, None
    return opens, closes


def _away(
    absences: list[dict[str, Any]], problems: list[tuple[str, str]]
) -> Iterator[tuple[date, date | None]]:
    spans = {(a["starts_on"], a["ends_on"]) for a in absences}
    for since, until in sorted(spans, key=lambda s: (str(s[0]), str(s[1]))):
        if since is None or (until is not None and until <= since):
            problems.append(("bad_absence", f"{since} to {until}"))
        else:
            yield since, until


def as_text(time: WorkingTime) -> str:
    """The canonical text of a working time."""
    told = {
        "zone": time.zone,
        "weekdays": sorted(time.weekdays),
        "hours": [time.opens, time.closes],
        "country": time.country,
        "closed_on": sorted(d.isoformat() for d in time.closed_on),
        "away": [[a.isoformat(), b.isoformat() if b else None] for a, b in time.away],
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=65_536)
def working_time(text: str) -> WorkingTime:
    """The working time of a text that ``as_text`` made."""
    told = json.loads(text)
    away = [(date.fromisoformat(a), date.fromisoformat(b) if b else None) for a, b in told["away"]]
    return WorkingTime(
        told["zone"],
        frozenset(told["weekdays"]),
        told["hours"][0],
        told["hours"][1],
        told["country"],
        frozenset(date.fromisoformat(d) for d in told["closed_on"]),
        tuple(away),
    )


def calendars_kernel(sla: Sla) -> Kernel:
    """Kernel: versions of reps and their absences → ``CALENDAR``, a row a version.

    A rep of whom only absences are known has one version, with the usual hours.
    """

    def run(table: pa.Table) -> pa.Table:
        reps: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in table.to_pylist():
            reps[row["rep_id"]].append(row)
        rows = [made for rep in sorted(reps) for made in _versions(rep, reps[rep], sla)]
        return pa.Table.from_pylist(rows, schema=CALENDAR)

    told = ("rep_id", "valid_from", *WRITTEN, "starts_on", "ends_on")
    lineage: dict[str, tuple[str, ...]] = {c: (c,) for c in CALENDAR.names[:4]}
    return Kernel("calendars", run, CALENDAR, {**lineage, "calendar": told, "problems": told})


def _versions(rep: str, rows: list[dict[str, Any]], sla: Sla) -> Iterator[dict[str, Any]]:
    absences = [r for r in rows if r["is_absence"]]
    versions = [r for r in rows if not r["is_absence"]]
    if not versions:
        nothing = {
            **dict.fromkeys(WRITTEN),
            "valid_from": BEGINNING,
            "valid_to": None,
            "team": None,
        }
        versions = [nothing]
    for row in sorted(versions, key=lambda r: (r["valid_from"], str(r))):
        time, problems = read(row, absences, sla)
        if all(row[c] is None for c in WRITTEN):
            problems = [("no_calendar", ""), *(p for p in problems if p[0] == "bad_absence")]
        yield {
            "rep_id": rep, "valid_from": row["valid_from"], "valid_to": row["valid_to"],
            "team": row["team"], "calendar": as_text(time), "problems": json.dumps(problems),
        }  # fmt: skip


def landed_calendars(capacity: ir.Table, absences: ir.Table, policy: Policy) -> ir.Table:
    """What ``calendars_kernel`` reads: versions and absences of all reps, with a shard a rep."""
    versions = capacity.filter(capacity["user_id"].notnull())
    a = absences.filter(absences["rep_id"].notnull())
    one = versions.select(
        "valid_from", "valid_to", "team", *WRITTEN,
        rep_id="user_id", starts_on=none_of_type("date"), ends_on=none_of_type("date"),
        is_absence=ibis.literal(False),
    )  # fmt: skip
    blank = {c: none_of_type("string") for c in ("team", *WRITTEN)}
    other = a.select(
        "rep_id", "starts_on", "ends_on",
        valid_from=none_of_type("date"), valid_to=none_of_type("date"),
        is_absence=ibis.literal(True), **blank,
    )  # fmt: skip
    both = stacked(one, other.select(*one.columns))
    return both.mutate(shard=shard(both["rep_id"]))
