from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

HEADER = "company_permalink,company_name,funding_round_type,funded_at,raised_amount_usd"


def _rounds(*rows: str, end: str = "\r") -> str:
    return end.join([HEADER, *rows]) + end


def test_a_round_is_a_trigger_of_a_company_known_by_name(write: Write, read: Read) -> None:
    content = _rounds("/company/acme,#Acme,series-a,2012-06-30,1750000")
    landed = read("crunchbase_rounds", write("r.csv.gz", content))
    (signal,) = landed.tables["landed_signals"].to_pylist()
    assert (signal["event"], signal["topic"]) == ("funding_round", "series-a")
    assert (signal["company_name"], signal["company_domain"]) == ("#Acme", None)
    assert signal["occurred_at"] == datetime(2012, 6, 30, tzinfo=UTC)


def test_a_round_listed_twice_counts_once_and_two_tranches_of_a_day_are_two(
    write: Write, read: Read
) -> None:
    row = "/company/acme,Acme,angel,2012-06-30,100"
    landed = read("crunchbase_rounds", write("r.csv", _rounds(row, row, row + "000")))
    assert (landed.rows, landed.accepted, landed.duplicates) == (3, 2, 1)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_bad_rounds_say_why_whatever_ends_a_line(write: Write, read: Read, end: str) -> None:
    content = _rounds(
        "/company/acme,Acme,angel,2012-06-30,",
        "/company/n-plusn,#NAME?,angel,2012-06-30,",
        ",Acme,angel,2012-06-30,",
        "/company/x,,angel,2012-06-30,",
        "/company/x,X,angel,1960-01-01,",
        "/company/x,X,angel,,",
        "/company/x,X",
        end=end,
    )
    landed = read("crunchbase_rounds", write("r.csv", content))
    assert landed.accepted == 1
    assert landed.reasons() == {
        "bad_timestamp": 1,
        "missing_id": 1,
        "missing_name": 1,
        "missing_timestamp": 1,
        "spreadsheet_error": 1,
        "wrong_column_count": 1,
    }


def test_companies_enrich_by_name_as_of_the_day_that_is_known(write: Write, read: Read) -> None:
    content = (
        "permalink,name,category_code,country_code\r"
        '/company/acme,"Acme, Inc",software,USA\r'
        '/company/acme,"Acme, Inc",software,USA\r'
        "/company/q,#REF!,web,USA\r"
    )
    landed = read("crunchbase_companies", write("c-2013-12-01.csv", content))
    (record,) = landed.tables["landed_enrichment"].to_pylist()
    assert (record["record_id"], record["company_name"]) == ("/company/acme", "Acme, Inc")
    assert (record["industry"], record["domain"]) == ("software", None)
    assert record["modified_at"] == datetime(2013, 12, 1, tzinfo=UTC)
    assert (landed.duplicates, landed.reasons()) == (1, {"spreadsheet_error": 1})


def test_a_table_of_something_else_is_refused(write: Write, read: Read) -> None:
    for connector in ("crunchbase_rounds", "crunchbase_companies"):
        with pytest.raises(SourceError, match="lacks the column"):
            read(connector, write("x.csv", "a,b\n1,2\n"))


def _raw(path: Path) -> list[list[str]]:
    text = gzip.decompress(path.read_bytes()).decode("latin-1")
    return list(csv.reader(io.StringIO(text, newline="")))[1:]


def test_the_real_rounds_reconcile(shared_data: Path, read: Read) -> None:
    path = shared_data / "companies" / "crunchbase2013_rounds.csv.gz"
    raw = _raw(path)
    seen = Counter(tuple(row) for row in raw)
    landed = read("crunchbase_rounds", path)
    assert landed.rows == len(raw)
    assert landed.duplicates == sum(seen.values()) - len(seen) == 63
    assert landed.reasons() == {
        "bad_timestamp": sum(row[8] < "1970-01-02" for row in raw),
        "spreadsheet_error": sum(row[1] == "#NAME?" for row in raw),
    }
    assert landed.tables["landed_signals"].num_rows == len(raw) - 63 - 7


def test_the_real_companies_reconcile(shared_data: Path, read: Read) -> None:
    path = shared_data / "companies" / "crunchbase2013_companies.csv.gz"
    raw = _raw(path)
    landed = read("crunchbase_companies", path)
    assert (landed.rows, landed.duplicates) == (len(raw), 0)
    assert landed.reasons() == {"spreadsheet_error": sum(row[1] == "#NAME?" for row in raw)}
    assert landed.accepted == len(raw) - 1
