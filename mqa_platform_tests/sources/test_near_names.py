"""Near company names on real lists: how often a match by itself is wrong."""

from __future__ import annotations

import csv

from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.name_quality import name_quality
from mqa_platform.policy.identity import Names


def test_names_of_real_lists_match_precisely(shared_data) -> None:
    """Two years of one list: a name of 2018 is the company of 2015 that has the same web site."""
    with (shared_data / "companies" / "fortune500.csv").open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    before = {r["website"]: clean_company_name(r["name"]) for r in listed if r["year"] == "2015"}
    truth = {
        clean_company_name(r["name"]): before.get(r["website"])
        for r in listed
        if r["year"] == "2018"
    }
    with (shared_data / "companies" / "cncf_orgs_2020.csv").open(encoding="utf-8") as file:
        known = {*before.values(), *(clean_company_name(r["name"]) for r in csv.DictReader(file))}
    found = name_quality(truth, known, Names())
    assert found.matched >= 2
    assert found.precision == 1.0
    # Half of a list of companies asked about the other half: each match is a wrong one.
    keys = sorted(known)
    assert name_quality(dict.fromkeys(keys[::2]), keys[1::2], Names()).matched == 0
