"""Laws of windows and cursors: whatever the records and wherever a read is cut, none is lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.local_services import soql
from mqa_platform.sources.connection import BadCursorError
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.salesforce_rows import csv_table, instant, key
from mqa_platform.sources.salesforce_soql import (
    OVERLAP,
    Cursor,
    count,
    parse_cursor,
    question,
    shape,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
LEAD = shape(
    "Lead",
    {
        "fields": [
            {"name": "Name", "type": "string"},
            {"name": "Address", "type": "address"},
            {"name": "Id", "type": "id"},
            {"name": "SystemModstamp", "type": "datetime"},
        ]
    },
)
# Few moments and many records, so that most share theirs with others.
moments = st.integers(0, 4_000).map(lambda n: START + timedelta(milliseconds=n * 250))
identifiers = st.integers(0, 10**9).map(lambda n: f"00Q{n:012d}AAA")
records = st.dictionaries(identifiers, moments, max_size=40)


def row(identifier: str, moment: datetime) -> dict[str, Any]:
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
    return {"Id": identifier, "Name": "x", "SystemModstamp": stamp}


@given(records, st.integers(1, 7))
def test_pages_by_key_give_every_record_of_the_window_once_and_in_order(
    found: dict[str, datetime], size: int
) -> None:
    rows = [row(identifier, moment) for identifier, moment in found.items()]
    window = Cursor("Lead", START, START + timedelta(seconds=600))
    inside = [r for r in rows if (instant(r["SystemModstamp"]) or START) < window.until]
    read: list[dict[str, Any]] = []
    while page := soql.run(soql.parse(question(LEAD, window)), rows)[:size]:
        read += page
        text = Cursor(
            "Lead", window.since, window.until, key(page[-1], LEAD.stamp), pages=window.pages + 1
        ).text()
        window = parse_cursor("Lead", text)
    assert read == sorted(inside, key=lambda r: (r["SystemModstamp"], r["Id"]))


@given(moments, st.one_of(st.none(), moments), st.integers(0, 99))
def test_a_cursor_survives_the_ledger(since: datetime, until: datetime | None, pages: int) -> None:
    cursor = Cursor("Lead", since, until, pages=pages)
    assert parse_cursor("Lead", cursor.text()) == cursor
    with pytest.raises(BadCursorError):
        parse_cursor("Contact", cursor.text())


@given(st.text(max_size=60))
def test_whatever_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        parse_cursor("Lead", text)


@given(moments, moments)
def test_a_watermark_never_goes_back_and_overlaps(since: datetime, until: datetime) -> None:
    closed = Cursor("Lead", since, until, job="750000000000001AAA").closed()
    assert closed.since >= since
    assert closed.since <= max(since, until - OVERLAP)
    assert (closed.until, closed.after, closed.job) == (None, None, "")


def test_a_question_names_fields_and_never_compound_ones() -> None:
    window = Cursor("Lead", START, START + OVERLAP, (START, "00Q000000000001AAA"))
    assert question(LEAD, window) == (
        "SELECT Id, Name, SystemModstamp FROM Lead WHERE "
        "SystemModstamp >= 2026-01-01T00:00:00.000Z AND "
        "SystemModstamp < 2026-01-01T00:10:00.000Z AND "
        "(SystemModstamp > 2026-01-01T00:00:00.000Z OR Id > '00Q000000000001AAA') "
        "ORDER BY SystemModstamp, Id"
    )
    assert count(LEAD, Cursor("Lead", START, START + OVERLAP)).startswith(
        "SELECT COUNT() FROM Lead"
    )
    assert "ORDER BY" not in question(LEAD, window, ordered=False)


@pytest.mark.parametrize("name", ["Name FROM User", "a'b", "", "9x", "x" * 81, "Näme"])
def test_a_name_that_is_no_identifier_never_reaches_a_query(name: str) -> None:
    fields = [{"name": n, "type": "string"} for n in ("Id", "SystemModstamp", name)]
    with pytest.raises(SourceError):
        shape("Lead", {"fields": fields})
    with pytest.raises(SourceError):
        shape(name, {"fields": fields[:2]})


@given(
    st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"), min_size=1)), min_size=1)
)
def test_values_of_a_job_come_back_as_they_were(values: list[str | None]) -> None:
    import csv
    import io

    kept = [v if v is None else v.replace("\0", "") or None for v in values]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["Id", "Description"])
    writer.writerows([f"{n}", "" if v is None else v] for n, v in enumerate(kept))
    table = csv_table(text.getvalue().encode())
    assert table.to_pylist() == [{"Id": f"{n}", "Description": v} for n, v in enumerate(kept)]


def test_a_job_without_rows_gives_none() -> None:
    assert csv_table(b"").num_rows == 0
    assert csv_table(b'"Id","Name"\n').num_rows == 0
