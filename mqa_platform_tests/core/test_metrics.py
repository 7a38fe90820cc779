"""Metrics: each one of both source articles, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.metrics.definitions import DIMENSIONS
from mqa_platform.core.metrics.methods import METHOD_WORDS, METHODS
from mqa_platform.core.metrics.register import METRICS, definitions
from mqa_platform_tests.core.engine import Engine, at, day, default_policy
from mqa_platform_tests.core.metric_cases import Made, deal, episode, made_of

AS_OF = 120
# 1 January is day 0: four of January, one of 2 March, one of 21 April, seen on 1 May.
SIX = [
    episode(1, 0, AS_OF, meeting_on=day(10), opportunity_on=day(20), won_on=day(60), deal_won=True,
            deal_closed=True, amount=Decimal(12000), acv=Decimal(12000), touch_hours=5.0,
            touch_business_hours=2.0, meeting_hours=240.0, meeting_business_hours=60.0, sla_state="met",
            accepted_at=at(1), is_accepted=True, tier="strategic", sla_rep_id="ann"),
    episode(2, 5, AS_OF, opportunity_on=day(45), deal_closed=True, amount=Decimal(8000),
            acv=Decimal(8000), touch_hours=10.0, touch_business_hours=4.0, sla_state="breached",
            accepted_at=at(6), is_accepted=True, rep_id="bob", sla_rep_id="ann"),
    episode(3, 10, AS_OF, rejected_at=at(12), touch_hours=1.0, touch_business_hours=1.0,
            sla_state="met", rep_id="bob", sla_rep_id="bob"),
    episode(4, 20, AS_OF, status="recycled", sla_state="breached", sla_rep_id="ann"),
    episode(5, 60, AS_OF, meeting_on=day(70), opportunity_on=day(75), touch_hours=3.0,
            touch_business_hours=3.0, meeting_hours=100.0, meeting_business_hours=20.0,
            accepted_at=at(61), is_accepted=True, sla_state="met", sla_rep_id="ann"),
    episode(6, 110, AS_OF),
]  # fmt: skip
BESIDE = {
    "spend": {"2026-01": 4000.0, "2026-03": 1000.0},
    "reps": {"2026-Q1": {"ann": "east", "bob": "east", "cat": "west"}, "2026-Q2": {"ann": "east"}},
}
# Metric → value, numerator, denominator, censored.
BY_HAND = {
    "mqa_volume": (6, 6, 6, 0),
    # Older than 30 days: 1 to 5; 1 and 5 met.
    "mqa_to_meeting_rate": (2 / 5, 2, 5, 1),
    # On day 10 six are watched and two meet: 1 − 4/6.
    "mqa_to_meeting_rate_km": (1 / 3, 2, 6, 1),
    # Older than 90 days: 1 to 4; what 5 has does not count yet.
    "mqa_to_opportunity_rate": (2 / 4, 2, 4, 2),
    # Day 10 one is lost from sight; days 15, 20, 40: 1 − 4/5 × 3/4 × 2/3.
    "mqa_to_opportunity_rate_km": (0.6, 3, 6, 1),
    "mqa_to_won_rate": (None, 0, 0, 6),
    # Nobody has been watched for a year.
    "mqa_to_won_rate_km": (None, 1, 6, 5),
    "opportunity_to_won_rate": (1 / 2, 1, 2, 1),
    "opportunity_velocity": (20, 3, 3, 3),
    # 1, 3, 5, 10; two were delivered and not touched.
    "time_to_first_touch": (4, 4, 4, 2),
    "time_to_first_touch_business": (2.5, 4, 4, 2),
    "time_to_first_meeting": (170, 2, 2, 4),
    "time_to_first_meeting_business": (40, 2, 2, 4),
    "sla_compliance_rate": (3 / 5, 3, 5, 1),
    # 1, 2, 5 accepted; 3 rejected; 4 ended without an answer; 6 is open.
    "sales_acceptance_rate": (3 / 5, 3, 5, 1),
    "sales_rejection_rate": (1 / 5, 1, 5, 1),
    # April has no spend that is known: what it brought is not held against that of January and March.
    "cost_per_mqa": (5000 / 5, 5000, 5, 1),
    # 90 days have passed since the end of January only: opportunities of 1 and 2.
    "cost_per_opportunity": (2000, 4000, 2, 2),
    "pipeline_roi": (4, 16000, 4000, 2),
    "pipeline": (20000, 20000, 2, 1),
    "revenue": (12000, 12000, 1, 0),
}


@pytest.fixture(scope="module")
def six(engine) -> Made:
    return made_of(engine, "episode", SIX, AS_OF, **BESIDE)


@pytest.mark.parametrize("metric", BY_HAND)
def test_a_metric_is_what_a_hand_works_out(six, metric):
    m = six.of()[metric]
    found = (m["value"], m["numerator"], m["denominator"], m["censored"])
    assert found == pytest.approx(BY_HAND[metric])


def test_mqas_per_rep_are_of_whole_quarters_and_of_reps_who_could_take_them(six):
    q1 = six.of(cohort="2026-Q1")["mqa_per_rep"]
    assert (q1["value"], q1["numerator"], q1["denominator"]) == (pytest.approx(5 / 3), 5, 3)
    q2 = six.of(cohort="2026-Q2")["mqa_per_rep"]
    assert (q2["value"], q2["censored"]) == (None, 1)
    bob = six.of("rep_id", "bob", "2026-Q1")
    assert (bob["mqa_per_rep"]["value"], bob["mqa_per_rep"]["denominator"]) == (2, 1)


def test_the_sla_is_the_reps_who_had_it_then_and_not_the_one_who_has_it(six):
    ann = six.of("rep_id", "ann")
    assert (ann["sla_compliance_rate"]["numerator"], ann["sla_compliance_rate"]["denominator"]) == (
        2,
        4,
    )
    assert ann["mqa_volume"]["value"] == 4


def test_a_month_is_compared_with_its_own_spend(six):
    january = six.of(cohort="2026-01")
    assert january["cost_per_mqa"]["value"] == 1000
    march = six.of(cohort="2026-03")
    assert march["cost_per_mqa"]["value"] == 1000
    # Its 90 days run on: nothing is claimed of its opportunities.
    assert (march["cost_per_opportunity"]["value"], march["pipeline_roi"]["value"]) == (None, None)


def test_what_months_without_known_spend_brought_makes_no_mqa_cheaper(engine):
    rows = [episode(n, on, 400, opportunity_on=day(on + 9), opportunity_id=f"o{n}", amount=Decimal(500))
            for n, on in enumerate((0, 40, 70))]  # fmt: skip
    # The account of ads was connected in March: 1,000 for the one MQA of that month.
    made = made_of(engine, "episode", rows, 400, spend={"2026-03": 1000.0})
    told = made.of()
    assert (told["cost_per_mqa"]["value"], told["cost_per_mqa"]["censored"]) == (1000, 2)
    assert told["cost_per_opportunity"]["value"] == 1000
    assert told["pipeline_roi"]["value"] == pytest.approx(-0.5)
    drilled = [r["account_id"] for r in made.counted
               if (r["metric"], r["counted_as"]) == ("cost_per_mqa", "numerator")]  # fmt: skip
    assert drilled == ["a2"]


def test_credit_notes_have_a_loss_inside_of_its_interval(engine):
    rows = [episode(n, 0, 400, opportunity_on=day(9), amount=Decimal(-500)) for n in range(3)]
    roi = made_of(engine, "episode", rows, 400, spend={"2026-01": 1000.0}).of()["pipeline_roi"]
    assert roi["value"] == pytest.approx(-2.5)
    assert roi["low"] <= roi["value"] <= roi["high"]


def test_what_sales_was_never_given_is_no_silence_of_sales(engine):
    rows = [
        episode(1, 0, 100, accepted_at=at(1), is_accepted=True),
        episode(2, 0, 100, status="recycled"),
        # Held out, or with marketing: ended, and even won, without sales having been asked.
        episode(3, 0, 100, status="recycled", is_asked_of_sales=False),
        episode(4, 0, 100, status="converted", is_accepted=True, is_asked_of_sales=False),
    ]  # fmt: skip
    told = made_of(engine, "episode", rows, 100).of()
    accepted, rejected = told["sales_acceptance_rate"], told["sales_rejection_rate"]
    assert (accepted["numerator"], accepted["denominator"]) == (1, 2)
    assert (rejected["numerator"], rejected["denominator"]) == (0, 2)
    # They are MQAs all the same.
    assert told["mqa_volume"]["value"] == 4


def test_without_spend_nothing_is_said_of_cost(engine):
    only = {"cost_per_mqa", "cost_per_opportunity", "pipeline_roi"}
    found = made_of(engine, "episode", SIX, AS_OF, only).of()
    assert {m: found[m]["value"] for m in only} == dict.fromkeys(only)


def test_what_was_won_within_a_year_is_judged_when_the_year_is_over(engine):
    rows = [
        episode(1, 0, 400, opportunity_on=day(50), won_on=day(100), deal_won=True, deal_closed=True),
        # Won after its year: conversions says no day of it.
        episode(2, 5, 400, opportunity_on=day(90), deal_won=True, deal_closed=True),
        episode(3, 10, 400, opportunity_on=day(40), deal_closed=True),
        # 300 days old, and won already: counted in the twin only.
        episode(4, 100, 400, opportunity_on=day(120), won_on=day(150), deal_won=True, deal_closed=True),
    ]  # fmt: skip
    found = made_of(engine, "episode", rows, 400, {"mqa_to_won_rate", "mqa_to_won_rate_km"}).of()
    rate, twin = found["mqa_to_won_rate"], found["mqa_to_won_rate_km"]
    assert (rate["numerator"], rate["denominator"], rate["censored"]) == (1, 3, 1)
    assert rate["value"] == pytest.approx(1 / 3)
    # On day 50 four are watched and one wins, on day 100 three and one: 1 − 3/4 × 2/3.
    assert twin["value"] == pytest.approx(1 / 2)


def test_volume_is_told_by_tier_segment_type_and_motion(engine):
    rows = [
        episode(1, 0, 40, tier="strategic", score_type="balanced"),
        episode(2, 3, 40, segment="Retail", score_type="intent_heavy"),
        episode(3, 33, 40, segment="Retail", score_type="intent_heavy", motion="expansion"),
    ]
    made = made_of(engine, "episode", rows, 40, {"mqa_volume"})
    told = {
        (m["dimension"], m["segment"]): m["value"] for m in made.figures if m["cohort"] == "all"
    }
    assert told["all", "all"] == 3
    assert (told["tier", "strategic"], told["tier", "scaled"]) == (1, 2)
    assert (told["segment", "Software"], told["segment", "Retail"]) == (1, 2)
    assert (told["score_type", "balanced"], told["score_type", "intent_heavy"]) == (1, 2)
    assert (told["motion", "new_business"], told["motion", "expansion"]) == (2, 1)
    assert made.of("segment", "Retail", "2026-02")["mqa_volume"]["value"] == 1


def test_an_opportunity_is_of_the_month_in_which_it_was_made(six):
    # Those of January's episodes were made on 21 January and 15 February.
    february = six.of(cohort="2026-02")
    assert february["opportunity_to_won_rate"]["denominator"] == 1
    assert "mqa_volume" not in february


DEALS = [
    deal(1, 20, origin="mqa_sourced", deal_won=True, deal_closed=True, amount=Decimal(12000),
         acv=Decimal(12000), channel="web"),
    deal(2, 20, deal_closed=True, amount=Decimal(500), acv=Decimal(500), channel="web"),
    deal(3, 50, deal_won=True, deal_closed=True, amount=Decimal(12000), acv=Decimal(6000)),
    deal(4, 50, origin="mqa_sourced", amount=Decimal(700)),
]  # fmt: skip


def test_win_rate_and_acv_are_told_by_source(engine):
    made = made_of(engine, "deal", DEALS, AS_OF)
    every = made.of()
    assert (every["win_rate"]["value"], every["win_rate"]["censored"]) == (pytest.approx(2 / 3), 1)
    assert (every["acv"]["value"], every["won_amount"]["value"]) == (9000, 24000)
    sourced = made.of("origin", "mqa_sourced")
    assert (sourced["win_rate"]["value"], sourced["acv"]["value"]) == (1, 12000)
    others = made.of("origin", "none")
    assert (others["win_rate"]["value"], others["acv"]["value"]) == (1 / 2, 6000)
    web = made.of("channel", "web")
    assert (web["win_rate"]["value"], web["opportunities"]["value"]) == (1 / 2, 2)


def test_a_young_cohort_looks_neither_good_nor_bad(six):
    young = six.of(cohort="2026-04")
    rate, twin = young["mqa_to_opportunity_rate"], young["mqa_to_opportunity_rate_km"]
    assert (rate["value"], rate["low"], rate["censored"]) == (None, None, 1)
    assert (twin["value"], twin["low"]) == (None, None)


def test_a_segment_that_nobody_knows_is_called_unknown(engine):
    rows = [episode(1, 30, 40), episode(2, 31, 40, segment=None)]
    made = made_of(engine, "episode", rows, 40, {"mqa_volume"})
    assert made.of("segment", "unknown")["mqa_volume"]["value"] == 1
    assert made.of(cohort="2026-01")["mqa_volume"]["value"] == 1


def test_odd_data_gives_figures_or_says_nothing(engine):
    alone = [episode(1, 0, 400, opportunity_on=day(3), amount=None, acv=None, deal_closed=True)]
    found = made_of(engine, "episode", alone, 400, spend={"2026-01": 0.0}).of()
    assert found["pipeline"]["value"] == 0
    assert found["pipeline"]["censored"] == 1
    assert (found["cost_per_mqa"]["value"], found["pipeline_roi"]["value"]) == (0, None)
    # Nothing was won, and nothing is said of revenue.
    assert "revenue" not in found
    assert found["opportunity_velocity"]["low"] is None


RECORDS = st.lists(
    st.tuples(
        st.integers(0, 200),
        st.none() | st.integers(0, 89),
        st.sampled_from(["strategic", "scaled", None]),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)
SHARES = {"mqa_volume", "mqa_to_opportunity_rate", "mqa_to_opportunity_rate_km"}
ENGINE = Engine()


def rows_of(records, as_of=200):
    """Episodes out of (age, days to an opportunity that has come by now, tier, won)."""
    found = []
    for number, (age, to, tier, won) in enumerate(records):
        on = as_of - age
        came = to is not None and to <= age
        found.append(
            episode(number, on, as_of, tier=tier, opportunity_on=day(on + to) if came else None,
                    deal_closed=came and won, deal_won=came and won)
        )  # fmt: skip
    return found


@settings(max_examples=8, deadline=None)
@given(RECORDS)
def test_every_figure_lies_in_its_interval_and_is_drilled_down_to_what_it_counts(records):
    made = made_of(ENGINE, "episode", rows_of(records), 200, SHARES)
    assert made.figures
    for m in made.figures:
        mine = [
            r["counted_as"]
            for r in made.counted
            if r["metric"] == m["metric"]
            and (m["dimension"] == "all" or (r[m["dimension"]] or "unknown") == m["segment"])
            and m["cohort"] in ("all", r["cohort"])
        ]
        below = len(mine) if m["metric"].endswith("_km") else len(mine) - mine.count("censored")
        found = (m["numerator"], m["denominator"], m["censored"])
        assert found == (mine.count("numerator"), below, mine.count("censored"))
        if m["low"] is not None:
            assert 0 <= m["low"] <= m["value"] + 1e-9
            assert m["value"] - 1e-9 <= m["high"] <= 1


@settings(max_examples=8, deadline=None)
@given(st.lists(st.none() | st.integers(0, 89), min_size=1, max_size=25))
def test_without_censoring_the_twin_is_the_rate(days):
    rows = rows_of([(150, d, "scaled", False) for d in days])
    found = made_of(ENGINE, "episode", rows, 200, SHARES).of()
    rate, twin = found["mqa_to_opportunity_rate"], found["mqa_to_opportunity_rate_km"]
    assert twin["value"] == pytest.approx(rate["value"])


def test_every_metric_has_a_method_known_dimensions_and_words():
    told = {d["metric"]: d for d in definitions(default_policy())}
    assert set(told) == set(METRICS)
    for metric in METRICS.values():
        assert metric.method in METHODS
        assert set(metric.dimensions) <= set(DIMENSIONS)
        assert "{" not in told[metric.name]["definition"]
    assert set(METHODS) == set(METHOD_WORDS)
