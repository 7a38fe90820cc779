from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

HEADER = "year,rank,name,sector,industry,hqcity,hqstate,website,employees,revenues_musd,ticker\n"


def test_a_listed_company_is_a_target_with_firmographics(write: Write, read: Read) -> None:
    content = HEADER + "2015,1,Walmart,Retailing,GM,B,AR,http://www.walmart.com,2200000,485651,W\n"
    landed = read("fortune_accounts", write("a.csv", content))
    (row,) = landed.tables["landed_accounts"].to_pylist()
    assert row["account_id"] == row["domain"] == "walmart.com"
    assert row["modified_at"] == datetime(2015, 1, 1, tzinfo=UTC)
    assert (row["employees"], row["revenue"]) == (2_200_000, 485_651e6)
    assert (row["industry"], row["country"]) == ("Retailing", "United States")
    assert (row["is_target"], row["account_type"]) == (True, "prospect")


def test_a_company_without_website_cannot_be_an_account(write: Write, read: Read) -> None:
    content = HEADER + "2015,1,Acme,S,I,B,AR,,10,1,\nlast year,1,Acme,S,I,B,AR,acme.com,10,1,\n"
    landed = read("fortune_accounts", write("a.csv", content))
    assert landed.reasons() == {"bad_timestamp": 1, "missing_domain": 1}


def test_the_real_list_is_read_whole(shared_data: Path, read: Read) -> None:
    landed = read("fortune_accounts", shared_data / "companies" / "fortune500.csv")
    years = landed.tables["landed_accounts"]["modified_at"].to_pylist()
    assert (landed.rows, landed.accepted) == (1_000, 1_000)
    assert {year.year for year in years} == {2015, 2018}


def _affiliations(*companies: object) -> str:
    return json.dumps({"users": [], "companies": list(companies)})


def test_an_affiliation_is_an_account_under_its_name(write: Write, read: Read) -> None:
    content = _affiliations(
        {
            "company_name": "Red Hat, Inc.",
            "domains": ["redhat.com", "www.redhat.com", "qumranet.com"],
        },
        {"company_name": "Red-Hat", "domains": [""]},
        {"company_name": "*independent", "domains": [""]},
        {"company_name": " "},
        "Acme",
    )
    landed = read("affiliation_accounts", write("a.json", content))
    first, second = landed.tables["landed_accounts"].to_pylist()
    assert (first["account_id"], second["account_id"]) == ("org:red-hat", "org:red-hat-2")
    assert (first["domain"], first["aliases"]) == ("redhat.com", "qumranet.com")
    assert (second["domain"], second["aliases"]) == (None, None)
    assert landed.reasons() == {"bad_json": 1, "missing_name": 1, "not_a_company": 1}


@pytest.mark.parametrize("content", ["{broken", "[1]", '{"users": []}'])
def test_another_document_is_refused(write: Write, read: Read, content: str) -> None:
    with pytest.raises(SourceError):
        read("affiliation_accounts", write("a.json", content))


def test_no_companies_are_no_rows(write: Write, read: Read) -> None:
    assert read("affiliation_accounts", write("a.json", "")).rows == 0
    assert read("affiliation_accounts", write("b.json", _affiliations())).rows == 0


def test_the_real_affiliations_are_read_but_for_the_independents(
    shared_data: Path, read: Read
) -> None:
    landed = read("affiliation_accounts", shared_data / "identity" / "openstack_affiliations.json")
    ids = landed.tables["landed_accounts"]["account_id"].to_pylist()
    assert (landed.rows, landed.accepted) == (533, 532)
    assert landed.reasons() == {"not_a_company": 1}
    assert len(set(ids)) == 532
