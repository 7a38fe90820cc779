"""What is due when: the moments of many handoffs, each by the calendar that stands beside it.

Belongs here: delivery by the worklist, the SLA, its reminder, escalation and end, and how much working time
has run. Does not belong here: the arithmetic of one calendar (``business_time``), or what happened in the
end (``clocks``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.core.business_time import (
    HOUR,
    NEVER,
    Instants,
    WorkingTime,
    after,
    around,
    is_plausible,
    midnight,
    opening,
    openings,
    worked,
)
from mqa_platform.core.calendars import default_time, working_time
from mqa_platform.core.kernel import Kernel
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sla import Clock

_MOMENT: Final = pa.timestamp("us", tz="UTC")
HAND_RAISE: Final = "hand_raise"
MOMENTS: Final = (
    "delivered_at",
    "due_at",
    "remind_at",
    "escalate_at",
    "reassign_at",
    "accept_due_at",
)
# What goes through beside the moments, so that nobody has to look it up again.
_CARRIED: Final = (
    ("handoff_id", pa.string()),
    ("account_id", pa.string()),
    ("calendar", pa.string()),
    ("holder", pa.string()),
    ("given_on", pa.date32()),
    ("over_on", pa.date32()),
    ("next_qualified_at", _MOMENT),
    ("runs", pa.bool_()),
)
DUE: Final = pa.schema(
    [
        *_CARRIED,
        ("delivered_via", pa.string()),
        *((name, _MOMENT) for name in MOMENTS),
    ]
)
_ANSWERED: Final = (
    ("handoff_id", pa.string()),
    ("first_touch_at", _MOMENT),
    ("meeting_at", _MOMENT),
    ("sla_rep_id", pa.string()),
    ("sla_team", pa.string()),
)
RUN: Final = pa.schema(
    [
        *_ANSWERED,
        ("touch_hours", pa.float64()),
        ("touch_business_hours", pa.float64()),
        ("waited_business_hours", pa.float64()),
        ("open_business_hours", pa.float64()),
    ]
)


def instants(column: pa.ChunkedArray) -> Instants:
    """Timestamps as microseconds since 1970; null is ``NEVER``."""
    whole = pc.cast(pc.cast(column, _MOMENT), pa.int64())
    return pc.fill_null(whole, NEVER).to_numpy().astype(np.int64)


def _timestamps(found: Instants) -> pa.Array:
    return pa.array(found, mask=found == NEVER).cast(_MOMENT)


def _by_calendar(
    table: pa.Table, usual: WorkingTime
) -> Iterator[tuple[WorkingTime, npt.NDArray[np.int64]]]:
    """Each calendar with the places of its rows; a row without one has the usual."""
    texts = pc.dictionary_encode(pc.fill_null(table["calendar"], "")).combine_chunks()
    number = texts.indices.to_numpy()
    for place, text in enumerate(texts.dictionary.to_pylist()):
        yield working_time(text) if text else usual, np.flatnonzero(number == place)


def due_kernel(policy: Policy, as_of: datetime) -> Kernel:
    """Kernel: handoffs with their calendars → ``DUE``.

    A moment is null where its clock does not run, and after ``as_of`` nothing has been delivered yet. Where
    the calendar has no working time for over a year the usual one counts; what is due by it has no calendar
    of its own from here on, so that the hours that have run are those of its due moment.
    """
    usual = default_time(policy.sla)
    now = np.int64(round(as_of.timestamp() * 1_000_000))
    clocks = dict(policy.sla.clocks)

    def run(table: pa.Table) -> pa.Table:
        found = {name: np.full(table.num_rows, NEVER) for name in MOMENTS}
        delivered, via = _delivery(table, usual)
        delivered = np.where(is_plausible(delivered) & (delivered <= now), delivered, NEVER)
        found["delivered_at"] = delivered
        runs = pc.fill_null(table["runs"], True).to_numpy() & (delivered != NEVER)
        amounts = _amounts(table, clocks)
        by_usual = np.zeros(table.num_rows, dtype=bool)
        for time, rows in _by_calendar(table, usual):
            live = rows[runs[rows]]
            if not len(live):
                continue
            for name, amount in amounts.items():
                found[name][live], lost = _ends(time, usual, delivered[live], amount[live])
                if name == "due_at":
                    by_usual[live] = lost
        columns = {name: _timestamps(found[name]) for name in MOMENTS}
        columns["delivered_via"] = pa.array(via, pa.string(), mask=delivered == NEVER)
        carried = {name: table[name].cast(kind) for name, kind in _CARRIED}
        own = pc.if_else(pa.array(by_usual), pa.scalar(None, pa.string()), carried["calendar"])
        carried["calendar"] = own
        return pa.table({**carried, **columns}).select(DUE.names).cast(DUE)

    needs = (
        "calendar", "qualified_at", "released_on", "was_backlog", "sent_at", "sla_hours", "tier",
        "evidence_rule", "runs",
    )  # fmt: skip
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(DUE.names, needs)
    own = {name: (name,) for name, _ in _CARRIED if name != "calendar"}
    lineage |= own | {"delivered_via": ("sent_at",)}
    return Kernel("due", run, DUE, lineage)


def _delivery(table: pa.Table, usual: WorkingTime) -> tuple[Instants, npt.NDArray[Any]]:
    """When each handoff was delivered, and by what."""
    sent, qualified = instants(table["sent_at"]), instants(table["qualified_at"])
    listed = qualified.copy()
    backlog = pc.fill_null(table["was_backlog"], False).to_numpy()
    released: list[date | None] = table["released_on"].to_pylist()
    for time, rows in _by_calendar(table, usual):
        waiting = rows[backlog[rows]]
        days = {released[i] for i in waiting} - {None}
        opened = {day: _opens(time, usual, day) for day in days if day is not None}
        for i in waiting:
            day = released[i]
            # Not released: it has not been on anybody's list.
            listed[i] = NEVER if day is None else max(opened[day], int(qualified[i]))
    # A list that has not been made yet is no list.
    listed = np.where(qualified == NEVER, NEVER, listed)
    return np.where(sent != NEVER, sent, listed), np.where(sent != NEVER, "channel", "worklist")


def _opens(time: WorkingTime, usual: WorkingTime, day: date) -> int:
    """When the working day starts on a day, or the next one that has one."""
    for each in (time, usual):
        start = np.array([midnight(each.zone, day)])
        if is_plausible(start)[0]:
            found = int(opening(openings(each, *around(start)), start)[0])
            if found != NEVER:
                return found
    return NEVER


def _amounts(table: pa.Table, clocks: dict[str, Clock]) -> dict[str, Instants]:
    """Working time of each moment from delivery on, in microseconds; 0 where there is no such moment."""
    names = list(clocks)
    raised = pc.fill_null(pc.equal(table["evidence_rule"], HAND_RAISE), False).to_numpy()
    tier = pc.index_in(table["tier"], pa.array(names, pa.string()))
    place = pc.fill_null(tier, names.index("programmatic")).to_numpy().astype(np.int64)
    place = np.where(raised, names.index(HAND_RAISE), place)

    def of_class(name: str) -> npt.NDArray[np.float64]:
        return np.array([float(getattr(clocks[c], name) or 0) for c in names])[place]

    hours = pc.cast(pc.fill_null(table["sla_hours"], 0), pa.float64()).to_numpy()
    parts = {
        "due_at": hours,
        "remind_at": hours * of_class("reminder_at"),
        "escalate_at": hours * of_class("escalate_after"),
        "reassign_at": hours * of_class("reassign_after"),
        "accept_due_at": of_class("accept_hours"),
    }
    return {name: np.rint(each * HOUR).astype(np.int64) for name, each in parts.items()}


def _ends(
    time: WorkingTime, usual: WorkingTime, since: Instants, amount: Instants
) -> tuple[Instants, npt.NDArray[np.bool_]]:
    """When so much working time has passed, and whether by the usual calendar.

    ``NEVER`` where there is nothing to wait for.
    """
    found = after(openings(time, *around(since)), since, amount)
    lost = (found == NEVER) & (amount > 0)
    if lost.any():
        found[lost] = after(openings(usual, *around(since[lost])), since[lost], amount[lost])
    return np.where(amount > 0, found, NEVER), lost


def run_kernel(policy: Policy, as_of: datetime) -> Kernel:
    """Kernel: handoffs with their calendars, delivered_at, first_touch_at and over_on → ``RUN``.

    Hours from delivery to the touch, elapsed and working, null without one; working hours from delivery to
    the touch or ``as_of``, and those to ``as_of`` or to the day on which it was over.
    """
    usual = default_time(policy.sla)
    now = np.int64(round(as_of.timestamp() * 1_000_000))

    def run(table: pa.Table) -> pa.Table:
        since, touched = instants(table["delivered_at"]), instants(table["first_touch_at"])
        over = instants(table["over_on"])
        over = np.maximum(np.where(over == NEVER, now, np.minimum(over, now)), since)
        answered = touched != NEVER
        until = np.where(answered, touched, np.maximum(since, now))
        waited, held = np.zeros(len(since)), np.zeros(len(since))
        for time, rows in _by_calendar(table, usual):
            asked = np.concatenate([since[rows], until[rows], over[rows]])
            o = openings(time, *around(asked))
            started = worked(o, since[rows])
            waited[rows] = (worked(o, until[rows]) - started) / HOUR
            held[rows] = (worked(o, over[rows]) - started) / HOUR
        hours = {
            "touch_hours": pa.array((touched - since) / HOUR, mask=~answered),
            "touch_business_hours": pa.array(waited, mask=~answered),
            "waited_business_hours": pa.array(waited),
            "open_business_hours": pa.array(held),
        }
        carried = {name: table[name].cast(kind) for name, kind in _ANSWERED}
        return pa.table({**carried, **hours}).select(RUN.names).cast(RUN)

    needs = ("calendar", "delivered_at", "first_touch_at", "over_on")
    lineage: dict[str, tuple[str, ...]] = dict.fromkeys(RUN.names, needs)
    lineage |= {name: (name,) for name, _ in _ANSWERED}
    lineage["touch_hours"] = ("delivered_at", "first_touch_at")
    return Kernel("run", run, RUN, lineage)
