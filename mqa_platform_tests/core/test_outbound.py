"""What we do ourselves is seen and kept, and never earns a point."""

from __future__ import annotations

import pytest

from mqa_platform.core.signals import signals
from mqa_platform.core.window import Window
from mqa_platform.sources.schemas import EVENTS
from mqa_platform_tests.core.engine import at, day, default_policy, landed_schema, touch
from mqa_platform_tests.core.scoring import answer

OURS = ("outbound_email", "outbound_call", "outbound_social", "ad_impression")
UNSCORED = (*OURS, "event_registration")


@pytest.mark.parametrize("event", UNSCORED)
def test_what_no_signal_of_the_policy_claims_keeps_its_own_name(engine, event):
    row = {
        "source": "s", "event_id": "e", "event_date": day(0), "occurred_at": at(0),
        "received_at": at(0), "event": event, "direction": "outbound" if event in OURS else "inbound",
        "is_bot_agent": False, "payload_hash": "h", "batch_id": "b",
    }  # fmt: skip
    landed = engine.table([row], landed_schema("landed_signals"))
    (found,) = engine.rows(signals(landed, default_policy(), Window.of(day(0), day(0))))
    assert (found["signal_type"], found["direction"]) == (event, row["direction"])
    assert event in EVENTS
    assert event not in default_policy().signals.signals


@pytest.mark.parametrize("signal", sorted(default_policy().signals.signals))
def test_no_signal_that_we_sent_earns_anything(signal):
    rows = [
        touch(n, signal, person_id=f"p{n}", direction="outbound", intent_score=90.0)
        for n in range(5)
    ]
    lines = answer(rows, default_policy(), [day(5)])
    assert [line for line in lines.to_pylist() if line["points"] or line["raw_points"]] == []


@pytest.mark.parametrize("event", UNSCORED)
def test_an_unscored_signal_makes_nobody_part_of_the_committee(event):
    rows = [touch(n, event, person_id=f"p{n}") for n in range(5)]
    lines = answer(rows, default_policy(), [day(5)])
    assert all(not line["points"] for line in lines.to_pylist())
