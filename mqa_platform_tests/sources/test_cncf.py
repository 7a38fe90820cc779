from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqa_platform.sources.landed import Landed, SourceError

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]

COLUMNS = (
    "crunchbase",
    "name",
    "homepage",
    "country",
    "num_employees_min",
    "num_employees_max",
    "parents",
    "acquisitions",
)


def _org(key: str, name: str, homepage: str = "", **more: Any) -> list[str]:
    given = {
        "crunchbase": key,
        "name": name,
        "homepage": homepage,
        "country": "Germany",
        "num_employees_min": "11",
        "num_employees_max": "50",
        "parents": json.dumps(more.pop("parents", [])),
        "acquisitions": json.dumps(more.pop("acquisitions", [])),
        **more,
    }
    return [given[column] for column in COLUMNS]


@pytest.fixture
def listed(write: Write, read: Read) -> Callable[..., list[dict[str, Any]]]:
    def _listed(*rows: list[str]) -> list[dict[str, Any]]:
        path = write("orgs-2020-09-01.csv", "")
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([list(COLUMNS), *rows])
        return list(read("cncf_companies", path).tables["landed_enrichment"].to_pylist())

    return _listed


Listed = Callable[..., list[dict[str, Any]]]


def test_a_headcount_band_is_its_lower_bound_and_an_open_one_has_no_upper(listed: Listed) -> None:
    band, open_band, none = listed(
        _org("a", "A", "https://a.com"),
        _org("b", "B", "https://b.com", num_employees_min="10001", num_employees_max="1000000"),
        _org("c", "C", "https://c.com", num_employees_min="", num_employees_max=""),
    )
    assert [r["employees"] for r in (band, open_band, none)] == [11, 10_001, None]
    assert [r["employees_max"] for r in (band, open_band, none)] == [50, 1_000_000, None]
    assert band["modified_at"].date().isoformat() == "2020-09-01"
    assert (band["domain"], band["country"]) == ("a.com", "Germany")


def test_a_child_with_its_parents_homepage_keeps_its_name_and_claims_no_domain(
    listed: Listed,
) -> None:
    child, parent, guest = listed(
        _org("child", "Child", "https://www.acme.com", parents=["parent"]),
        _org("parent", "Acme", "https://acme.com/"),
        _org("guest", "Guest", "https://acme.com/guest"),
    )
    assert (parent["domain"], parent["parent_domain"]) == ("acme.com", None)
    assert (child["company_name"], child["domain"]) == ("Child", None)
    assert child["parent_domain"] == "acme.com"
    # Nobody says that the guest is Acme's.
    assert (guest["domain"], guest["parent_domain"]) == (None, None)


def test_a_child_with_a_domain_of_its_own_names_its_parents(listed: Listed) -> None:
    child, _ = listed(
        _org("child", "Child", "https://child.io", parents=["elsewhere", "parent", "child"]),
        _org("parent", "Acme", "https://acme.com"),
    )
    assert (child["domain"], child["parent_domain"]) == ("child.io", "acme.com")


def test_a_company_bought_is_a_child_from_the_day_of_the_purchase(listed: Listed) -> None:
    bought = [
        {"date": "2015-10-16", "acquiree": "Ansible", "price": 150},
        {"date": "2018-01-30", "acquiree": "Child Inc."},
        {"acquiree": "Undated"},
    ]
    records = listed(
        _org("parent", "Acme", "https://acme.com", acquisitions=bought),
        _org("child", "Child", "https://child.io"),
    )
    ansible, child = records[2:]
    assert (ansible["company_name"], ansible["domain"]) == ("Ansible", None)
    assert ansible["modified_at"].date().isoformat() == "2015-10-16"
    assert (child["record_id"], child["domain"]) == ("child", "child.io")
    assert child["employees"] == 11
    assert {ansible["parent_domain"], child["parent_domain"]} == {"acme.com"}


def test_bad_organisations_say_why(write: Write, read: Read) -> None:
    path = write("orgs.csv", "")
    rows = [
        _org("a", "A", "https://a.com"),
        _org("a", "A", "https://a.com"),
        _org("", "B"),
        _org("c", ""),
        _org("d", "D", "localhost"),
        _org("e", "E", num_employees_min="many"),
        _org("f", "F")[:-1] + ["{torn"],
        _org("g", "G")[:-1] + ["null"],
    ]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([list(COLUMNS), *rows])
    landed = read("cncf_companies", path)
    assert (landed.rows, landed.accepted, landed.duplicates) == (8, 2, 1)
    assert landed.reasons() == {
        "bad_domain": 1,
        "bad_json": 1,
        "bad_number": 1,
        "missing_id": 1,
        "missing_name": 1,
    }
    with pytest.raises(SourceError, match="lacks the column crunchbase"):
        read("cncf_companies", write("x.csv", "name,homepage\nA,a.com\n"))


def test_the_real_list_reconciles_and_no_domain_has_two_owners(
    shared_data: Path, read: Read
) -> None:
    path = shared_data / "companies" / "cncf_orgs_2020.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        raw = list(csv.DictReader(file))
    landed = read("cncf_companies", path)
    assert (landed.rows, landed.accepted) == (len(raw), len(raw)) == (757, 757)
    own = landed.tables["landed_enrichment"].slice(0, len(raw)).to_pylist()
    domains = [record["domain"] for record in own if record["domain"]]
    assert len(domains) == len(set(domains))
    by_name = {record["company_name"]: record for record in own}
    assert by_name["GitHub"]["domain"] == "github.com"
    assert by_name["Flexkube"]["domain"] is None
    headcount = {r["name"]: int(r["num_employees_min"] or 0) or None for r in raw}
    assert {name: record["employees"] for name, record in by_name.items()} == headcount
