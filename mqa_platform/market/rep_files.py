"""What RevOps keeps about the reps beside the CRM: reps.csv and absences.csv.

Belongs here: weights, working hours, holidays and who stands in. Does not belong here: who the reps are and
what they own (``reps``), or the CRM's own users (``crm_files``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from mqa_platform.market.config import MarketConfig
from mqa_platform.market.mail_files import write_table
from mqa_platform.market.reps import Rep, SalesTeam
from mqa_platform.market.streams import stream

# The country whose holidays the office of a time zone keeps, and when it works.
_OFFICES = {
    "America/New_York": ("US", "09:00", "17:30"),
    "America/Toronto": ("CA", "09:00", "17:00"),
    "Europe/London": ("GB", "09:00", "17:30"),
    "Europe/Berlin": ("DE", "08:30", "17:00"),
    "Asia/Kolkata": ("IN", "10:00", "18:30"),
}
_Draw = Callable[[], float]
_WORKDAYS = "mon;tue;wed;thu;fri"
# One in six works part time: half the accounts of a draw.
_PART_TIME = 1 / 6
_LEAVE_EVERY_DAYS = 75


def write_reps(config: MarketConfig, team: SalesTeam, folder: Path) -> dict[str, int]:
    """Write both files; returns rows by file name."""
    folder.mkdir(parents=True)
    rng = stream(config, "rep files")
    weights = [0.5 if rng.random() < _PART_TIME else 1.0 for _ in team.reps]
    reps, absences = _reps(team, weights), _absences(config, team, rng.random)
    write_table(reps, folder / "reps.csv")
    write_table(absences, folder / "absences.csv")
    return {"reps": reps.num_rows, "absences": absences.num_rows}


def _reps(team: SalesTeam, weights: list[float]) -> pa.Table:
    """One row an active rep: who has left stands in the CRM only."""
    here = [(r, w) for r, w in zip(team.reps, weights, strict=True) if r.is_active]
    offices = [_OFFICES[r.time_zone] for r, _ in here]
    return pa.table(
        {
            "rep_id": [r.user_id for r, _ in here],
            "capacity_per_week": [r.capacity_per_week for r, _ in here],
            "weight": [w for _, w in here],
            "team": [r.team for r, _ in here],
            "regions": [";".join(r.countries) for r, _ in here],
            "employees_min": pa.array([r.employees_min for r, _ in here], pa.int64()),
            "employees_max": pa.array([r.employees_max for r, _ in here], pa.int64()),
            "country": [o[0] for o in offices],
            "time_zone": [r.time_zone for r, _ in here],
            "workday_starts": [o[1] for o in offices],
            "workday_ends": [o[2] for o in offices],
            "workdays": [_WORKDAYS for _ in here],
        }
    )


def _absences(config: MarketConfig, team: SalesTeam, draw: _Draw) -> pa.Table:
    """A week or two of holiday every two to three months; a colleague of the team stands in, if any."""
    rows: list[tuple[str, date, date, str]] = []
    here = [r for r in team.reps if r.is_active]
    for rep in here:
        day = int(draw() * _LEAVE_EVERY_DAYS)
        while day < config.days:
            length = 5 if draw() < 0.6 else 12
            starts_on = config.starts_on + timedelta(days=day)
            rows.append(
                (rep.user_id, starts_on, starts_on + timedelta(days=length), _cover(rep, here))
            )
            day += length + int((0.5 + draw()) * _LEAVE_EVERY_DAYS)
    return pa.table(
        {
            "rep_id": pa.array([r[0] for r in rows], pa.string()),
            "starts_on": pa.array([r[1].isoformat() for r in rows], pa.string()),
            "ends_on": pa.array([r[2].isoformat() for r in rows], pa.string()),
            "kind": pa.array(["holiday"] * len(rows), pa.string()),
            "cover_id": pa.array([r[3] for r in rows], pa.string()),
        }
    )


def _cover(rep: Rep, here: list[Rep]) -> str:
    """The next rep of the same time zone, else nobody."""
    near = [r.user_id for r in here if r.time_zone == rep.time_zone]
    return near[(near.index(rep.user_id) + 1) % len(near)] if len(near) > 1 else ""
