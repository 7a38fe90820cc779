"""Intent of any vendor: scores, z-scores and counts end on one scale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.sources.intent_scale import AVERAGE, MOST, SURGING, from_counts, from_zscore
from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]
MONDAY = date(2025, 6, 2)


def scores(landed: Landed) -> list[float]:
    rows = landed.tables["landed_signals"].to_pylist()
    return [round(r["intent_score"], 6) for r in sorted(rows, key=lambda r: r["occurred_at"])]


def weekly(*counts: int, extra: str = "") -> str:
    lines = [f"acme.com,crm,{MONDAY + timedelta(weeks=i)},{n}" for i, n in enumerate(counts)]
    return "domain,topic,week,count\n" + "\n".join(lines) + "\n" + extra


def test_each_record_takes_its_score_else_its_z_score_else_its_count(
    write: Write, read: Read
) -> None:
    content = (
        "domain,topic,date,score,z_score,count,baseline\n"
        "acme.com,crm,2025-07-01,72,4,90,1\n"
        "acme.com,crm,2025-07-02,,1,90,1\n"
        "acme.com,crm,2025-07-03,,,16,8\n"
    )
    # 16 beside a usual 8 is (16 − 8) ÷ √9 deviations.
    assert scores(read("intent_feed", write("i.csv", content))) == [72, 60, 76.666667]


def test_a_count_is_held_against_the_companys_own_weeks_before(write: Write, read: Read) -> None:
    landed = read("intent_feed", write("i.csv", weekly(8, 8, 8, 8, 8, 17)))
    assert landed.filtered == {"no_baseline": 4}
    assert scores(landed) == [AVERAGE, 80]
    loud = read("intent_feed", write("l.csv", weekly(80, 80, 80, 80, 80, 89)))
    assert scores(loud)[-1] == 60


def test_one_reader_more_is_no_surge(write: Write, read: Read) -> None:
    assert scores(read("intent_feed", write("i.csv", weekly(0, 1, 0, 1, 4)))) == [AVERAGE]


def test_a_company_that_was_never_listed_before_has_a_baseline_of_none(
    write: Write, read: Read
) -> None:
    extra = f"new.com,crm,{MONDAY + timedelta(weeks=5)},6\n"
    landed = read("intent_feed", write("i.csv", weekly(8, 8, 8, 8, 8, 8, extra=extra)))
    rows = landed.tables["landed_signals"].to_pylist()
    assert [r["intent_score"] for r in rows if r["company_domain"] == "new.com"] == [MOST]


def test_what_cannot_be_read_says_why(write: Write, read: Read) -> None:
    content = (
        "domain,topic,date,score\nacme.com,crm,2025-07-01,101\nacme.com,,2025-07-01,60\n"
        "acme.com,crm,yesterday,60\n,crm,2025-07-01,60\nacme.com,crm,2025-07-01,\n"
    )
    landed = read("intent_feed", write("i.csv", content))
    assert landed.accepted == 0
    assert landed.reasons() == {
        "bad_score": 2, "missing_topic": 1, "bad_timestamp": 1, "missing_company": 1,
    }  # fmt: skip
    with pytest.raises(SourceError, match="score or zscore or count"):
        read("intent_feed", write("n.csv", "domain,topic,date\nacme.com,crm,2025-07-01\n"))


@given(st.floats(-10, 10), st.floats(0, 5))
def test_more_deviations_are_never_less_intent(z: float, more: float) -> None:
    low, high = from_zscore(pa.array([z, z + more])).to_pylist()
    assert 0 <= low <= high <= MOST
    assert (low >= SURGING) == (z >= 1) or abs(z - 1) < 1e-9


@given(st.integers(0, 500), st.floats(0, 300))
def test_a_usual_week_is_average_and_small_counts_never_surge(count: int, mean: float) -> None:
    (found,) = from_counts(pa.array([count]), pa.array([mean])).to_pylist()
    assert (found <= AVERAGE) if count <= mean or count < 5 else (found > AVERAGE)
