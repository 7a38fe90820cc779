"""The open source example on five years of keystone commits, in one run."""

from __future__ import annotations

import pytest

from mqa_platform.marts import open_marts
from mqa_platform.policy.loader import load_policy
from mqa_platform.scenarios import ScenarioResult

pytestmark = pytest.mark.slow


def test_five_years_are_one_run(open_source: ScenarioResult) -> None:
    assert len(open_source.runs) == 1
    with open_marts(open_source.home) as marts:
        s = marts.table("scores")
        days = marts.rows(s.aggregate(first=s["score_date"].min(), last=s["score_date"].max()))[0]
    assert days["first"].year == 2012
    assert days["last"].isoformat() == "2016-12-31"


def test_there_are_mqas_in_the_quarters_of_all_five_years(open_source: ScenarioResult) -> None:
    quarters = open_source.tables[0].rows
    assert [row["quarter"] for row in quarters][:: len(quarters) - 1] == ["2012-Q1", "2016-Q4"]
    assert len(quarters) == 20
    by_year = {row["quarter"][:4]: 0 for row in quarters}
    for row in quarters:
        by_year[row["quarter"][:4]] += row["mqas"]
    assert all(by_year.values())


def test_only_accounts_with_two_people_at_the_time_qualify(open_source: ScenarioResult) -> None:
    with open_marts(open_source.home) as marts:
        moves, s = marts.table("stage_transitions"), marts.table("scores")
        entered = moves.filter(moves["to_stage"] == "mqa")
        both = entered.join(
            s, ["account_id", "motion", (entered["changed_on"], s["score_date"])]
        ).select("account_id", "eligible_people", "engagement_score", "threshold")
        rows = marts.rows(both)
        count = marts.rows(entered.count().name("n").as_table())[0]["n"]
    assert len(rows) == count > 20
    assert min(row["eligible_people"] for row in rows) == 2
    assert all(row["engagement_score"] >= row["threshold"] for row in rows)


def test_a_lone_contributor_never_qualifies_however_prolific(open_source: ScenarioResult) -> None:
    _, teams, alone = open_source.tables
    assert all(row["contacts"] >= 2 for row in teams.rows)
    lone = [row for row in alone.rows if row["contacts"] == 1]
    assert lone
    assert max(row["touchpoints"] for row in lone) >= 30
    with open_marts(open_source.home) as marts:
        s = marts.table("scores")
        single = s.filter(s["eligible_people"] <= 1)
        best = marts.rows(single.aggregate(best=single["engagement_score"].max()))[0]["best"]
    assert best < load_policy(open_source.home.policy).stages.tiers.programmatic.threshold


def test_known_teams_are_among_the_qualified(open_source: ScenarioResult) -> None:
    qualified = {row["account"] for row in open_source.tables[1].rows}
    assert {"IBM", "Red Hat", "Rackspace", "HP", "Mirantis"} <= qualified


def test_the_review_system_and_public_mail_are_on_no_account(open_source: ScenarioResult) -> None:
    with open_marts(open_source.home) as marts:
        s, u = marts.table("signals"), marts.table("unresolved_signals")
        both = s.select("signal_id", "host").join(u.select("signal_id", "reason"), "signal_id")
        found = marts.rows(both.group_by("host", "reason").aggregate(n=both.count()))
    reasons = {row["host"]: row["reason"] for row in found}
    assert reasons["review.openstack.org"] == "bot"
    assert reasons["gmail.com"] == "free_mail"
    assert reasons["dstanek.com"] == "no_match"
