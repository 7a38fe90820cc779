"""Of the published tables of a whole run every channel tells the same handoffs, clocks and digests, once each."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from mqa_platform.destinations.delivering import delivered
from mqa_platform.destinations.journal import Journal
from mqa_platform.home import Home
from mqa_platform.local_services.slack import LocalSlack
from mqa_platform.policy.delivery import Delivery
from mqa_platform.policy.delivery_channels import Channels
from mqa_platform_tests.destinations.mail_server import MailServer
from mqa_platform_tests.destinations.test_webhook_channel import HELD, Target
from mqa_platform_tests.system.pipeline import LAST, opened

NOW = datetime(LAST.year, LAST.month, LAST.day, 18, tzinfo=UTC)
KINDS = ["handoff", "update", "reminder", "escalation", "digest"]


@pytest.mark.slow
def test_every_channel_tells_the_same_once(home: Home) -> None:
    with (
        LocalSlack(channels=("C0OPS",)) as slack,
        MailServer(encrypts=False) as mail,
        Target() as hook,
    ):
        threading.Thread(target=hook.serve_forever, args=(0.02,), daemon=True).start()
        channels = Channels.model_validate(
            {
                "slack": {"base_url": f"{slack.url}/api/", "otherwise": "C0OPS",
                          "look_up_by_email": False, "kinds": KINDS},
                "email": {"host": "127.0.0.1", "port": mail.port, "tls": "none", "kinds": KINDS,
                          "sender": "mqa@us.example", "otherwise": "ops@us.example"},
                "webhooks": {"outreach": {"url": hook.url, "allow_private": True, "kinds": KINDS}},
            }
        )  # fmt: skip
        delivery = Delivery(enabled=True, delivery_window_days=28, channels=channels)

        @contextmanager
        def session() -> Iterator[Any]:
            with opened(home) as step:
                yield step.session

        def deliver() -> None:
            with opened(home) as step:
                policy = step.policy.model_copy(update={"delivery": delivery})
            environment = {**slack.environment(), **HELD}
            delivered(home, policy, environment, session, lambda: NOW)

        deliver()
        posted = Counter(
            m["metadata"]["event_payload"]["key"].removesuffix(":slack") for m in slack.messages()
        )
        hooked = Counter(key.removesuffix(":webhook_outreach") for key, _ in hook.events)
        assert posted == hooked
        assert set(posted.values()) == {1}
        assert len(mail.mails) == len(posted) == len({m["Message-ID"] for m in mail.mails})
        kinds = {event["type"] for _, event in hook.events}
        # Nobody is reminded of what he is told of in the same hour.
        assert kinds == {"mqa.handoff", "mqa.digest"}
        digests = [e["data"]["text"] for _, e in hook.events if e["type"] == "mqa.digest"]
        assert any("## Due, or over" in text for text in digests)
        briefs = [e["data"]["text"] for _, e in hook.events if e["type"] == "mqa.handoff"]
        assert all("## Why now" in text and "## Where it stands" in text for text in briefs)
        assert Journal(home.outbox).counts()["failed"] == 0
        told = len(slack.log), len(mail.mails), hook.asked
        deliver()
        assert (len(slack.log), len(mail.mails), hook.asked) == told
        hook.shutdown()
