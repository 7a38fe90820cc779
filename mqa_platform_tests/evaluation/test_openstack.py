"""The OpenStack truth: what is asked, what counts as wrong, and how stable the figures are."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mqa_platform.evaluation.affiliations import read_affiliations, read_commits
from mqa_platform.evaluation.measures import EvaluationError
from mqa_platform.evaluation.openstack import (
    answered,
    evaluate_openstack,
    figures,
    known_cases,
)
from mqa_platform.evaluation.scratch import scratch_session
from mqa_platform.policy.identity import Employment

HEAD = "repo,commit,author_ts,tz,author_id,email_domain,is_merge\n"


def seconds(day):
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


@pytest.fixture
def files(tmp_path):
    """One person who moves from Old to New in 2015, and a stranger."""

    def write(commits, companies=None, name="commits.csv"):
        people = {
            "users": [
                {"user": "u", "author_ids": ["a1", "a2"], "email_domains": ["old.com", "home.org"],
                 "companies": [{"company_name": "New", "end_date": None},
                               {"company_name": "Old", "end_date": "2015-Jun-01"}]},
                {"user": "v", "author_ids": ["a3"], "email_domains": [],
                 "companies": [{"company_name": "*independent", "end_date": None}]},
            ],
            "companies": companies or [
                {"company_name": "Old", "domains": ["old.com"], "aliases": []},
                {"company_name": "New", "domains": ["new.com", "shared.com"], "aliases": []},
                {"company_name": "Other", "domains": ["shared.com", ""], "aliases": []},
            ],
        }  # fmt: skip
        (tmp_path / "people.json").write_text(json.dumps(people))
        lines = [f"r,c{n},{seconds(day)},0,{who},{domain},{merge}\n"
                 for n, (day, who, domain, merge) in enumerate(commits)]  # fmt: skip
        text = (HEAD + "".join(lines)).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return tmp_path / "people.json", path

    return write


COMMITS = [
    ("2015-05-31", "a1", "old.com", 0),
    ("2015-06-01", "a2", "home.org", 0),
    ("2015-07-01", "a1", "eng.new.com", 0),
    ("2017-01-01", "a1", "shared.com", 0),
    ("2017-01-01", "a1", "old.com", 1),
    ("2017-01-01", "nobody", "old.com", 0),
    ("2017-01-01", "a3", "home.org", 0),
]


def test_the_truth_is_the_employer_of_the_day_and_the_crm_is_a_year_late(files):
    people, commits = files(COMMITS)
    cases = known_cases(read_affiliations(people), read_commits(commits)).to_pylist()
    told = [(c["truth"], c["crm"], c["spoken"], c["owner"]) for c in cases]
    assert told == [
        ("Old", "Old", True, "Old"),
        # The end date is exclusive.
        ("New", "Old", False, None),
        # A subdomain is its parent's.
        ("New", "Old", True, "New"),
        # A domain of two companies speaks and names nobody.
        ("New", "New", True, None),
        ("*independent", "*independent", False, None),
    ]


def test_the_figures_count_merges_and_strangers_out(files):
    found = evaluate_openstack(*files(COMMITS), Employment())
    assert (found["signals"], found["people"], found["coverage"]) == (5, 2, 1.0)
    assert found["baselines"] == {
        "domain": {"coverage": 0.6, "wrong_share": 0.3333},
        "crm": {"coverage": 1.0, "wrong_share": 0.4},
        "domain_then_crm": {"coverage": 1.0, "wrong_share": 0.2},
    }
    assert sum(e["answers"] for e in found["evidence"]) == 5


def test_packed_and_plain_files_are_the_same(files):
    plain = evaluate_openstack(*files(COMMITS), Employment())
    assert evaluate_openstack(*files(COMMITS, name="commits.csv.gz"), Employment()) == plain


@pytest.mark.parametrize("broken", ["people.json", "commits.csv"])
def test_another_file_is_refused_by_name(files, broken):
    people, commits = files(COMMITS)
    (people if broken == "people.json" else commits).write_text("{}\n1,2")
    with pytest.raises(EvaluationError, match=broken):
        evaluate_openstack(people, commits, Employment())


def test_capitals_and_order_of_lines_change_nothing(files):
    plain = evaluate_openstack(*files(COMMITS), Employment())
    loud = [(day, who, domain.upper(), merge) for day, who, domain, merge in reversed(COMMITS)]
    assert evaluate_openstack(*files(loud), Employment()) == plain


def test_companies_that_nobody_lists_and_blank_domains_are_answered(files):
    people, commits = files([*COMMITS, ("2017-02-01", "a1", "", 0), ("2017-02-02", "a3", "a.b", 0)])
    text = (
        people.read_text()
        .replace("*independent", "Unlisted Ltd")
        .replace('["old.com", "home.org"]', "null")
    )
    people.write_text(text)
    found = evaluate_openstack(people, commits, Employment())
    assert (found["signals"], found["coverage"]) == (7, 1.0)


@pytest.mark.parametrize(
    ("file", "was", "becomes", "said"),
    [
        ("people.json", '"users"', '"persons"', "the file has no 'users'"),
        ("people.json", '"author_ids"', '"ids"', "a user has no 'author_ids'"),
        ("people.json", '"end_date"', '"until"', "an employer has no 'end_date'"),
        ("people.json", "2015-Jun-01", "soon", "end_date 'soon' is no date"),
        ("people.json", '"domains"', '"sites"', "a company has no 'domains'"),
        ("commits.csv", "email_domain", "domain", "'email_domain'"),
        ("commits.csv", f"{seconds('2015-05-31')}", "noon", "author_ts must be seconds since 1970"),
    ],
)
def test_what_a_file_lacks_is_named_with_the_file(files, file, was, becomes, said):
    people, commits = files(COMMITS)
    path = people if file == "people.json" else commits
    path.write_text(path.read_text().replace(was, becomes))
    with pytest.raises(EvaluationError) as caught:
        evaluate_openstack(people, commits, Employment())
    assert file in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("commits", [[], [("2017-01-01", "nobody", "old.com", 0)]])
def test_files_without_a_known_author_are_refused(files, commits):
    with pytest.raises(EvaluationError, match="has no commit"):
        evaluate_openstack(*files(commits), Employment())


@pytest.fixture(scope="module")
def real(shared_data):
    folder = shared_data / "identity"
    known = read_affiliations(folder / "openstack_affiliations.json")
    stream = read_commits(folder / "openstack_commits.csv.gz")
    cases = known_cases(known, stream)
    with scratch_session() as session:
        return cases, session.arrow(answered(session, known, stream, cases, Employment()))


def test_the_baselines_are_those_the_issue_gives(real):
    baselines = figures(*real)["baselines"]
    assert round(baselines["domain"]["coverage"], 2) == 0.24
    assert round(baselines["domain"]["wrong_share"], 2) == 0.12
    assert round(baselines["crm"]["wrong_share"], 2) == 0.18
    assert round(baselines["domain_then_crm"]["wrong_share"], 2) == 0.19


def test_it_beats_what_it_is_made_of_and_its_confidence_means_something(real):
    found = figures(*real)
    assert found["coverage"] == 1.0
    others = [found["baselines"][b]["wrong_share"] for b in ("crm", "domain_then_crm")]
    assert found["wrong_share"] < min(others)
    speaks = found["where_the_domain_speaks"]
    assert speaks["wrong_share"] <= speaks["domain_wrong_share"]
    assert found["high_confidence"]["precision"] >= 0.95
    for band in found["bands"]:
        assert band["answers"] == 0 or abs(band["stated"] - band["observed"]) <= 0.05


def test_the_figures_hold_on_random_halves_of_the_people(real):
    """A few busy people make most commits, so that a half is a hard test of luck too."""
    cases, answers = real
    people = pc.unique(cases["person"]).to_pylist()
    rng = np.random.default_rng(4)
    won, sure = 0, 0
    for _ in range(40):
        half = pa.array(rng.permutation(people)[: len(people) // 2])
        found = figures(cases.filter(pc.is_in(cases["person"], half)), answers)
        others = [found["baselines"][b]["wrong_share"] for b in ("crm", "domain_then_crm")]
        won += found["wrong_share"] < min(others)
        sure += found["high_confidence"]["precision"] >= 0.95
    assert won >= 34
    assert sure == 40
