"""One delivery: answers are taken, the outbox is filled, and what is due is sent.

Belongs here: the order of these, and that the warehouse is free while anybody is called. Does not belong
here: what is told (``filling``), how it is sent (``outbox``), or publishing what came of it (``assets``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from mqa_platform.core.calibration.stale import stale_line
from mqa_platform.destinations.answers import Taken, taken
from mqa_platform.destinations.channels import Ready, channels_of, kinds_of
from mqa_platform.destinations.filling import Filled, fill
from mqa_platform.destinations.journal import Journal
from mqa_platform.destinations.outbox import Delivered, send_due, utc_now
from mqa_platform.destinations.slack_channel import SlackChannel
from mqa_platform.destinations.slack_people import People
from mqa_platform.destinations.verdicts import Clock
from mqa_platform.home import Home
from mqa_platform.marts import open_marts
from mqa_platform.policy.models import Policy
from mqa_platform.promotions import load_history
from mqa_platform.threshold_reviews import ages
from mqa_platform.warehouse.errors import SnapshotMissingError

# Opens the warehouse for the length of a block.
Opened = Callable[[], AbstractContextManager[Any]]
IS_SHADOW = "a replay of another policy never delivers: it is not what happened"
IS_OFF = "delivery is off: enabled in delivery.yaml is false"


class ShadowError(Exception):
    """This home is a replay; nothing is sent from it."""


@dataclass
class Delivery:
    """What one delivery did; ``why_not`` says why nothing was sent, where nothing may be.

    Attributes:
        held: key of a message that waits → the setting that makes it wait.
        unusable: channel → why nothing can be sent on it, or nothing more in this run.
    """

    why_not: str = ""
    filled: Filled = field(default_factory=Filled)
    sent: Delivered = field(default_factory=Delivered)
    answers: Taken = field(default_factory=Taken)
    unusable: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Numbers and reasons, as the orchestrator and the command line show them."""
        found: dict[str, Any] = {"sends": not self.why_not}
        if self.why_not:
            return {**found, "why_not": self.why_not}
        states = {f"tried_{s}": self.sent.count(s) for s in ("sent", "failed", "dead")}
        found |= {"entered": self.filled.entered, "released": self.filled.released, **states}
        found |= {"held": len(self.filled.held), "given_up": self.filled.given_up}
        found |= {"answers": self.answers.counted, "answers_refused": self.answers.refused}
        found |= {"answers_waiting": len(self.answers.later)}
        found |= {"answers_unreadable": sorted(self.answers.unreadable)}
        return {**found, "channels_left_alone": dict(sorted(self.unusable.items()))}


def delivered(
    home: Home,
    policy: Policy,
    environment: Mapping[str, str],
    opened: Opened,
    clock: Clock = utc_now,
) -> Delivery:
    """Delivers what is due, once; a delivery that was cut off is taken up by the next.

    Args:
        home: the installation.
        policy: in force today.
        environment: holds the secrets of the channels.
        opened: opens a session of the warehouse; it is closed before anybody is called.
        clock: the moment.

    Raises:
        ShadowError: the home is that of a replay.
        OutboxBusyError: another process delivers.
    """
    if home.is_shadow:
        raise ShadowError(IS_SHADOW)
    if not policy.delivery.enabled:
        return Delivery(IS_OFF)
    journal, ready = Journal(home.outbox), channels_of(policy, environment)
    done = Delivery(unusable=ready.unusable)
    done.answers = _answers(home, journal, ready, policy, clock)
    with opened() as session:
        notes = _notes(home, session)
        done.filled = fill(session, journal, policy, kinds_of(policy), clock(), notes)
    done.sent = send_due(
        journal, ready.channels, policy.delivery.retries, clock, over=done.filled.over
    )
    # Only once the CRM has an answer is it told in Slack that it has.
    if _answers(home, journal, ready, policy, clock).replies:
        more = send_due(journal, ready.channels, policy.delivery.retries, clock)
        done.sent.outcomes.update(more.outcomes)
        done.sent.left_alone |= more.left_alone
    done.unusable |= done.sent.left_alone
    return done


def _notes(home: Home, session: Any) -> list[str]:
    """What every digest says beside its reader's accounts: thresholds that nobody has looked at."""
    days = session.days("stages")
    stale = stale_line(ages(home, load_history(home), days[-1])) if days else None
    return [stale] if stale else []


def _answers(home: Home, journal: Journal, ready: Ready, policy: Policy, clock: Clock) -> Taken:
    """Takes what was answered in Slack; before the first run there is nothing to answer to."""
    slack = ready.channels.get("slack")
    client = slack.client if isinstance(slack, SlackChannel) else None
    people = People(client, policy.delivery)
    try:
        with open_marts(home) as marts:
            return taken(home, journal, marts, policy, people, clock())
    except SnapshotMissingError:
        return Taken()
