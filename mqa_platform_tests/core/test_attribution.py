"""Attribution: credit by hand for each model, and no money made or lost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_platform.core.attribution import (
    MODELS,
    Touch,
    attribution_kernel,
    last_touches,
    shared,
)
from mqa_platform.core.conversion_paths import paths_kernel, paths_with_outcome
from mqa_platform.core.deal_touches import touches_before
from mqa_platform_tests.core.engine import TIMESTAMP, TOUCHPOINTS, at, day, default_policy, touch

ORIGINS = pa.schema(
    [
        *((c, pa.string()) for c in ("opportunity_id", "account_id", "origin")),
        ("created_at", TIMESTAMP),
        ("created_on", pa.date32()),
        ("amount", pa.decimal128(18, 4)),
        ("is_closed", pa.bool_()),
        ("is_won", pa.bool_()),
    ]
)


def opportunity(on=100, **changed):
    row = {"opportunity_id": "o1", "account_id": "acme", "origin": "none", "created_at": at(on),
           "created_on": day(on), "amount": Decimal(1000), "is_closed": False, "is_won": False}  # fmt: skip
    return {**row, **changed}


def attributed(engine, touches, deals):
    origins = engine.table(deals, ORIGINS)
    points = engine.table(touches, TOUCHPOINTS)
    rows = engine.keep(touches_before(origins, points, default_policy()))
    credits = engine.apply(attribution_kernel(default_policy()), rows, "shard")
    paths = engine.apply(paths_kernel(), rows, "shard")
    return credits, engine.rows(credits), engine.rows(paths_with_outcome(paths, origins))


def seen(number, channel, **changed):
    return touch(number, channel=channel, person_id=f"p{number}", **changed)


# Pricing fades by 30 days in the packaged policy: ages 60, 30 and 0 days.
THREE = [seen(40, "ads"), seen(70, "web"), seen(100, "email", occurred_at=at(100, 11, 59))]


def test_credit_is_what_each_rule_says(engine):
    half = default_policy().signals.signals["pricing_view"].half_life_days
    assert half == 30
    _, found, _ = attributed(engine, THREE, [opportunity()])
    by = {(r["model"], r["channel"]): r["credit"] for r in found}
    assert {k: v for k, v in by.items() if k[0] in ("first", "last")} == {
        ("first", "ads"): 1,
        ("last", "email"): 1,
    }
    shares = [by["linear", c] for c in ("ads", "web", "email")]
    assert shares == pytest.approx([1 / 3] * 3)
    shares = [by["position_based", c] for c in ("ads", "web", "email")]
    assert shares == pytest.approx([0.4, 0.2, 0.4])
    # A quarter, a half and a whole, of 1.75; the last is a minute old.
    shares = [by["time_decay", c] for c in ("ads", "web", "email")]
    assert shares == pytest.approx([1 / 7, 2 / 7, 4 / 7], abs=1e-4)


def test_money_goes_with_credit_and_revenue_with_a_win(engine):
    _, won, _ = attributed(engine, THREE, [opportunity(is_closed=True, is_won=True)])
    thirds = sorted(r["pipeline"] for r in won if r["model"] == "linear")
    assert thirds == [Decimal("333.3333"), Decimal("333.3333"), Decimal("333.3334")]
    assert sum(r["revenue"] for r in won if r["model"] == "linear") == 1000
    _, lost, _ = attributed(engine, THREE, [opportunity(is_closed=True)])
    assert {r["revenue"] for r in lost} == {0}
    _, unknown, _ = attributed(engine, THREE, [opportunity(amount=None)])
    assert {r["pipeline"] for r in unknown} == {None}


NO_TOUCHES = [
    seen(100, "web", occurred_at=at(100, 12, 1)),
    seen(-266, "web"),
    seen(50, "web", direction="outbound"),
    seen(50, "web", signal_type="intent_surge"),
    seen(50, "web", signal_type="careers_visit"),
    seen(50, "web", account_id="other"),
]


@pytest.mark.parametrize("other", NO_TOUCHES)
def test_what_the_buyer_did_not_do_before_is_no_touch(engine, other):
    _, found, (path,) = attributed(engine, [other], [opportunity()])
    assert {(r["channel"], r["touches"], r["credit"]) for r in found} == {("none", 0, 1.0)}
    assert (path["path"], path["touches"], path["days"]) == ("none", 0, None)


def test_a_visit_of_many_pages_is_one_touch(engine):
    pages = [
        {**seen(50, "web", page_type="pricing"), "signal_id": f"v{i}", "person_id": "p"}
        for i in range(9)
    ]
    _, found, (path,) = attributed(engine, [*pages, seen(60, "email")], [opportunity()])
    assert path["touches"] == 2
    assert {r["credit"] for r in found if r["model"] == "linear"} == {0.5}


def test_a_path_names_each_channel_once_in_a_row(engine):
    touches = [seen(n, c) for n, c in enumerate(("ads", "web", "web", "email", "web"), start=10)]
    deals = [opportunity(is_closed=True, is_won=True)]
    credits, _, (path,) = attributed(engine, touches, deals)
    assert path["path"] == "ads > web > email > web"
    assert (path["touches"], path["people"], path["days"], path["is_won"]) == (5, 5, 90, True)
    assert engine.rows(last_touches(credits))[0]["channel"] == "web"


def test_what_lies_before_the_programmes_history_is_not_attributed(engine):
    start = default_policy().program.history_starts_on - day(0)
    deals = [opportunity(start.days - 1), opportunity(start.days, opportunity_id="o2")]
    _, found, _ = attributed(engine, [], deals)
    assert {r["opportunity_id"] for r in found} == {"o2"}


AMOUNTS = st.none() | st.decimals(-100_000, 10_000_000, places=4)
VISITS = st.lists(
    st.tuples(st.sampled_from(["web", "ads", None]), st.integers(0, 360), st.integers(0, 3)),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(AMOUNTS, VISITS, st.booleans())
def test_no_credit_and_no_money_is_made_or_lost(amount, visits, won):
    rows = [
        {"opportunity_id": "o", "account_id": "a", "created_at": at(0), "amount": amount,
         "is_won": won, "signal_id": f"s{i}", "signal_type": "pricing_view", "channel": channel,
         "campaign": None, "content": None, "visitor": f"v{who}", "person_id": None,
         "occurred_at": at(0) - timedelta(days=age, hours=1)}
        for i, (channel, age, who) in enumerate(visits)
    ] or [{"opportunity_id": "o", "account_id": "a", "created_at": at(0), "amount": amount,
           "is_won": won, "signal_id": None}]  # fmt: skip
    found = attribution_kernel(default_policy()).fn(pa.Table.from_pylist(rows)).to_pylist()
    for model in MODELS:
        mine = [r for r in found if r["model"] == model]
        assert sum(r["credit"] for r in mine) == pytest.approx(1, abs=1e-12)
        if amount is None:
            assert {r["pipeline"] for r in mine} == {None}
            continue
        assert sum(r["pipeline"] for r in mine) == amount
        assert sum(r["revenue"] for r in mine) == (amount if won else 0)


@settings(max_examples=100, deadline=None)
@given(st.decimals(0, 10**9, places=4), st.lists(st.floats(0.001, 1), min_size=1, max_size=30))
def test_an_amount_is_shared_out_to_the_last_digit(amount, weights):
    parts = shared(amount, [w / sum(weights) for w in weights])
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(float(part) - float(amount) * weight / sum(weights)) < 0.001 + 1e-9 * float(
            amount
        )


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=20))
def test_weights_of_every_model_sum_to_one_however_old_the_touches(ages):
    touches = [Touch("web", "", "", float(a), 30.0) for a in sorted(ages, reverse=True)]
    for weights in MODELS.values():
        assert sum(weights(touches)) == pytest.approx(1)
