"""How often an SLA was kept: who counts, where, and when."""

from __future__ import annotations

import pytest

from mqa_platform.core.compliance import sla_compliance
from mqa_platform.core.rates import wilson
from mqa_platform_tests.core.clock_cases import activity, clocked, handoff, left, rep, utc

# Delivered on Monday 29 December 2025: the first week of 2026, and a month of 2025.
OLD = "2025-12-29T10:00"


def compliance(engine):
    handoffs = [
        handoff(OLD, handoff_id="met", account_id="a1"),
        handoff(handoff_id="late", account_id="a2"),
        handoff(handoff_id="never", account_id="a3", tier="strategic", sla_hours=4),
        handoff(handoff_id="over", account_id="acme"),
        handoff("2026-01-08T10:00", handoff_id="runs", account_id="a5", rep_id="ben"),
        handoff("2026-01-08T12:00", handoff_id="asked", account_id="a6", rep_id="ben", sla_hours=1,
                evidence_rule="hand_raise"),
        handoff(handoff_id="market", account_id="a7", rep_id="marketing_play"),
        handoff(handoff_id="backlog", account_id="a8", status="backlog", qualified_at=utc("2026-02-01T00:00")),
    ]  # fmt: skip
    done = [
        activity("2025-12-29T12:00", account_id="a1"),
        activity("2026-01-07T12:00", account_id="a2"),
        activity("2026-01-08T12:30", account_id="a6"),
    ]
    reps = [rep(), rep("ben", team=None)]
    moved = [left("2026-01-05", "recycled")]
    t = clocked(
        engine, *handoffs, reps=reps, activities=done, moves=moved, as_of=utc("2026-01-08T15:00")
    )
    rows = engine.rows(sla_compliance(t, engine.apply))
    return {(r["dimension"], r["segment"], r["period"]): r for r in rows}


def counts(row):
    return tuple(row[c] for c in ("n", "met", "breached", "running", "stopped"))


def test_the_rate_is_of_what_is_decided_with_its_interval(engine):
    found = compliance(engine)
    every = found["all", "all", "all"]
    assert counts(every) == (6, 2, 2, 1, 1)
    assert every["rate"] == 0.5
    assert (every["low"], every["high"]) == wilson(2, 4)
    assert every["median_touch_hours"] == 2.0
    assert found["rep", "ann", "all"]["median_touch_business_hours"] == pytest.approx((2 + 18) / 2)


def test_a_handoff_counts_for_rep_team_tier_and_class_in_its_week_and_month(engine):
    found = compliance(engine)
    assert counts(found["rep", "ann", "all"]) == (4, 1, 2, 0, 1)
    assert counts(found["rep", "ben", "all"]) == (2, 1, 0, 1, 0)
    assert counts(found["team", "EMEA", "all"]) == (4, 1, 2, 0, 1)
    assert counts(found["team", "unknown", "all"]) == (2, 1, 0, 1, 0)
    assert counts(found["tier", "strategic", "all"]) == (1, 0, 1, 0, 0)
    assert counts(found["class", "hand_raise", "all"]) == (1, 1, 0, 0, 0)
    assert counts(found["class", "scaled", "all"]) == (4, 1, 1, 1, 1)
    assert counts(found["motion", "new_business", "all"])[0] == 6
    assert counts(found["all", "all", "2026-W01"]) == (1, 1, 0, 0, 0)
    assert counts(found["all", "all", "2025-12"]) == (1, 1, 0, 0, 0)
    assert (
        counts(found["all", "all", "2026-01"])[0] == counts(found["all", "all", "2026-W02"])[0] == 5
    )


def test_what_is_not_decided_has_no_rate(engine):
    found = compliance(engine)
    assert found["all", "all", "2026-W02"]["rate"] == pytest.approx(1 / 3)
    only = clocked(engine, handoff(), as_of=utc("2026-01-05T11:00"))
    rows = engine.rows(sla_compliance(only, engine.apply))
    assert {(r["rate"], r["low"], r["high"], r["running"]) for r in rows} == {(None, None, None, 1)}


def test_the_segments_of_a_dimension_add_up_to_everybody(engine):
    found = compliance(engine)
    for dimension in ("rep", "team", "tier", "class", "motion"):
        rows = [counts(r) for (d, _, p), r in found.items() if d == dimension and p == "all"]
        total = tuple(sum(column) for column in zip(*rows, strict=True))
        assert total == counts(found["all", "all", "all"])
