"""reps.csv, absences.csv and orders to reassign land with every row told: accepted, or a defect with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.registry import read

Write = Callable[[str, str | bytes], Path]
ORDER = {
    "reassignment_id": "r1", "from_rep": "005A", "to_rep": "005B", "starts_on": "2025-07-02",
    "reason": "left", "by": "ann", "at": "2025-07-02T10:00:00Z",
}  # fmt: skip


def landed(write: Write, connector: Any, text: str, name: str = "reps.csv") -> Landed:
    return read("feed", Source(connector=connector, path="x"), write(name, text))


def rows(found: Landed, table: str) -> list[dict[str, Any]]:
    return found.tables[table].to_pylist()


def test_a_rep_lands_with_what_the_file_says_and_nothing_else(write: Write) -> None:
    head = "Rep ID,Valid From,Capacity,Weight,Regions,Time Zone,Workdays,Team"
    found = landed(
        write,
        "rep_capacity",
        f"{head}\n005A,2025-07-01,8,0.5,DE;FR,Europe/Berlin,mon;tue,East\n005B,,,,,,,\n",
    )
    one, other = rows(found, "landed_rep_capacity")
    assert (one["capacity_per_week"], one["weight"], one["regions"]) == (8, 0.5, "DE;FR")
    assert (one["valid_from"], one["workdays"], one["team"]) == (
        date(2025, 7, 1),
        "mon;tue",
        "East",
    )
    assert {other[c] for c in ("valid_from", "capacity_per_week", "weight", "time_zone")} == {None}


def test_an_odd_calendar_costs_nobody_his_row(write: Write) -> None:
    text = "rep_id,time_zone,workday_starts,workdays\n005A,Mars/Olympus,25:99,sometimes\n"
    (row,) = rows(landed(write, "rep_capacity", text), "landed_rep_capacity")
    assert (row["time_zone"], row["workday_starts"]) == ("Mars/Olympus", "25:99")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",8,1,,", "missing_rep"),
        ("005A,twelve,1,,", "bad_number"),
        ("005A,2.5,1,,", "bad_number"),
        ("005A,-1,1,,", "negative_number"),
        ("005A,8,-0.5,,", "negative_number"),
        ("005A,8,1,500,100", "band_without_sizes"),
    ],
)
def test_a_rep_whose_numbers_make_no_sense_is_set_aside_with_the_reason(
    write: Write, row: str, reason: str
) -> None:
    head = "rep_id,capacity_per_week,weight,employees_min,employees_max"
    found = landed(write, "rep_capacity", f"{head}\n{row}\n005B,8,1,,\n")
    assert (found.rows, found.accepted, found.reasons()) == (2, 1, {reason: 1})


def test_the_day_in_the_name_dates_rows_that_have_no_day(write: Write) -> None:
    found = landed(write, "rep_capacity", "rep_id\n005A\n", "reps-2025-08-01.csv")
    (row,) = rows(found, "landed_rep_capacity")
    assert row["modified_at"].date() == date(2025, 8, 1)


def test_a_file_without_reps_is_refused_with_the_remedy(write: Write) -> None:
    with pytest.raises(SourceError, match="no column for rep_id"):
        landed(write, "rep_capacity", "capacity\n8\n")
    with pytest.raises(SourceError, match="no column for starts_on"):
        landed(write, "absences", "rep_id,ends_on\n005A,2025-07-01\n")


def test_an_absence_ends_on_the_first_day_back_however_the_file_says_it(write: Write) -> None:
    back = landed(write, "absences", "rep_id,starts_on,ends_on\n005A,2025-07-01,2025-07-08\n")
    last = landed(
        write,
        "absences",
        "rep_id,start_date,end_date,type\n005A,2025-07-01,2025-07-07,Annual Leave\n",
    )
    open_end = landed(write, "absences", "rep_id,starts_on\n005A,2025-07-01\n")
    ends = [rows(f, "landed_absences")[0]["ends_on"] for f in (back, last, open_end)]
    assert ends == [date(2025, 7, 8), date(2025, 7, 8), None]
    assert rows(last, "landed_absences")[0]["kind"] == "annual_leave"
    assert rows(back, "landed_absences")[0]["kind"] == "away"


def test_an_absence_told_again_with_another_end_has_the_same_id(write: Write) -> None:
    text = "rep_id,starts_on,ends_on\n005A,2025-07-01,{}\n"
    first, second = (
        rows(landed(write, "absences", text.format(end)), "landed_absences")[0]["absence_id"]
        for end in ("2025-07-08", "2025-07-15")
    )
    assert first == second


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2025-07-01,2025-07-02,", "missing_rep"),
        ("005A,,2025-07-02,", "missing_date"),
        ("005A,soon,2025-07-02,", "bad_timestamp"),
        ("005A,2025-07-02,2025-07-02,", "ends_before_it_starts"),
        ("005A,2025-07-01,2025-07-02,005A", "covers_for_himself"),
    ],
)
def test_an_absence_that_makes_no_sense_is_set_aside(write: Write, row: str, reason: str) -> None:
    found = landed(write, "absences", f"rep_id,starts_on,ends_on,cover\n{row}\n")
    assert (found.accepted, found.reasons()) == (0, {reason: 1})


def test_an_order_lands_as_it_was_entered(write: Write) -> None:
    (row,) = rows(landed(write, "reassignments", json.dumps(ORDER)), "landed_reassignments")
    assert (row["from_rep"], row["to_rep"], row["handoff_id"]) == ("005A", "005B", None)
    assert (row["starts_on"], row["ends_on"]) == (date(2025, 7, 2), None)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"from_rep": ""}, "missing_rep"),
        ({"to_rep": "005A"}, "moves_to_the_same_rep"),
        ({"reason": " "}, "missing_reason"),
        ({"at": ""}, "missing_timestamp"),
        ({"starts_on": "monday"}, "bad_timestamp"),
        ({"ends_on": "2025-07-02"}, "ends_before_it_starts"),
    ],
)
def test_an_order_that_makes_no_sense_is_set_aside(
    write: Write, changed: dict[str, str], reason: str
) -> None:
    found = landed(write, "reassignments", json.dumps(ORDER | changed))
    assert (found.accepted, found.reasons()) == (0, {reason: 1})
