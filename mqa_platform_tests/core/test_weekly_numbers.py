"""The numbers of each week that the watch looks at: counted by hand, and asked in a way that every engine knows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import ibis
import pyarrow as pa
import pytest

from mqa_platform.core.calibration import weekly_numbers as numbers
from mqa_platform.core.window import Window
from mqa_platform_tests.core.engine import TOUCHPOINTS, day
from mqa_platform_tests.core.portability import problems

EPISODES = pa.schema(
    [("motion", pa.string()), ("mqa_on", pa.date32()), ("opportunity_on", pa.date32())]
)
SCORES = pa.schema(
    [
        ("motion", pa.string()),
        ("score_date", pa.date32()),
        ("engagement_score", pa.decimal128(18, 4)),
        ("threshold", pa.decimal128(18, 4)),
    ]
)
HANDED = pa.schema([("handoff_id", pa.string())])
ROUTED = pa.schema(
    [("handoff_id", pa.string()), ("route_rule", pa.string()), ("reassigned_on", pa.date32())]
)
UNRESOLVED = pa.schema([("signal_id", pa.string()), ("signal_date", pa.date32())])
DAYS = Window(day(10), day(20))
MINE = "new_business"


def episode(on, came=None, motion=MINE):
    return {
        "motion": motion,
        "mqa_on": day(on),
        "opportunity_on": None if came is None else day(came),
    }


def counted(engine, expr):
    return {tuple(v for k, v in r.items() if k != "n"): r["n"] for r in engine.rows(expr)}


def test_mqas_are_counted_on_their_day_and_in_their_motion(engine):
    rows = [episode(9), episode(10), episode(10), episode(19), episode(20), episode(12, None, "expansion")]  # fmt: skip
    found = counted(engine, numbers.entries(engine.table(rows, EPISODES), MINE, DAYS))
    assert found == {(day(10),): 2, (day(19),): 1}


def test_a_play_of_marketing_and_a_holdout_are_no_work_of_a_rep(engine):
    rules = {"a": ("owner", None), "b": ("anonymous_evidence", None), "c": ("holdout", None),
             "d": ("holdout", day(11)), "e": (None, None)}  # fmt: skip
    episodes = engine.table([{"handoff_id": h} for h in [*rules, "gone"]], HANDED)
    routed = [
        {"handoff_id": h, "route_rule": r, "reassigned_on": on} for h, (r, on) in rules.items()
    ]
    found = engine.rows(numbers.for_reps(episodes, engine.table(routed, ROUTED)))
    # Who was held out and asked to be called is a rep's after all.
    assert {r["handoff_id"] for r in found} == {"a", "d", "e"}


def test_a_conversion_counts_on_the_day_on_which_its_window_is_over(engine):
    rows = [episode(0, 3), episode(0), episode(5), episode(-1, 2), episode(10)]
    t = engine.table(rows, EPISODES)
    found = engine.rows(numbers.conversions_closed(t, MINE, DAYS, 10))
    assert {r["day"]: (r["hits"], r["n"]) for r in found} == {day(10): (1, 2), day(15): (0, 1)}


def test_a_signal_of_several_accounts_counts_once_and_what_we_sent_does_not(engine):
    def touch(signal, on, kind="pricing_view", direction="inbound"):
        return {"signal_id": signal, "account_id": f"{signal}{kind}", "touchpoint_date": day(on),
                "signal_type": kind, "direction": direction}  # fmt: skip

    rows = [touch("s1", 10), {**touch("s1", 10), "account_id": "other"}, touch("s2", 10),
            touch("s3", 11, direction="outbound"), touch("s4", 20), touch("s5", 12, "demo_request")]  # fmt: skip
    found = counted(engine, numbers.matched(engine.table(rows, TOUCHPOINTS), DAYS))
    assert found == {(day(10), "pricing_view"): 2, (day(12), "demo_request"): 1}
    lost = [{"signal_id": f"u{n}", "signal_date": day(n)} for n in (9, 10, 19, 20)]
    assert counted(engine, numbers.unmatched(engine.table(lost, UNRESOLVED), DAYS)) == {
        (day(10),): 1,
        (day(19),): 1,
    }


def test_scores_are_binned_by_their_share_of_the_threshold(engine):
    points = ("0", "1", "19.9", "20", "79.9", "80", "119", "120", "400")
    rows = [
        {"motion": MINE, "score_date": day(12), "engagement_score": Decimal(p), "threshold": Decimal(80)}
        for p in points
    ]  # fmt: skip
    rows.append({**rows[-1], "score_date": day(13)})
    expr = numbers.score_bins(engine.table(rows, SCORES), MINE, [day(12)])
    # 1 and 19.9 lie below a quarter, 20 below a half, 79.9 below the threshold; no score is in no bin.
    assert counted(engine, expr) == {(day(12), 0): 2, (day(12), 1): 1, (day(12), 3): 1,
                                     (day(12), 4): 2, (day(12), 5): 2}  # fmt: skip


def test_only_whole_weeks_are_weeks():
    sunday = date(2026, 3, 1)
    monday = sunday - timedelta(days=6)
    assert numbers.whole_weeks(monday, sunday) == (monday, monday)
    assert numbers.whole_weeks(monday + timedelta(days=1), sunday) is None
    assert numbers.whole_weeks(monday, sunday - timedelta(days=1)) is None
    assert numbers.whole_weeks(monday - timedelta(days=20), sunday + timedelta(days=3)) == (
        monday - timedelta(days=14),
        monday,
    )


def table(schema, name):
    return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)


CASES = {
    "entries": numbers.entries(table(EPISODES, "conversions"), MINE, DAYS),
    "conversions": numbers.conversions_closed(table(EPISODES, "conversions"), MINE, DAYS, 90),
    "matched": numbers.matched(table(TOUCHPOINTS, "touchpoints"), DAYS),
    "unmatched": numbers.unmatched(table(UNRESOLVED, "unresolved_signals"), DAYS),
    "score_bins": numbers.score_bins(table(SCORES, "scores"), MINE, [day(12), day(19)]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_asked_only_in_what_every_engine_answers_alike(name):
    assert problems(CASES[name]) == set()
    assert ibis.to_sql(CASES[name], dialect="postgres")
