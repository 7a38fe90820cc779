"""All tables of the metrics together, on data that lacks nearly everything."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.business_time import WorkingTime
from mqa_platform.core.calendars import CALENDAR, as_text
from mqa_platform.core.metrics.facts import Ground
from mqa_platform.core.metrics.methods import Beside
from mqa_platform.core.metrics.tables import metric_tables
from mqa_platform.core.missed_deals import Seen
from mqa_platform_tests.core.engine import at, day, default_policy
from mqa_platform_tests.core.test_handoffs import entered_of, move

NAMES = (
    "conversions", "handoffs", "score_receipts", "stage_transitions", "stages", "account_fit", "accounts", "capacity",
)  # fmt: skip


def tables_of(engine, rows, as_of=200):
    def table(name):
        fields = [pa.field(f.name, f.type) for f in load_contracts()[name].arrow_schema]
        return engine.table(rows.get(name, ()), pa.schema(fields))

    ground = Ground(*map(table, NAMES), engine.table(rows.get("calendars", ()), CALENDAR))
    entered = entered_of(engine, rows.get("moves", ()), rows.get("accounts", ()))
    others = map(table, ("scores", "score_receipts", "stages", "account_fit", "touchpoints"))
    made = metric_tables(
        ground, Seen(entered, *others), table("crm_opportunities"), default_policy(),
        Beside(day(0), day(as_of)), engine.keep, engine.apply,
    )  # fmt: skip
    return {name: engine.rows(expr) for name, expr in made.items()}


@pytest.fixture(scope="module")
def nothing(engine):
    return tables_of(engine, {})


def test_a_programme_without_anything_has_tables_without_figures(nothing):
    assert "metric_accounts" in nothing
    assert {name: rows for name, rows in nothing.items() if rows} == {}


LONDON = as_text(WorkingTime("Europe/London", frozenset(range(5)), 9 * 3600, 17 * 3600))
# Delivered on Thursday, 1 January 2026 at noon; the meeting on Monday the 5th at 14:00, in London.
EPISODE = {
    "conversions": [
        {"account_id": "acme", "motion": "new_business", "episode": 1, "handoff_id": "h", "qualified_at": at(0),
         "mqa_on": day(0), "meeting_at": at(4, 14), "meeting_on": day(4), "opportunity_on": day(10),
         "opportunity_id": "o1", "tier": "scaled", "segment": "Software", "rep_id": "ann"},
    ],
    "handoffs": [{"handoff_id": "h", "status": "converted", "delivered_at": at(0), "sla_state": "met"}],
    "calendars": [
        {"rep_id": "ann", "valid_from": day(-9), "team": "east",
         "calendar": LONDON},
    ],
    "capacity": [{"user_id": "ann", "valid_from": day(-9), "team": "east", "is_active": True}],
    "score_receipts": [
        {"account_id": "acme", "motion": "new_business", "score_date": day(0), "component": c, "points": Decimal(p)}
        for c, p in (("ad_click", 3), ("pricing_view", 9), ("multi_contact", 5))
    ],
    "crm_opportunities": [
        {"opportunity_id": "o1", "account_id": "acme", "created_at": at(10), "is_closed": True, "is_won": True,
         "closed_at": at(60), "amount": 1000.0, "is_deleted": False, "owner_id": "ann", "valid_from": day(10)},
    ],
    "accounts": [{"account_id": "acme", "valid_from": day(-99), "tier": "scaled", "industry": "Software"}],
    "moves": [move()],
}  # fmt: skip


@pytest.fixture(scope="module")
def one(engine):
    return tables_of(engine, EPISODE)


def test_one_episode_is_told_the_same_in_every_table(one):
    told = {
        m["metric"]: m["value"]
        for m in one["conversion_metrics"]
        if (m["dimension"], m["cohort"]) == ("all", "all") and m["value"] is not None
    }
    assert (told["mqa_volume"], told["mqa_to_meeting_rate"], told["opportunity_velocity"]) == (
        1,
        1,
        10,
    )
    assert (told["win_rate"], told["opportunity_to_won_rate"], told["won_amount"]) == (1, 1, 1000)
    assert (told["sales_acceptance_rate"], told["sla_compliance_rate"]) == (1, 1)
    (found,) = one["opportunity_origin"]
    assert (found["origin"], found["episode"], found["acv"]) == ("mqa_sourced", 1, 1000)
    assert {c["channel"] for c in one["attribution"]} == {"none"}


HANDOFFS = {
    "held out, and won": {"status": "converted", "sla_state": "no_clock"},
    "with marketing": {"status": "recycled", "delivered_at": at(0), "sla_state": "no_clock"},
    "backlog that waits": {"status": "recycled", "sla_state": "not_delivered"},
}


@pytest.mark.parametrize("case", HANDOFFS)
def test_what_sales_was_not_asked_is_in_no_acceptance_rate(engine, case):
    found = tables_of(engine, {**EPISODE, "handoffs": [{"handoff_id": "h", **HANDOFFS[case]}]})
    told = {m["metric"] for m in found["conversion_metrics"]}
    assert "mqa_to_opportunity_rate" in told
    assert not told & {"sales_acceptance_rate", "sales_rejection_rate"}


def test_backlog_that_sales_refused_before_its_turn_is_an_answer(engine):
    refused = {
        "handoff_id": "h",
        "status": "rejected",
        "sla_state": "not_delivered",
        "rejected_at": at(2),
    }
    found = tables_of(engine, {**EPISODE, "handoffs": [refused]})
    told = {m["metric"]: m["value"] for m in found["conversion_metrics"]
            if (m["dimension"], m["cohort"]) == ("all", "all")}  # fmt: skip
    assert (told["sales_acceptance_rate"], told["sales_rejection_rate"]) == (0, 1)
    assert [r["rejected"] for r in found["rejection_reasons"] if r["dimension"] == "all"] == [1]


def test_time_to_the_first_meeting_is_elapsed_and_in_the_reps_working_hours(one):
    told = {
        m["metric"]: m["value"]
        for m in one["conversion_metrics"]
        if (m["dimension"], m["cohort"]) == ("all", "all")
    }
    assert told["time_to_first_meeting"] == 98
    # Thursday noon to 17:00, Friday eight hours, Monday 9:00 to 14:00.
    assert told["time_to_first_meeting_business"] == 18


def test_the_leading_signal_is_the_component_with_most_points(one):
    found = {m["segment"] for m in one["conversion_metrics"] if m["dimension"] == "signal"}
    assert found == {"pricing_view"}
