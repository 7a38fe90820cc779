"""Where opportunities are from, which rule was absent, the funnel, and the target list."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_platform.core.metrics.counted import metric_accounts
from mqa_platform.core.metrics.facts import Ground, deals, teams
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.reach import coverage, engaged
from mqa_platform.core.metrics.summaries import conversion_metrics
from mqa_platform.core.missed_deals import MISSING_RULES, Seen
from mqa_platform.core.origins import opportunity_origin
from mqa_platform_tests.core.engine import (
    ACCOUNTS,
    TIMESTAMP,
    TOUCHPOINTS,
    account,
    at,
    crm_schema,
    day,
    default_policy,
    policy_with,
    touch,
)
from mqa_platform_tests.core.metric_cases import EPISODES, episode

ENTERED = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("episode", pa.int64()),
     ("qualified_at", TIMESTAMP), ("created_on", pa.date32())]
)  # fmt: skip
SCORES = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("score_date", pa.date32()),
     ("engagement_score", pa.decimal128(18, 4)), ("threshold", pa.decimal128(18, 4)),
     ("eligible_people", pa.int64()), ("people_on_high_intent", pa.int64()),
     ("anonymous_evidence", pa.bool_()), ("hand_raised", pa.bool_()), ("score_type", pa.string())]
)  # fmt: skip
RECEIPTS = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("score_date", pa.date32()),
     ("component", pa.string())]
)  # fmt: skip
STAGES = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("stage_date", pa.date32()),
     ("stage", pa.string()), ("suppression_reason", pa.string())]
)  # fmt: skip
FIT = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("valid_from", pa.date32()),
     ("valid_to", pa.date32()), ("tier", pa.string()), ("is_target", pa.bool_()),
     ("fit_gate", pa.string())]
)  # fmt: skip
TRANSITIONS = pa.schema(
    [("account_id", pa.string()), ("motion", pa.string()), ("changed_on", pa.date32()),
     ("seq", pa.int64()), ("to_stage", pa.string())]
)  # fmt: skip
REPS = pa.schema(
    [("user_id", pa.string()), ("valid_from", pa.date32()), ("valid_to", pa.date32()),
     ("team", pa.string())]
)  # fmt: skip
MINE = {"account_id": "acme", "motion": "new_business"}


def opportunity(when=None, name="o1", **changed):
    row = {"opportunity_id": name, "account_id": "acme", "created_at": when or at(100),
           "is_closed": False, "is_won": False, "is_deleted": False, "amount": 12000.0}  # fmt: skip
    return {**row, **changed}


def entry(on, number=1, **changed):
    return {"episode": number, "qualified_at": at(on), "created_on": day(on), **changed}


def seen_of(engine, entries=(), scores=(), stages=(), fit=(), touches=(), receipts=()):
    return Seen(
        engine.table(entries, ENTERED, **MINE),
        engine.table(scores, SCORES, **MINE, threshold=100, eligible_people=1, people_on_high_intent=0),
        engine.table(receipts, RECEIPTS, motion="new_business"),
        engine.table(stages, STAGES, **MINE),
        engine.table(fit, FIT, **MINE, valid_from=day(-900), tier="scaled", is_target=True),
        engine.table(touches, TOUCHPOINTS),
    )  # fmt: skip


def origins(engine, opportunities, policy=None, as_of=200, **known):
    table = engine.table(opportunities, crm_schema("landed_opportunities"))
    seen = seen_of(engine, **known)
    return opportunity_origin(seen, table, policy or default_policy(), at(as_of))


def origin(engine, *opportunities, **known):
    return engine.rows(origins(engine, opportunities, **known), "opportunity_id")


def test_an_opportunity_is_sourced_influenced_or_neither(engine):
    entries = [entry(20), entry(150, 2)]
    found = origin(
        engine,
        opportunity(at(19), "1 before, still open"),
        opportunity(at(19), "2 before, closed before", is_closed=True, closed_at=at(19, 14)),
        opportunity(at(20), "3 at once"),
        opportunity(at(109), "4 on the last day"),
        opportunity(at(110), "5 after the window"),
        opportunity(at(150), "6 of the second"),
        entries=entries,
    )
    assert [(f["origin"], f["episode"]) for f in found] == [
        ("mqa_influenced", 2), ("none", None), ("mqa_sourced", 1), ("mqa_sourced", 1),
        ("mqa_influenced", 2), ("mqa_sourced", 2),
    ]  # fmt: skip
    assert all((f["missing_rule"] is None) == (f["origin"] == "mqa_sourced") for f in found)


PASS = [{"fit_gate": "pass"}]
SEEN = [touch(90)]


def score(points, on=95, **changed):
    return [{"score_date": day(on), "engagement_score": points, **changed}]


HELD = {"fit": PASS, "touches": SEEN}
MISSED = {
    "no_account": ({"account_id": None}, {}),
    "before_history": ({"created_at": at(-900)}, HELD),
    "unknown_account": ({}, {}),
    "already_customer": ({}, {**HELD, "stages": [{"stage_date": day(99), "stage": "customer"}]}),
    "open_opportunity": ({}, {**HELD, "stages": [{"stage_date": day(99), "stage": "opportunity"}]}),
    "suppressed": (
        {},
        {**HELD, "stages": [{"stage_date": day(99), "stage": "target", "suppression_reason": "legal"}]},
    ),
    "fit_failed": ({}, {**HELD, "fit": [{"fit_gate": "fail"}]}),
    "no_match": ({}, {"fit": PASS, "touches": [touch(9), touch(90, direction="outbound")]}),
    "fit_unknown": ({}, {**HELD, "fit": [{"fit_gate": "unknown"}]}),
    "below_threshold": ({}, {**HELD, "scores": score(99)}),
    "one_person": ({}, {**HELD, "scores": score(100)}),
    "moderate_fit": (
        {},
        {**HELD, "scores": score(100, eligible_people=2, score_type="intent_heavy")},
    ),
    "cool_down": (
        {},
        {**HELD, "scores": score(100, eligible_people=2), "stages": [{"stage_date": day(99), "stage": "recycled"}]},
    ),
    "not_in_time": ({}, {**HELD, "scores": score(100, eligible_people=2)}),
}  # fmt: skip


@pytest.mark.parametrize("rule", MISSING_RULES)
def test_a_missed_deal_says_which_rule_was_absent(engine, rule):
    changed, known = MISSED[rule]
    (found,) = origin(engine, opportunity(**changed), **known)
    assert (found["origin"], found["missing_rule"]) == ("none", rule)


@pytest.mark.parametrize("gate", ["pass", "unknown"])
def test_who_asked_to_be_called_lacked_no_points_and_no_second_person(engine, gate):
    # The demo was asked for on the day of the opportunity: a hand-raise qualifies whatever the score and the fit.
    scores = score(20, on=100, hand_raised=True, score_type="intent_heavy")
    (found,) = origin(engine, opportunity(), fit=[{"fit_gate": gate}], touches=SEEN, scores=scores)
    assert found["missing_rule"] == "not_in_time"


def test_the_best_score_of_ninety_days_and_what_it_was_short_of(engine):
    scores = [*score(500, 9), *score(70, 11), *score(60, 99), *score(500, 101)]
    (found,) = origin(engine, opportunity(), **HELD, scores=scores)
    assert (found["max_score_90d"], found["points_short"]) == (70, 30)


def test_the_signal_that_most_mqas_had_is_named_where_it_was_absent(engine):
    entries = [entry(20, account_id=f"a{n}") for n in range(3)]
    had = {"pricing_view": 3, "ad_click": 2, "multi_contact": 3, "demo_request": 1}
    receipts = [
        {"account_id": f"a{n}", "score_date": day(20), "component": c} for c, k in had.items() for n in range(k)
    ]  # fmt: skip
    (found,) = origin(engine, opportunity(), **HELD, entries=entries, receipts=receipts)
    # The account has seen the prices; breadth is no signal.
    assert found["absent_signal"] == "ad_click"


def ground_of(engine, transitions=(), stages=(), fit=(), accounts=(), reps=()):
    nothing = engine.table((), FIT)
    return Ground(
        nothing, nothing, nothing,
        engine.table(transitions, TRANSITIONS, **MINE, seq=0, to_stage="engaged"),
        engine.table(stages, STAGES, **MINE),
        engine.table(fit, FIT, **MINE, valid_from=day(-900), tier="scaled", is_target=True),
        engine.table(accounts, ACCOUNTS), engine.table(reps, REPS), nothing,
    )  # fmt: skip


def test_a_rep_whom_the_crm_has_no_longer_stays_in_his_team(engine):
    reps = [
        {"user_id": "ann", "valid_from": day(0), "valid_to": day(50), "team": "east"},
        {"user_id": "bob", "valid_from": day(0), "valid_to": day(50), "team": "east"},
        {"user_id": "bob", "valid_from": day(50), "team": "west"},
    ]
    found = engine.rows(teams(engine.table(reps, REPS)), "t_rep")
    assert [(r["t_rep"], r["team"]) for r in found] == [("ann", "east"), ("bob", "west")]


def test_the_funnel_follows_each_entry_to_engaged_until_the_next(engine):
    moves = [{"changed_on": day(n)} for n in (0, 30, 60)]
    won = {"opportunity_on": day(40), "won_on": day(50), "amount": 900}
    facts = [episode(1, 35, 100, account_id="acme", **won)]
    ground = ground_of(engine, moves, accounts=[account()])
    found = engine.rows(engaged(ground, engine.table(facts, EPISODES)), "engaged_on")
    reached = [(f["reached_mqa"], f["reached_opportunity"], f["reached_won"]) for f in found]
    assert reached == [(False,) * 3, (True,) * 3, (False,) * 3]
    assert [f["cohort"] for f in found] == ["2026-01", "2026-01", "2026-03"]
    assert len({f["subject_id"] for f in found}) == 3


def test_the_funnel_from_engaged_to_revenue_by_hand(engine):
    # Four entries in January and one in March; three of them go on to mqa, two to a deal, one is won.
    names = [("one", 0), ("two", 3), ("three", 5), ("four", 20), ("four", 60)]
    moves = [{"account_id": a, "changed_on": day(n)} for a, n in names]
    won = {"opportunity_on": day(40), "won_on": day(50), "deal_won": True, "amount": 900}
    facts = [
        episode(1, 10, 100, account_id="one", **won),
        episode(2, 10, 100, account_id="two", opportunity_on=day(30), amount=500),
        episode(3, 70, 100, account_id="four"),
    ]
    ground = ground_of(
        engine, moves, accounts=[account(a) for a in ("one", "two", "three", "four")]
    )
    rows = engaged(ground, engine.table(facts, EPISODES))
    counted = metric_accounts({"engaged": rows}, default_policy())
    beside = Beside(day(0), day(100))
    made = engine.rows(conversion_metrics(counted, default_policy(), beside, engine.apply))
    told = {(m["metric"], m["cohort"]): m["value"] for m in made if m["dimension"] == "all"}
    stages = ("engaged", "mqa", "opportunity", "won", "revenue")
    assert [told[f"funnel_{s}", "all"] for s in stages] == [5, 3, 2, 1, 900]
    assert [told[f"funnel_{s}", "2026-01"] for s in stages] == [4, 2, 2, 1, 900]
    assert [told.get((f"funnel_{s}", "2026-03")) for s in stages[:2]] == [1, 1]


def test_coverage_is_the_share_of_the_target_list_that_stood_on_the_rung(engine):
    stages = [
        {"account_id": a, "stage_date": day(n), "stage": s}
        for a, n, s in [
            ("one", 0, "engaged"), ("one", 1, "target"), ("one", 31, "target"), ("two", 0, "target"),
            ("two", 31, "sales_accepted"), ("no", 0, "mqa"), ("no", 31, "mqa"), ("gone", 0, "target"),
            ("gone", 31, "recycled"),
        ]
    ]  # fmt: skip
    fit = [
        {"account_id": "one"}, {"account_id": "two"}, {"account_id": "no", "is_target": False},
        {"account_id": "gone"},
    ]  # fmt: skip
    rows = coverage(ground_of(engine, stages=stages, fit=fit, accounts=[account("one")]))
    counted = metric_accounts({"coverage": rows}, default_policy())
    beside = Beside(day(0), day(31))
    made = engine.rows(conversion_metrics(counted, default_policy(), beside, engine.apply))
    told = {
        (m["metric"], m["cohort"]): (m["numerator"], m["denominator"])
        for m in made
        if m["dimension"] == "all"
    }
    assert told == {
        ("coverage_engaged", "2026-01"): (1, 3), ("coverage_engaged", "2026-02"): (1, 3),
        ("coverage_engaged", "all"): (2, 3), ("coverage_mqa", "2026-01"): (0, 3),
        ("coverage_mqa", "2026-02"): (1, 3), ("coverage_mqa", "all"): (1, 3),
    }  # fmt: skip


MAVEN = Path(__file__).parents[3] / "shared" / "data" / "crm" / "maven" / "sales_pipeline.csv"


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


@pytest.mark.skipif(not MAVEN.is_file(), reason=f"the Maven CRM file is not at {MAVEN}")
def test_a_real_crm_file_gives_the_figures_of_an_independent_calculation(engine):
    """8,300 dated opportunities against pandas: win rate, value and counts, overall, by month and by rep."""
    import pandas as pd

    with MAVEN.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = [
        opportunity(
            moment(r["engage_date"]) or at(0),
            r["opportunity_id"],
            account_id=r["account"] or None,
            is_closed=r["deal_stage"] in ("Won", "Lost"),
            is_won=r["deal_stage"] == "Won",
            closed_at=moment(r["close_date"]),
            amount=float(r["close_value"]) if r["close_value"] else None,
            owner_id=r["sales_agent"],
        )
        for r in lines
        if r["engage_date"]
    ]
    start = datetime(2016, 1, 1, tzinfo=UTC).date()
    policy = policy_with(program={"history_starts_on": start})
    found = engine.keep(origins(engine, rows, policy))
    none = found.select("opportunity_id", channel="missing_rule", campaign="missing_rule")
    facts = engine.keep(deals(found, none, ground_of(engine), start))
    counted = engine.keep(metric_accounts({"deal": facts}, policy))
    beside = Beside(start, datetime(2018, 1, 1, tzinfo=UTC).date())
    made = engine.rows(conversion_metrics(counted, policy, beside, engine.apply))
    told = defaultdict(dict)
    for m in made:
        told[m["metric"]][m["dimension"], m["segment"], m["cohort"]] = m

    t = pd.read_csv(MAVEN, parse_dates=["engage_date", "close_date"])
    t = t[t["engage_date"].notna()]
    closed = t[t["deal_stage"].isin(["Won", "Lost"])]
    won = t[t["deal_stage"] == "Won"]
    every = told["win_rate"]["all", "all", "all"]
    assert (every["numerator"], every["denominator"]) == (len(won), len(closed)) == (4238, 6711)
    assert every["censored"] == len(t) - len(closed)
    assert told["won_amount"]["all", "all", "all"]["value"] == won["close_value"].sum()
    assert told["acv"]["all", "all", "all"]["value"] == pytest.approx(won["close_value"].mean())
    rates = {k: m["value"] for k, m in told["win_rate"].items() if m["denominator"]}
    by_rep = closed.groupby("sales_agent")["deal_stage"].apply(lambda s: (s == "Won").mean())
    assert {k[1]: v for k, v in rates.items() if k[0] == "rep_id" and k[2] == "all"} == (
        pytest.approx(by_rep.to_dict())
    )
    month = closed["engage_date"].dt.strftime("%Y-%m")
    by_month = closed.groupby(month)["deal_stage"].apply(lambda s: (s == "Won").mean())
    assert {k[2]: v for k, v in rates.items() if k[0] == "all" and k[2] != "all"} == (
        pytest.approx(by_month.to_dict())
    )
