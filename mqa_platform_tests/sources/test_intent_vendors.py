from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_platform.sources.intent_scale import (
    AVERAGE,
    MOST,
    SURGING,
    from_demandbase,
    from_sixsense,
    from_zoominfo,
)
from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

SCORES = "domain,product,buying_stage,intent_score,profile_fit,is_6_qa\n"
COMPANIES = "domain,name,employee_range,revenue_range,naics,confidence,is_blacklisted\n"
DEMANDBASE = {
    "companyId": 42,
    "domain": "www.acme.com",
    "keyword": "lead scoring",
    "numPeopleResearching": 3,
    "intentStrength": "HIGH",
    "isTrending": False,
    "trendingScore": 11,
    "numTrendingDays": 2,
    "startDate": "2025-06-30",
    "endDate": "2025-07-06",
}
ZOOMINFO = {
    "companyId": 7,
    "companyName": "Acme",
    "companyWebsite": "www.acme.com",
    "category": "Sales",
    "topic": "Lead Scoring",
    "signalScore": 85,
    "audienceStrength": "B",
    "signalDate": "2025-07-06",
}


def test_the_score_of_a_6sense_account_is_a_surge_from_the_decision_stage_on(
    write: Write, read: Read
) -> None:
    rows = "acme.com,Analytics,Decision,70,Strong,false\nacme.com,Ads,Target,5,Weak,false\n"
    landed = read("sixsense_scores", write("scores-2025-07-07.csv", SCORES + rows))
    first, second = landed.tables["landed_signals"].to_pylist()
    assert (first["topic"], first["intent_score"]) == ("Analytics: Decision", SURGING)
    assert (second["topic"], second["intent_score"]) == ("Ads: Target", AVERAGE)
    assert {first["event"], second["event"]} == {"intent"}
    assert first["company_domain"] == "acme.com"
    assert first["event_date"] == date(2025, 7, 7)


def test_what_6sense_qualifies_is_surging_and_a_stage_stands_in_for_a_score(
    write: Write, read: Read
) -> None:
    rows = "a.com,X,Target,1,,True\nb.com,X,Purchase,,,\nc.com,X,,100,,\n"
    landed = read("sixsense_scores", write("s.csv", SCORES + rows), week=date(2025, 7, 7))
    assert landed.tables["landed_signals"]["intent_score"].to_pylist() == [60.0, 80.0, 100.0]


def test_scores_without_a_day_are_refused_and_loaders_columns_are_known(
    write: Write, read: Read
) -> None:
    with pytest.raises(SourceError, match="which week"):
        read("sixsense_scores", write("s.csv", SCORES + "a.com,X,Target,1,,\n"))
    rows = (
        "_fivetran_id,_fivetran_synced,company_domain,buying_stage,intent_score,is_6_qa,product\n"
        "f1,2025-07-07 03:00:00 UTC,acme.com,Decision,72,TRUE,X\n"
    )
    (signal,) = read("sixsense_scores", write("t.csv", rows)).tables["landed_signals"].to_pylist()
    assert signal["occurred_at"] == datetime(2025, 7, 7, 3, tzinfo=UTC)


def test_bad_6sense_scores_say_why(write: Write, read: Read) -> None:
    rows = (
        "a.com,X,Decision,71,,\n"
        "a.com,X,Decision,71,,\n"
        ",X,Decision,71,,\n"
        "triton,X,Decision,71,,\n"
        "b.com,X,Decision,101,,\n"
        "c.com,X,Decision,high,,\n"
        "d.com,X,Dreaming,71,,\n"
        "e.com,X,,,,\n"
        "f.com,X,Decision,71,,maybe\n"
        "g.com,X\n"
    )
    landed = read("sixsense_scores", write("s-2025-07-07.csv", SCORES + rows))
    assert (landed.accepted, landed.duplicates) == (1, 1)
    assert landed.reasons() == {
        "bad_boolean": 1,
        "bad_domain": 1,
        "bad_score": 3,
        "missing_domain": 1,
        "unknown_stage": 1,
        "wrong_column_count": 1,
    }


def test_6sense_companies_enrich_by_domain_and_a_range_is_its_lower_bound(
    write: Write, read: Read
) -> None:
    rows = (
        'acme.com,Acme,"1,000 - 4,999",$10M - $50M,511210,High,false\n'
        "big.com,Big,10000+,$1B+,,Low,\n"
        "no.com,No,1 - 19,,,High,true\n"
        "acme.com,Acme,many,,,High,false\n"
        "bad,Bad,,,,High,false\n"
    )
    landed = read("sixsense_companies", write("companies-2025-07-07.csv", COMPANIES + rows))
    acme, big = landed.tables["landed_enrichment"].to_pylist()
    assert (acme["employees"], acme["revenue"]) == (1_000, 10_000_000.0)
    assert (acme["employees_max"], acme["revenue_max"]) == (4_999, 50_000_000.0)
    assert (big["employees_max"], big["revenue_max"]) == (2**53, 2.0**53)
    assert (acme["industry"], acme["company_name"]) == ("Information", "Acme")
    assert acme["modified_at"] == datetime(2025, 7, 7, tzinfo=UTC)
    assert (big["employees"], big["revenue"]) == (10_000, 1e9)
    assert landed.filtered == {"blacklisted": 1}
    assert landed.reasons() == {"bad_band": 1, "bad_domain": 1}


def test_companies_without_a_date_have_always_been_so(write: Write, read: Read) -> None:
    landed = read("sixsense_companies", write("c.csv", COMPANIES + "a.com,A,,,,,\na.com,A,,,,,\n"))
    (record,) = landed.tables["landed_enrichment"].to_pylist()
    assert record["modified_at"].year == 1970
    assert landed.duplicates == 1


@pytest.mark.parametrize("form", ["json", "lines", "csv", "parquet"])
def test_demandbase_lands_from_any_form_on_the_last_day_of_its_period(
    write: Write, read: Read, form: str, tmp_path: Path
) -> None:
    if form == "parquet":
        path = tmp_path / "d.parquet"
        pq.write_table(pa.Table.from_pylist([DEMANDBASE]), path)
    elif form == "csv":
        values = ",".join(str(value) for value in DEMANDBASE.values())
        path = write("d.csv", "\ufeff" + ",".join(DEMANDBASE) + "\r\n" + values + "\r\n")
    else:
        path = write("d.json", json.dumps([DEMANDBASE] if form == "json" else DEMANDBASE))
    (signal,) = read("demandbase_intent", path).tables["landed_signals"].to_pylist()
    assert (signal["topic"], signal["intent_score"]) == ("lead scoring", 80.0)
    assert signal["company_domain"] == "acme.com"
    assert signal["occurred_at"] == datetime(2025, 7, 6, tzinfo=UTC)
    assert signal["received_at"] == datetime(2025, 7, 7, tzinfo=UTC)


def test_bad_demandbase_records_say_why(write: Write, read: Read) -> None:
    def changed(**changes: object) -> dict[str, object]:
        return {**DEMANDBASE, **changes}

    records = [
        DEMANDBASE,
        DEMANDBASE,
        changed(keyword=None),
        changed(domain="triton"),
        changed(domain=None),
        changed(intentStrength="EXTREME"),
        changed(intentStrength=None),
        changed(endDate="31/31/2025"),
        changed(endDate=None),
        changed(startDate="2025-08-01"),
        changed(isTrending="perhaps"),
    ]
    content = "\n".join(json.dumps(record) for record in records) + "\n{broken\n"
    landed = read("demandbase_intent", write("d.jsonl", content))
    assert (landed.rows, landed.accepted, landed.duplicates) == (12, 1, 1)
    assert landed.reasons() == {
        "bad_boolean": 1,
        "bad_domain": 1,
        "bad_json": 1,
        "bad_period": 1,
        "bad_score": 1,
        "bad_timestamp": 1,
        "missing_company": 1,
        "missing_timestamp": 1,
        "missing_topic": 1,
        "unknown_strength": 1,
    }


def test_a_company_without_a_domain_is_known_by_name(write: Write, read: Read) -> None:
    record = {**DEMANDBASE, "domain": "", "companyName": "Acme Inc"}
    (signal,) = (
        read("demandbase_intent", write("d.json", json.dumps(record)))
        .tables["landed_signals"]
        .to_pylist()
    )
    assert (signal["company_name"], signal["company_domain"]) == ("Acme Inc", None)


def test_zoominfo_lands_as_exported_and_as_the_service_answers(write: Write, read: Read) -> None:
    export = (
        "Company Name,Website,ZoomInfo Company ID,Topic Category,Topic,Signal Score,Signal Date\n"
        "Acme,www.acme.com,7,Sales,Lead Scoring,85,2025-07-06\n"
    )
    inner = {key: ZOOMINFO[key] for key in ("topic", "signalScore", "signalDate")}
    company = {"id": 7, "name": "Acme", "website": "www.acme.com"}
    answer = {"data": [{"id": "9", "type": "Intent", "attributes": {**inner, "company": company}}]}
    landed = [
        read("zoominfo_intent", write("z.csv", export)),
        read("zoominfo_intent", write("z.json", json.dumps([ZOOMINFO]))),
        read("zoominfo_intent", write("y.json", json.dumps(answer))),
        read("zoominfo_intent", write("x.json", json.dumps({**inner, "company": company}))),
    ]
    (signal,) = landed[0].tables["landed_signals"].to_pylist()
    assert (signal["topic"], signal["intent_score"]) == ("Lead Scoring", 85.0)
    assert signal["occurred_at"] == datetime(2025, 7, 6, tzinfo=UTC)
    for other in landed[1:]:
        (same,) = other.tables["landed_signals"].to_pylist()
        for column in ("event_id", "payload_hash", "company_domain"):
            assert same[column] == signal[column]


def test_bad_zoominfo_records_say_why(write: Write, read: Read) -> None:
    records = [
        {**ZOOMINFO, **changes}
        for changes in (
            {},
            {"topic": ""},
            {"signalScore": 850},
            {"signalScore": "n/a"},
            {"signalScore": None},
            {"signalDate": "soon"},
            {"signalDate": None},
            {"companyWebsite": None, "companyName": None},
        )
    ]
    landed = read("zoominfo_intent", write("z.json", json.dumps(records)))
    assert landed.accepted == 1
    assert landed.reasons() == {
        "bad_score": 3,
        "bad_timestamp": 1,
        "missing_company": 1,
        "missing_timestamp": 1,
        "missing_topic": 1,
    }


@pytest.mark.parametrize("connector", ["sixsense_scores", "demandbase_intent", "zoominfo_intent"])
def test_a_file_of_something_else_is_refused(write: Write, read: Read, connector: str) -> None:
    with pytest.raises(SourceError, match="lacks the column"):
        read(connector, write("x-2025-07-07.csv", "a,b\n1,2\n"))


def _one(values: list[float | None]) -> pa.Array:
    return pa.array(values, pa.float64())


@given(st.floats(0, 100), st.floats(0, 100))
def test_a_higher_score_of_a_vendor_is_never_lower_on_our_scale(a: float, b: float) -> None:
    low, high = sorted((a, b))
    nothing = pa.array([None, None], pa.string())
    no = pa.array([False, False])
    scales = [from_sixsense(_one([low, high]), nothing, no), from_zoominfo(_one([low, high]))]
    for scaled in scales:
        first, second = scaled.to_pylist()
        assert first <= second <= MOST
    assert scales[0][0].as_py() >= AVERAGE


def test_trending_at_demandbase_is_a_surge_whatever_the_strength() -> None:
    strengths = pa.array(["low", "medium", "high", "odd", None])
    still = from_demandbase(strengths, pa.array([False] * 5)).to_pylist()
    rising = from_demandbase(strengths, pa.array([True] * 5)).to_pylist()
    assert still == [AVERAGE, SURGING, 80.0, None, None]
    assert rising == [SURGING, 70.0, 90.0, None, None]
