"""Reactions to the outside: each a pure comparison under a thin sensor.

Belongs here: what starts a run before its schedule does. Does not belong here: what the run does (``assets``),
or sending and receiving (``destinations``, ``receiver``).

Every sensor looks, compares with its cursor, and asks for at most one run, whose key is the content that asked
for it. A look that fails is no empty answer: the cursor stays, and the next look has the same question.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sensors.asking import Job, Jobs
from mqa_platform.sensors.crm_answers import on_crm_answers
from mqa_platform.sensors.new_files import arrived, fingerprints, on_new_files
from mqa_platform.sensors.outbox import on_outbox
from mqa_platform.sensors.received import on_received_webhooks, on_slack_answers
from mqa_platform.sensors.run_failures import on_run_failure
from mqa_platform.sensors.sla_clocks import on_sla_clocks
from mqa_platform.sensors.trigger_events import on_trigger_events

__all__ = ["Jobs", "arrived", "fingerprints", "on_new_files", "sensors"]


def sensors(
    jobs: Jobs, monitored: Sequence[Job], home: Home, policy: Policy
) -> list[dg.SensorDefinition]:
    """Every sensor of an installation.

    Args:
        jobs: what they start.
        monitored: the jobs whose failures are told.
        home: what they look at.
        policy: of the installation.
    """
    delivering = (jobs.refresh.name, jobs.deliver.name)
    return [
        on_new_files(jobs, home, policy),
        on_received_webhooks(jobs, home),
        on_slack_answers(jobs, home),
        on_trigger_events(jobs, home, policy, delivering),
        on_crm_answers(jobs, home, policy),
        on_sla_clocks(jobs, home),
        on_outbox(jobs, home, policy),
        on_run_failure(monitored, jobs.deliver, delivering, home, policy),
    ]
