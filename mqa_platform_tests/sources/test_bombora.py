from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

ROW = 'Acme Inc,www.acme.com,L,Software,crm,lead scoring,75,"boston, ma[75]|[77]",United States\n'


def test_a_surge_happens_on_the_day_in_the_name_and_is_known_six_hours_later(
    write: Write, read: Read
) -> None:
    landed = read("bombora_surge", write("surge-2025-07-07.csv", ROW))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert signal["occurred_at"] == datetime(2025, 7, 7, tzinfo=UTC)
    assert signal["received_at"] == datetime(2025, 7, 7, 6, tzinfo=UTC)
    assert (signal["event"], signal["topic"]) == ("intent", "lead scoring")
    assert (signal["company_domain"], signal["intent_score"]) == ("acme.com", 75.0)


def test_the_week_is_needed_from_somewhere(write: Write, read: Read) -> None:
    path = write("export.csv", ROW)
    with pytest.raises(SourceError, match="which week"):
        read("bombora_surge", path)
    landed = read("bombora_surge", path, week=date(2015, 7, 19))
    assert landed.tables["landed_signals"]["event_date"].to_pylist() == [date(2015, 7, 19)]


def test_the_same_score_a_week_later_is_another_event_and_a_redelivery_is_not(
    write: Write, read: Read
) -> None:
    def ids(name: str) -> list[str]:
        landed = read("bombora_surge", write(name, ROW + ROW.replace("scoring", "routing")))
        return list(landed.tables["landed_signals"]["event_id"].to_pylist())

    first, again, later = (
        ids("surge-2025-07-07.csv"),
        ids("x-2025-07-07.csv"),
        ids("x-2025-07-14.csv"),
    )
    assert len(set(first)) == 2
    assert first == again
    assert not set(first) & set(later)


def test_a_row_written_twice_is_one_surge(write: Write, read: Read) -> None:
    elsewhere = ROW.replace("boston, ma[75]", "austin, tx[75]")
    landed = read("bombora_surge", write("surge-2025-07-07.csv", ROW + ROW + elsewhere))
    assert (landed.rows, landed.accepted, landed.duplicates) == (3, 1, 2)


def test_a_second_score_for_the_same_week_is_a_conflict_of_one_event(
    write: Write, read: Read
) -> None:
    other = ROW.replace(",75,", ",80,")
    landed = read("bombora_surge", write("surge-2025-07-07.csv", ROW + other))
    signals = landed.tables["landed_signals"]
    assert landed.accepted == 2
    assert len(set(signals["event_id"].to_pylist())) == 1
    assert len(set(signals["payload_hash"].to_pylist())) == 2


def test_the_order_of_rows_and_of_named_columns_changes_no_event(write: Write, read: Read) -> None:
    erp = ROW.replace("lead scoring", "erp")
    plain = read("bombora_surge", write("surge-2025-07-07.csv", ROW + erp))
    turned = read("bombora_surge", write("t-2025-07-07.csv", erp + ROW))
    named = "Topic,Domain,Composite Score,Company Name\n"
    named += "erp,www.acme.com,75,Acme Inc\nlead scoring,www.acme.com,75,Acme Inc\n"
    other = read("bombora_surge", write("n-2025-07-07.csv", named))
    ids = [
        sorted(
            zip(
                landed.tables["landed_signals"]["event_id"].to_pylist(),
                landed.tables["landed_signals"]["payload_hash"].to_pylist(),
                strict=True,
            )
        )
        for landed in (plain, turned, other)
    ]
    assert ids[0] == ids[1] == ids[2]


def test_bad_rows_say_why_and_a_header_is_no_row(write: Write, read: Read) -> None:
    header = "Company Name,Domain,Size,Industry,Category,Topic,Composite Score,Metro,Country\n"
    content = (
        header
        + ROW
        + ",,L,S,c,t,75,,\n"
        + ",triton,L,S,c,t,75,,\n"
        + ",a.com,L,S,c,t,high,,\n"
        + ",a.com,L,S,c,t,101,,\n"
        + ",a.com,L,S\n"
    )
    landed = read("bombora_surge", write("surge-2025-07-07.csv", content))
    assert (landed.rows, landed.accepted) == (6, 1)
    assert landed.reasons() == {
        "bad_domain": 1,
        "bad_score": 2,
        "missing_domain": 1,
        "wrong_column_count": 1,
    }


def test_the_layout_with_a_row_a_metro_is_refused(write: Write, read: Read) -> None:
    adat = "Acme,acme.com,L,Software,crm,scoring,75,B,boston,75,B,United States\n"
    with pytest.raises(SourceError, match="bombora_adat"):
        read("bombora_surge", write("surge-2025-07-07.csv", adat))
    assert read("bombora_surge", write("surge-2025-07-14.csv", "")).rows == 0


def test_the_real_surge_file_is_read_whole(shared_data: Path, read: Read) -> None:
    path = shared_data / "intent" / "bombora_master_surge.csv"
    landed = read("bombora_surge", path, week=date(2015, 7, 19))
    signals = landed.tables["landed_signals"]
    assert (landed.rows, landed.accepted) == (10_000, 10_000)
    assert len(set(signals["event_id"].to_pylist())) == 10_000
    assert sum(score <= 50 for score in signals["intent_score"].to_pylist()) == 3_986
    assert signals["company_name"].null_count == 6_461
