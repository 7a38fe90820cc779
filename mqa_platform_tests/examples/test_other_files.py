"""The examples' policies on files of the same form with other hosts, companies and people."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqa_platform import runs, scenarios
from mqa_platform.core.window import Window
from mqa_platform.home import Home
from mqa_platform.marts import Marts, open_marts
from mqa_platform.scenarios import ScenarioError, run_scenario, scenario_names

FORTUNE = """year,rank,name,sector,industry,hqcity,hqstate,website,employees,revenues_musd,ticker
2015,1,Acme Rockets,Aerospace & Defense,Aerospace,Tucson,AZ,http://www.acme-rockets.com,50000,9000,
2015,2,Bell Lines,Telecommunications,Telecommunications,Boston,MA,http://www.bell-lines.com,90000,8000,
"""
NASA_HEADER = "host\tlogname\ttime\tmethod\turl\tresponse\tbytes"
# The second of July 1995, noon: a day that the example does not name.
NOON = 804686400
VISITS = [
    ("gw1.bell-lines.com", "/history/apollo.html"),
    ("gw1.bell-lines.com", "/images/logo.gif"),
    ("GW2.labs.bell-lines.com", "/"),
    ("www.acme-rockets.com", "/procurement/procurement.html"),
    ("cad_7.old-rockets.com", "/procurement/notices/rfq.htm"),
    ("cad_7.old-rockets.com", "/procurement/logo.gif"),
    ("ppp-7.smalltown-access.com", "/procurement/procurement.html"),
    ("dialup12-3.acme-rockets.com", "/history/apollo.html"),
    ("ix-dc-04.ix.netcom.com", "/"),
    ("edams.ksc.nasa.gov", "/procurement/procurement.html"),
    ("cs.nowhere.edu", "/"),
    ("somebody-else.org", "/"),
    ("lonely", "/"),
]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _project_with_alias(folder: Path, alias: str, domain: str) -> Path:
    shutil.copytree(scenarios.PROJECT / "examples", folder / "examples")
    identity = folder / "examples" / "web_logs" / "policy" / "identity.yaml"
    text = identity.read_text(encoding="utf-8")
    listed = text.replace("domain_aliases:\n", f"domain_aliases:\n  {alias}: {domain}\n", 1)
    identity.write_text(listed, encoding="utf-8")
    return folder


def _answers(marts: Marts) -> set[tuple[str, str]]:
    """(host, account or reason) of every request."""
    s, t = marts.table("signals"), marts.table("touchpoints")
    u = marts.table("unresolved_signals")
    hosts = s.select("signal_id", "host")
    on = marts.rows(t.select("signal_id", answer="account_id").join(hosts, "signal_id"))
    off = marts.rows(u.select("signal_id", answer="reason").join(hosts, "signal_id"))
    return {(row["host"], row["answer"]) for row in [*on, *off]}


@pytest.mark.slow
def test_hosts_of_another_log_find_the_companies_of_another_list(
    tmp_path: Path, example_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    _write(data / "companies" / "fortune1000.csv", FORTUNE)
    lines = [f"{h}\t-\t{NOON + i}\tGET\t{p}\t200\t99\t\t" for i, (h, p) in enumerate(VISITS)]
    _write(data / "web" / "july.tsv", "\n".join([NASA_HEADER, *lines, ""]))
    project = _project_with_alias(tmp_path / "project", "old-rockets.com", "acme-rockets.com")
    monkeypatch.setattr(scenarios, "PROJECT", project)

    result = run_scenario("web_logs", Home(example_home / "other", data))

    with open_marts(result.home) as marts:
        assert _answers(marts) == {
            ("gw1.bell-lines.com", "bell-lines.com"),
            ("gw2.labs.bell-lines.com", "bell-lines.com"),
            ("www.acme-rockets.com", "acme-rockets.com"),
            ("cad_7.old-rockets.com", "acme-rockets.com"),
            ("dialup12-3.acme-rockets.com", "acme-rockets.com"),
            ("ppp-7.smalltown-access.com", "isp"),
            ("ix-dc-04.ix.netcom.com", "isp"),
            ("edams.ksc.nasa.gov", "internal"),
            ("cs.nowhere.edu", "education"),
            ("somebody-else.org", "no_match"),
            ("lonely", "no_match"),
        }
    accounts = {row["account"]: row for row in result.tables[0].rows}
    assert accounts["Acme Rockets"]["high_intent_views"] == 2
    assert accounts["Acme Rockets"]["touchpoints"] == 4
    assert accounts["Bell Lines"]["high_intent_views"] == 0
    assert accounts["Bell Lines"]["touchpoints"] == 3


def _commit(day: str, author: str, domain: str, merge: int = 0) -> tuple[int, str, str, int]:
    at = datetime.fromisoformat(day).replace(hour=9, tzinfo=UTC)
    return int(at.timestamp()), author, domain, merge


def _commits(rows: Iterable[tuple[int, str, str, int]]) -> str:
    lines = [
        f"other/project,{i:09x},{at},+0100,{author},{domain},{merge}"
        for i, (at, author, domain, merge) in enumerate(rows)
    ]
    return "\n".join(["repo,commit,author_ts,tz,author_id,email_domain,is_merge", *lines, ""])


COMPANIES = {
    "users": [],
    "companies": [
        {"company_name": "Pair Ltd", "domains": ["pair.example.com", "pair.io"]},
        {"company_name": "Apart", "domains": ["apart.io"]},
        {"company_name": "Solo GmbH", "domains": ["solo.dev"]},
        {"company_name": "Mergers", "domains": ["mergers.io"]},
        {"company_name": "North Twin", "domains": ["twins.com"]},
        {"company_name": "South Twin", "domains": ["twins.com"]},
        {"company_name": "*independent", "domains": [""]},
    ],
}
WORK = [
    # Two people of one company, 27 days apart, under two of its domains.
    _commit("2013-02-01", "p1", "pair.io"),
    _commit("2013-02-28", "p2", "eu.pair.io"),
    # Two people who never worked in the same four weeks.
    _commit("2013-01-02", "a1", "apart.io"),
    _commit("2013-01-30", "a2", "apart.io"),
    # One person, day and night.
    *[_commit(f"2013-01-{day:02d}", "s1", "solo.dev") for day in range(2, 31) for _ in range(9)],
    # Two people who only merge.
    _commit("2013-02-01", "m1", "mergers.io", 1),
    _commit("2013-02-02", "m2", "mergers.io", 1),
    _commit("2013-02-03", "t1", "twins.com"),
    _commit("2013-02-04", "t2", "twins.com"),
    _commit("2013-02-03", "g1", "gmail.com"),
    _commit("2013-02-03", "g2", "gmail.com"),
    _commit("2013-02-03", "x1", "my-own-name.net"),
    _commit("2013-02-03", "x2", "my-own-name.net"),
    _commit("2013-02-03", "bot", "review.opendev.org", 1),
]


@pytest.mark.slow
def test_a_team_qualifies_and_one_busy_person_does_not(tmp_path: Path, example_home: Path) -> None:
    data = tmp_path / "data"
    _write(data / "identity" / "other_commits.csv", _commits(WORK))
    _write(data / "identity" / "other_affiliations.json", json.dumps(COMPANIES))
    home = Home(example_home / "team", data)
    shutil.copytree(scenarios.PROJECT / "examples" / "open_source" / "policy", home.policy)
    first, last = (datetime.fromisoformat(day).date() for day in ("2013-01-01", "2013-03-05"))

    runs.run_days(home, Window.of(first, last))

    with open_marts(home) as marts:
        moves = marts.table("stage_transitions")
        entered = marts.rows(moves.filter(moves["to_stage"] == "mqa"))
        s = marts.table("scores")
        best = s.group_by("account_id").aggregate(best=s["engagement_score"].max())
        scores = {row["account_id"]: row["best"] for row in marts.rows(best)}
        answers = _answers(marts)
    assert [(e["account_id"], e["changed_on"].isoformat()) for e in entered] == [
        ("org:pair", "2013-02-28")
    ]
    assert scores["org:solo"] == 20
    assert scores["org:mergers"] == 0
    assert ("twins.com", "tie_refused") in answers
    assert ("gmail.com", "free_mail") in answers
    assert ("my-own-name.net", "no_match") in answers
    assert ("review.opendev.org", "bot") in answers


def test_an_unknown_example_names_the_nearest(tmp_path: Path) -> None:
    assert scenario_names() == ["open_source", "vendor_files", "web_logs"]
    with pytest.raises(ScenarioError, match="did you mean web_logs"):
        run_scenario("weblogs", Home(tmp_path))
    with pytest.raises(ScenarioError, match="there are open_source, vendor_files, web_logs"):
        run_scenario("zzz", Home(tmp_path))


def test_missing_data_say_which_variable_to_set_and_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="set MQA_DATA to a folder"):
        run_scenario("open_source", Home(tmp_path / "home", tmp_path / "nowhere"))
    empty = tmp_path / "empty"
    _write(empty / "companies" / "fortune1000.csv", FORTUNE)
    with pytest.raises(ScenarioError, match=r"no file .*\.tsv.* or .*\.log.*MQA_DATA"):
        run_scenario("web_logs", Home(tmp_path / "home", empty))
    with pytest.raises(ScenarioError, match=r"companies.*required.*MQA_DATA"):
        run_scenario("open_source", Home(tmp_path / "home", empty))
    assert not (tmp_path / "home").exists()


def test_the_home_of_an_example_gets_its_policy_as_it_is_now(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "home" / "policy"
    _write(source / "program.yaml", "name: first\n")
    scenarios._install_policy(source, target)
    before = target.stat().st_ino
    scenarios._install_policy(source, target)
    assert target.stat().st_ino == before
    _write(source / "program.yaml", "name: second\n")
    _write(target / "icp.yaml", "criteria: {}\n")
    scenarios._install_policy(source, target)
    assert [path.name for path in target.parent.iterdir()] == ["policy"]
    assert {p.name: p.read_text() for p in target.iterdir()} == {"program.yaml": "name: second\n"}
