"""Marketo exports: activities and leads.

Belongs here: Marketo's activity types and columns. Does not belong here: which lead is which
person beyond its e-mail (``core``). Rows: every record is a signal, an identity or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import coalesce, present
from mqa_platform.sources.delimited import read_with_header
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.signals import mapped, page_paths
from mqa_platform.sources.timestamps import parse_timestamps

# 46 and 47 are the numbers our own custom activities have; the rest are Marketo's.
ACTIVITIES: Final = {
    "6": "outbound_email",
    "9": "unsubscribe",
    "10": "email_open",
    "11": "email_click",
    "46": "event_attendance",
    "47": "email_reply",
}
_ACTIVITY_COLUMNS: Final = ("id", "activity_date", "activity_type_id", "lead_id")
_LEAD_COLUMNS: Final = ("id", "email")


def marketo_activities(path: Path, source: Source) -> Landed:
    """Read one activity export; the person is ``lead:<lead id>`` until leads name the e-mail.

    An empty user agent is not a bot here: exports leave the column empty for most activities.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_with_header(path, _ACTIVITY_COLUMNS)
    activity, lead = records.text("activitytypeid"), records.text("leadid")
    activity_id, moment = records.text("id"), records.text("activitydate")
    event = mapped(pc.replace_substring_regex(activity, r"\.0+$", ""), ACTIVITIES)
    occurred, wrong_time = parse_timestamps(moment)
    agents, asset = records.text("useragent"), records.text("primaryattributevalue")
    direction = pc.if_else(pc.equal(event, "outbound_email"), "outbound", "inbound")
    columns = {
        "source": source.connector,
        "event_id": activity_id,
        "occurred_at": occurred,
        "event": event,
        "direction": pc.fill_null(direction, "inbound"),
        "channel": pc.if_else(pc.equal(event, "event_attendance"), "event", "email"),
        "campaign": coalesce(records.text("campaignid"), asset),
        "topic": asset,
        "page_path": page_paths(records.text("link")),
        "person_ref": pc.binary_join_element_wise("lead:", lead, ""),
        "ip": records.text("clientipaddress"),
        "user_agent": agents,
        "is_bot_agent": pa.array(bot_agents(agents, blank_is_bot=False)),
    }
    reasons = first_reason(
        len(records),
        [
            ("unknown_event", ~present(event)),
            ("missing_id", ~present(activity_id)),
            ("missing_lead", ~present(lead)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
        ],
    )
    return landed_records(source, records, "landed_signals", columns, reasons)


def marketo_leads(path: Path, source: Source) -> Landed:
    """Read one lead export into identities: lead id → person, known since the lead was created.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_with_header(path, _LEAD_COLUMNS)
    lead, email = records.text("id"), records.text("email")
    created, wrong_created = parse_timestamps(records.text("createdat"))
    updated, wrong_updated = parse_timestamps(records.text("updatedat"))
    person, domain = person_refs(email)
    seen = coalesce(created, updated)
    columns = {
        "source": source.connector,
        "kind": "lead",
        "ref": lead,
        "person_ref": person,
        "email_domain": domain,
        "seen_at": seen,
    }
    checks: list[tuple[str, np.ndarray]] = [
        ("missing_id", ~present(lead)),
        ("missing_email", ~present(email)),
        ("bad_email", ~present(person)),
        ("bad_timestamp", wrong_created | wrong_updated),
        ("missing_timestamp", ~present(seen)),
    ]
    reasons = first_reason(len(records), checks)
    return landed_records(source, records, "landed_identities", columns, reasons)
