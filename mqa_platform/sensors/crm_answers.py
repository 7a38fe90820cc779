"""Sales accepted or rejected in the CRM: land it, refresh today and deliver.

Belongs here: which answers the platform does not know yet. Does not belong here: asking a CRM
(``sources.crm_answers``), answers pressed in Slack (``received``) or exported files (``new_files``).

What counts is what a record says and not that it changed: the platform's own write-back changes records too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from mqa_platform.home import Home
from mqa_platform.policy.models import Policy
from mqa_platform.sensors.asking import Jobs, asked, cursor_of, interval, nothing, switched
from mqa_platform.sensors.cursors import Item, Seen, news, reached
from mqa_platform.sensors.published import NotReadableError, published
from mqa_platform.sources.crm_answers import Answer, questions
from mqa_platform.sources.landed import SourceError

NAME = "on_crm_answers"
# A record gets its time of change before others can see it, and a transaction may last this long.
OVERLAP: Final = timedelta(minutes=10)
# How far back the first look goes.
_FIRST: Final = timedelta(days=1)


def unknown(
    source: str, answers: Iterable[Answer], known: Mapping[str, Mapping[str, Any]]
) -> list[Item]:
    """The answers that the published accounts do not have, as items.

    Args:
        source: of the answers.
        answers: as the CRM gives them now.
        known: account_id → its published version: sales_status, sales_status_reason, valid_from.
    """
    found = []
    for a in answers:
        version = known.get(a.account_id, {})
        if (version.get("sales_status"), version.get("sales_status_reason")) == (
            a.status,
            a.reason,
        ):
            continue
        # The same answer as before another one is a new answer: what it follows belongs to it.
        content = (source, a.account_id, a.status, a.reason or "", str(version.get("valid_from")))
        found.append(Item(":".join(content), a.modified_at))
    return found


def on_crm_answers(jobs: Jobs, home: Home, policy: Policy) -> dg.SensorDefinition:
    """Refreshes today and delivers when sales has answered in a CRM that is read over its API."""
    asks = questions(policy.sources.sources, policy.mapping)

    @dg.sensor(
        name=NAME,
        job=jobs.refresh,
        minimum_interval_seconds=interval(),
        default_status=switched(),
        description="Sales accepted or rejected an account in the CRM: land it, refresh today and deliver.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not asks:
            return nothing("no CRM with a field for answers is read over its API")
        before = cursor_of(context)
        after: dict[str, Any] = {}
        keys: list[str] = []
        troubles: list[str] = []
        for question in asks:
            seen = Seen.of(before.get(question.name, {}))
            since = (seen.until - OVERLAP) if seen.until else datetime.now(UTC) - _FIRST
            try:
                answers = question.answers_since(since, os.environ, home)
                there = unknown(question.name, answers, _published(home, answers))
            except (SourceError, NotReadableError) as problem:
                # A failed read is not "nothing new": the cursor of this CRM stays where it was.
                after[question.name] = seen.kept()
                troubles.append(str(problem))
                continue
            new, seen = news(there, seen, OVERLAP)
            # Also past what was known already, or every look would ask for it again.
            last = max((answer.modified_at for answer in answers), default=None)
            after[question.name] = reached(seen, last, OVERLAP).kept()
            keys += [item.key for item in new]
        if keys:
            return asked(context, NAME, jobs.refresh, keys, after, jobs.today())
        if troubles:
            return nothing(f"the CRM cannot be asked: {'; '.join(troubles)}")
        return nothing("no new answer", after)

    return _sensor


def _published(home: Home, answers: list[Answer]) -> dict[str, dict[str, Any]]:
    """The version in force of the accounts that answered."""
    if not answers:
        return {}
    with published(home) as marts:
        t = marts.table("crm_accounts")
        ids = sorted({answer.account_id for answer in answers})
        t = t.filter(t["account_id"].isin(ids) & t["valid_to"].isnull())
        rows = marts.rows(
            t.select("account_id", "sales_status", "sales_status_reason", "valid_from")
        )
    return {row["account_id"]: row for row in rows}
