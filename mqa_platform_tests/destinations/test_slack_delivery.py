"""The outbox and Slack together: whatever the weather, each message stands there once."""

from __future__ import annotations

from collections import Counter

from mqa_platform.destinations.channel import Message
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.outbox import send_due
from mqa_platform.destinations.slack_channel import SlackChannel
from mqa_platform.local_services.faults import Weather
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.policy.delivery import Retries
from mqa_platform.policy.delivery_channels import Slack
from mqa_platform_tests.destinations.carrying import Clock
from mqa_platform_tests.reports.message_cases import payload

RETRIES = Retries(attempts=50, attempts_in_run=5, failures_in_a_row=50)


def test_in_any_weather_each_message_stands_there_once_and_none_is_missing(tmp_path):
    """A third is answered 429, and a fifth breaks off before or after it was done."""
    keys = [f"h{i}:slack" for i in range(20)]
    with LocalSlack(channels=("C0TEAM",)) as workspace:
        settings = Slack(base_url=f"{workspace.url}/api/", reps={"ann": "C0TEAM"})
        channel = SlackChannel(settings, workspace.environment())
        journal, clock = Journal(tmp_path / "outbox.sqlite3"), Clock()
        told = [Message(k, "slack", "handoff", k, rep_id="ann", payload=payload()) for k in keys]
        journal.enter(told, clock())
        workspace.weather = Weather(
            seed=7, too_many=0.3, broken=0.1, hangs=0.0, truncated=0.1, retry_after="1"
        )
        for _ in range(4):
            send_due(journal, {"slack": channel}, RETRIES, clock, clock.pause)
            clock.pause(5 * 3_600)
        assert journal.counts() == {"sent": 20, "pending": 0, "failed": 0, "dead": 0}
        there = Counter(m["metadata"]["event_payload"]["key"] for m in workspace.messages())
        assert there == Counter(keys)
        asked = len(workspace.asked("chat.postMessage"))
        send_due(journal, {"slack": channel}, RETRIES, clock, clock.pause)
        assert len(workspace.asked("chat.postMessage")) == asked
