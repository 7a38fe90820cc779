"""Weights, lift and half-lives from whole tables: a planted world, looking ahead, and odd data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from mqa_platform import weighing
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.calibration.weights import OUTREACH, RULES_STAY
from mqa_platform.core.history import PolicyHistory
from mqa_platform_tests.core.engine import TOUCHPOINTS, Engine, policy_with

FIRST, LAST = date(2025, 7, 1), date(2026, 6, 30)
POLICY = policy_with(calibration={"enough_wins": 20})
SIGNALS = ("pricing_view", "content_download", "intent_surge")
# Chance of a deal in the weeks after each of them was seen.
CHANCE = {"pricing_view": 0.5, "content_download": 0.1, "intent_surge": 0.0}


class Made:
    """Touchpoints, deals and handoffs as tables; what a row does not name is null."""

    def __init__(self, touchpoints=(), deals=(), handoffs=()):
        self.engine = Engine()
        told = {"crm_opportunities": deals, "handoffs": handoffs}
        self.made = {"touchpoints": self.engine.table(touchpoints, TOUCHPOINTS)}
        for name, rows in told.items():
            schema = pa.schema(
                [pa.field(f.name, f.type) for f in load_contracts()[name].arrow_schema]
            )
            self.made[name] = self.engine.table(rows, schema)
        self.table = self.made.__getitem__
        self.rows, self.keep, self.apply = self.engine.rows, self.engine.keep, self.engine.apply


def noon(day):
    return datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=12)


def touch(number, account, signal, day, **changed):
    row = {"signal_id": f"s{number}", "account_id": account, "touchpoint_date": day,
           "occurred_at": noon(day), "received_at": noon(day), "signal_type": signal,
           "direction": "inbound", "channel": "web", "share": 1.0, "match_confidence": 1.0,
           "strength": 1.0, "seniority": 1.0, "anonymous_id": f"c{account}", "is_known_person": False}  # fmt: skip
    return {**row, **changed}


def deal(number, account, day, won=True):
    return {"opportunity_id": f"o{number}", "account_id": account, "valid_from": day, "is_deleted": False,
            "created_at": noon(day), "is_closed": True, "is_won": won,
            "closed_at": noon(day + timedelta(days=20))}  # fmt: skip


@cache
def world(accounts=1200, seed=4):
    """Each account shows one or two signals once; some have a deal about four weeks later."""
    rng = np.random.default_rng(seed)
    touches, deals = [], []
    for n in range(accounts):
        name, seen = f"a{n}", rng.random(len(SIGNALS)) < 0.4
        day = FIRST + timedelta(days=int(rng.integers(30, 240)))
        for i in np.flatnonzero(seen):
            touches.append(touch(len(touches), name, SIGNALS[i], day))
        chance = 0.02 + max([CHANCE[SIGNALS[i]] for i in np.flatnonzero(seen)], default=0.0)
        if rng.random() < chance:
            deals.append(deal(n, name, day + timedelta(days=int(rng.integers(15, 40)))))
    return tuple(touches), tuple(deals)


def weighed(touches, deals, handoffs=(), as_of=LAST, policy=POLICY):
    return weighing.weighed(
        Made(touches, deals, handoffs), PolicyHistory.always(policy, "v1"), as_of
    )


@pytest.fixture(scope="module")
def planted():
    return weighed(*world())


def test_what_was_planted_is_found_and_ranked(planted):
    lift = {x.signal: x for x in planted.lifts}
    assert lift["pricing_view"].verdict == "lifts"
    assert lift["pricing_view"].lift > lift["content_download"].lift
    assert lift["intent_surge"].verdict in ("no_difference", "lowers")
    found = {w.component: w for w in planted.ranked.weights}
    assert planted.ranked.p_value == 0.01
    # Intent stands at 15 points, and nothing comes of it; prices are seen before most deals.
    assert (
        found["pricing_view"].asked > found["content_download"].asked > found["intent_surge"].asked
    )
    assert found["intent_surge"].proposed < 15
    assert found["pricing_view"].proposed > 8
    # Nobody showed these.
    for name in ("demo_request", "event_attendance", "negative_company_event"):
        assert found[name].proposed == found[name].now
        assert RULES_STAY in found[name].says


def test_rows_are_what_the_contracts_ask_for(planted):
    told = {
        "weight_proposals": weighing.weight_rows(planted),
        "signal_lift": weighing.lift_rows(planted),
        "half_life_estimates": weighing.half_life_rows(planted),
    }
    for name, rows in told.items():
        schema = load_contracts()[name].arrow_schema
        stamped = {"estimated_on", "motion"}
        stamped |= {"policy_version"} if name == "weight_proposals" else set()
        assert set(rows[0]) | stamped == set(schema.names)
        assert pa.Table.from_pylist(rows, schema=schema).num_rows == len(rows)
    banned = [r for r in told["weight_proposals"] if r["status"] == OUTREACH]
    assert [r["component"] for r in banned] == ["email_reply_or_click", "ad_click"]
    assert [(r["weight_proposed"], r["weight_asked"]) for r in banned] == [(3, None), (1, None)]


def test_shuffled_deals_propose_nothing():
    touches, deals = world()
    names = [f"a{n}" for n in range(1200)]
    dealt = dict(zip(names, np.random.default_rng(1).permutation(names).tolist(), strict=True))
    found = weighed(touches, tuple({**d, "account_id": dealt[d["account_id"]]} for d in deals))
    assert found.ranked.winners >= 20
    assert found.ranked.p_value > 0.01
    assert all(w.proposed == w.now for w in found.ranked.weights)
    assert all(x.verdict in ("no_difference", "cannot_say") for x in found.lifts)


@pytest.mark.parametrize("most", [weighing.ACCOUNTS, 300], ids=["all are read", "a part is read"])
def test_a_past_day_knows_nothing_of_what_came_after(monkeypatch, most):
    monkeypatch.setattr(weighing, "ACCOUNTS", most)
    touches, deals = world()
    dealt = {d["account_id"] for d in deals}
    # Every fourth of the others has its first deal after the day.
    later = [n for n in range(0, 1200, 4) if f"a{n}" not in dealt]
    deals += tuple(deal(2000 + n, f"a{n}", date(2026, 5, 1)) for n in later)
    past = date(2026, 3, 31)
    whole = weighed(touches, deals, as_of=past)
    cut = weighed(
        tuple(t for t in touches if t["received_at"].date() <= past),
        tuple(
            d if d["closed_at"].date() <= past else {**d, "is_closed": False, "is_won": False, "closed_at": None}
            for d in deals if d["created_at"].date() <= past
        ),
        as_of=past,
    )  # fmt: skip
    assert replace(whole, rows=0) == replace(cut, rows=0)
    assert whole.rows == cut.rows
    assert whole.last_look == past - timedelta(days=90)


def test_what_comes_in_while_sales_holds_the_account_is_not_counted():
    """Reps call everybody they hold; whoever buys then looks at prices because of them."""
    touches, deals, handoffs = [], [], []
    for n in range(200):
        day, name = FIRST + timedelta(days=60 + n % 150), f"a{n}"
        handoffs.append({"account_id": name, "motion": "new_business", "created_on": day})
        touches.append(touch(len(touches), name, "content_download", day))
        if n % 4 == 0:
            touches.append(touch(len(touches), name, "pricing_view", day + timedelta(days=5)))
            deals.append(deal(n, name, day + timedelta(days=40)))
    free = {x.signal: x for x in weighed(touches, deals).lifts}
    held = {x.signal: x for x in weighed(touches, deals, handoffs).lifts}
    assert free["pricing_view"].winners_with > 20
    assert held["pricing_view"].winners_with == 0
    # The day of the handoff itself is seen, with what came before sales knew.
    assert held["content_download"].winners_with == 50


def test_of_many_accounts_a_part_stands_for_all(monkeypatch, planted):
    monkeypatch.setattr(weighing, "ACCOUNTS", 600)
    part = weighed(*world())
    assert part.rows < planted.rows
    assert part.ranked.winners == planted.ranked.winners
    for mine, whole in zip(part.lifts[:3], planted.lifts[:3], strict=True):
        assert mine.coverage == pytest.approx(whole.coverage, abs=0.05)
    lift = {x.signal: x.lift for x in part.lifts}
    assert lift["pricing_view"] == pytest.approx(
        {x.signal: x.lift for x in planted.lifts}["pricing_view"], rel=0.25
    )


@pytest.mark.parametrize("odd", ["nothing", "no deals", "no history", "all lost", "all won", "one"])
def test_odd_data_changes_nothing(odd):
    touches, deals = world(200)
    as_of = LAST
    if odd == "nothing":
        touches, deals = (), ()
    elif odd == "no deals":
        deals = ()
    elif odd == "no history":
        as_of = FIRST + timedelta(days=60)
    elif odd == "all lost":
        deals = tuple({**d, "is_won": False} for d in deals)
    elif odd == "all won":
        deals = tuple(
            deal(n, t["account_id"], t["touchpoint_date"] + timedelta(days=30))
            for n, t in enumerate(touches)
        )
        touches = touches[:1]
    else:
        touches, deals = touches[:1], deals[:1]
    found = weighed(touches, deals, as_of=as_of)
    assert all(w.proposed == w.now for w in found.ranked.weights)
    assert all(h.proposed == h.now for h in found.half_lives)
    assert len(weighing.weight_rows(found)) == 13
    assert {x.verdict for x in found.lifts} == {"cannot_say"}
