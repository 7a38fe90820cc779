"""The lists for marketing: who is hot and does not qualify, who fits and is cold."""

from __future__ import annotations

import pyarrow as pa

from mqa_platform.core.activation import activation_lists
from mqa_platform.core.scores import score_lines, scores
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TOUCHPOINTS,
    account,
    day,
    default_policy,
    touch,
)

FIT = [("failed_criteria", pa.string()), ("missing_fields", pa.string())]
SCHEMA = pa.schema([*ACCOUNTS, *FIT])
SHOWN = ("list", "account_id", "since", "why")


def listed(engine, accounts, rows, as_of, policy=None):
    policy = policy or default_policy()
    a = engine.table(accounts, SCHEMA, failed_criteria="", missing_fields="")
    t = engine.table(rows, TOUCHPOINTS)
    days = [day(n) for n in range(as_of + 1)]
    found = scores(score_lines(t, policy, days, engine.apply), a, policy, "v1")
    made = activation_lists(t, a, engine.keep(found), policy, day(as_of), engine.apply)
    return [tuple(r[c] for c in SHOWN) for r in engine.rows(made, "account_id")]


def demos(account_id, *days):
    return [
        touch(
            n, "demo_request", account_id=account_id, signal_id=f"{account_id}{n}{p}", person_id=p
        )
        for n in days
        for p in ("a", "b")
    ]


def test_the_refused_and_the_unknown_are_hot_from_the_day_they_reach_the_threshold(engine):
    accounts = [
        account("bad", fit_gate="fail", failed_criteria="company_size"),
        account("gap", fit_gate="unknown", missing_fields="employees"),
        account("good"),
    ]
    rows = [r for a in ("bad", "gap", "good") for r in demos(a, 0, 3)]
    # One day's requests are 80 and 10 for the second person; the threshold is 100.
    assert listed(engine, accounts, rows, 5) == [
        ("unqualified_but_hot", "bad", day(3), "failed: company_size"),
        ("unqualified_but_hot", "gap", day(3), "unknown: employees"),
    ]
    assert listed(engine, accounts, rows, 2) == []


def test_a_fitting_account_is_cold_below_engaged_and_from_its_first_day_without_a_touch(engine):
    accounts = [
        account("silent", valid_from=day(2)),
        account("faint"),
        account("fading", fit_grade="B"),
        account("moderate", fit_grade="C"),
        account("gap", fit_gate="unknown"),
    ]
    rows = [touch(4, account_id="faint", person_id="p"), *demos("fading", 0)]
    found = listed(engine, accounts, rows, 60)
    assert [f[:2] for f in found] == [
        ("fit_but_cold", "fading"),
        ("fit_but_cold", "faint"),
        ("fit_but_cold", "silent"),
    ]
    by_name = {f[1]: f for f in found}
    assert by_name["silent"][2:] == (day(2), "grade A, no touchpoint")
    assert by_name["faint"][2:] == (day(-29), "grade A, below engaged")
    # 80 points halve every 45 days: 40 on day 45, which is engaged for the last time.
    assert by_name["fading"][2:] == (day(46), "grade B, below engaged")


def test_whoever_may_not_be_reached_is_on_no_list(engine):
    accounts = [
        account("rival", fit_gate="fail", suppression_reason="competitor"),
        account("quiet", suppression_reason="do_not_contact"),
        account("over", suppression_reason="manual", suppressed_until=day(5)),
    ]
    assert [f[1] for f in listed(engine, accounts, demos("rival", 0, 1), 5)] == ["over"]
