"""Enrichment exports: several vendors' words for the same facts, and their dirt."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_platform.policy.sources import Source
from mqa_platform.sources.enrichment import enrichment
from mqa_platform.sources.landed import SourceError

SOURCE = Source.model_validate({"connector": "enrichment", "path": "x"})
HEAD = "Domain,Company Name,Employee Range,Revenue Range,Industry,Technologies,Growth,Country,Updated At\n"
ACME = 'www.Acme.com,Acme Inc,"1,001 - 5,000",$10M-$50M,Software,"AWS, Snowflake | aws",12%,DE,2026-01-05\n'


def landed(write, content, name="e.csv"):
    found = enrichment(write(name, content), SOURCE)
    told = found.accepted + found.duplicates + sum(found.filtered.values()) + len(found.defects)
    assert told == found.rows
    return found, found.tables["landed_enrichment"].to_pylist()


def test_a_record_says_what_is_surely_true_of_the_company(write):
    _, (row,) = landed(write, HEAD + ACME)
    assert (row["domain"], row["company_name"], row["record_id"]) == (
        "acme.com", "Acme Inc", "domain:acme.com",
    )  # fmt: skip
    assert (row["employees"], row["revenue"], row["growth_pct"]) == (1001, 10e6, 12.0)
    assert (row["industry"], row["country"], row["technologies"]) == (
        "Software",
        "DE",
        "aws;snowflake",
    )
    assert row["modified_at"] == datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_marks_and_line_ends_change_nothing(write, end, mark):
    found, rows = landed(write, mark + (HEAD + ACME * 2).replace("\n", end).encode())
    assert (found.accepted, found.duplicates, len(rows)) == (1, 1, 1)


def test_json_lines_and_parquet_say_the_same_as_csv(write, tmp_path):
    fields = {
        "domain": "acme.com",
        "metrics": {"employees": 700},
        "as_of": "2026-01-05",
        "tech": ["AWS", "Go"],
    }
    _, (of_json,) = landed(write, json.dumps(fields) + "\n", "e.jsonl")
    table = pa.table(
        {"domain": ["acme.com"], "employees": [700], "tech": ["AWS;Go"],
         "as_of": [datetime(2026, 1, 5, tzinfo=UTC)]}
    )  # fmt: skip
    pq.write_table(table, tmp_path / "e.parquet")
    found = enrichment(tmp_path / "e.parquet", SOURCE)
    assert found.tables["landed_enrichment"].to_pylist() == [of_json]
    assert (of_json["employees"], of_json["technologies"]) == (700, "aws;go")


def test_an_exact_headcount_beats_the_band_beside_it(write):
    content = "domain,employee_range,employees,as_of\na.com,201-500,430,2026-01-05\nb.com,201-500,,2026-01-05\n"
    _, rows = landed(write, content)
    assert [(r["employees"], r["employees_max"]) for r in rows] == [(430, None), (201, 500)]


def test_a_file_without_a_date_column_is_as_of_the_day_in_its_name(write):
    _, (row,) = landed(write, "domain,employees\na.com,5\n", "clearbit-2026-02-03.csv")
    assert row["modified_at"] == datetime(2026, 2, 3, tzinfo=UTC)
    with pytest.raises(SourceError, match="as of when"):
        landed(write, "domain,employees\na.com,5\n", "clearbit.csv")


def test_a_record_can_be_found_by_name_or_crm_id_alone(write):
    content = "account_id,company,as_of\n0015,,2026-01-05\n,The Acme Corp.,2026-01-05\n"
    _, rows = landed(write, content)
    assert [r["record_id"] for r in rows] == ["account:0015", "name:acme"]


DIRT = [
    ("10-Feb", "acme.com", "2026-01-05", "bad_size"),
    ("many", "acme.com", "2026-01-05", "bad_size"),
    ("5", "not a domain", "2026-01-05", "bad_domain"),
    ("5", "", "2026-01-05", "missing_company"),
    ("5", "acme.com", "", "missing_timestamp"),
    ("5", "acme.com", "2026-02-30", "bad_timestamp"),
]


@pytest.mark.parametrize(("size", "domain", "day", "reason"), DIRT)
def test_a_record_that_cannot_be_believed_is_set_aside_and_the_others_land(
    write, size, domain, day, reason
):
    found, rows = landed(write, f"domain,size,as_of\n{domain},{size},{day}\nok.com,50,2026-01-05\n")
    assert (found.reasons(), [r["domain"] for r in rows]) == ({reason: 1}, ["ok.com"])


def test_a_file_that_names_no_company_is_refused(write):
    with pytest.raises(SourceError, match="domain or company or account_id"):
        landed(write, "colour,size\nred,5\n")
