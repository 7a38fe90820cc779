"""Computing is not telling: no run of the past notifies anybody."""

from __future__ import annotations

import socket

import pytest

from mqa_platform.assets import handoffs, scores, stages
from mqa_platform.home import Home
from mqa_platform_tests.system.pipeline import ALL, day, rows, run


def test_no_handoff_of_a_backfill_was_delivered(built: Home) -> None:
    via = {v for (v,) in rows(built, "SELECT delivered_via FROM handoffs")}
    # What stands on a worklist was brought to nobody.
    assert via <= {None, "worklist"}, via


def test_a_backfill_opens_no_connection_and_enters_nothing_in_the_outbox(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a run of the past tried to reach somebody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    run(home, day(29), work=(scores.scores, stages.stages, handoffs.handoffs))
    assert not home.outbox.exists()


def test_the_first_day_of_history_opens_backlog_and_no_news(built: Home) -> None:
    first = rows(
        built,
        "SELECT count(*) FROM stage_transitions WHERE to_stage = 'mqa' AND rule = 'qualified' "
        f"AND reason <> 'hand_raise' AND changed_on = DATE '{ALL.lo}'",
    )
    assert first == [(0,)]
