"""Marketo exports: activities and leads.

Belongs here: Marketo's columns. Does not belong here: its activity types (``marketo_types``), or which
lead is which person beyond its e-mail (``core``). Rows: every record is a signal, an identity,
filtered, a duplicate or a defect.

Not landed: campaigns, programs, e-mail templates and the description of lead fields. They name things;
activities carry the names that a signal shows.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import coalesce, mask, present
from mqa_platform.sources.forms import form_events
from mqa_platform.sources.known_leads import landed_leads
from mqa_platform.sources.landed import Landed, conform, first_reason
from mqa_platform.sources.marketo_types import (
    CHANNELS,
    EVENTS,
    FORM,
    MERGE,
    MERGE_OF_NONE,
    NOT_SENT,
    PROGRAM_STATUS,
    SILENT,
    STATUSES,
)
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import Records, canonical
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.signals import mapped, page_paths
from mqa_platform.sources.timestamps import parse_timestamps

_ACTIVITY_COLUMNS: Final = ("id", "activity_date", "activity_type_id", "lead_id")
_LEAD_COLUMNS: Final = ("id", "email")
# Bulk extracts name the activity by its GUID.
_SYNONYMS: Final = {"marketoguid": "id"}
_MERGED: Final = "merged_leads"


def marketo_activities(path: Path, source: Source) -> Landed:
    """Read one activity export; the person is ``lead:<lead id>`` until leads name the e-mail.

    Attributes may be columns, or one column of JSON as in bulk extracts. A merge makes each lead that
    was merged the lead that survives, so that its signals reach that person. An empty user agent is
    not a bot here: exports leave the column empty for most activities.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = _with_attributes(read_records(path, _ACTIVITY_COLUMNS, _SYNONYMS))
    kind = pc.replace_substring_regex(records.text("activitytypeid"), r"\.0+$", "")
    lead, activity_id = records.text("leadid"), records.text("id")
    event, filtered = _events(records, kind)
    moment = records.text("activitydate")
    occurred, wrong_time = parse_timestamps(moment)
    agents, asset = records.text("useragent"), records.text("primaryattributevalue")
    outbound = pc.fill_null(pc.equal(event, "outbound_email"), False)
    # A page visited is named by its address without a scheme.
    page = pc.replace_substring_regex(asset, r"^([^/:?#]+\.[^/:?#]+(?:[/?#].*)?)$", r"https://\1")
    columns = {
        "source": source.connector,
        "event_id": activity_id,
        "occurred_at": occurred,
        "event": event,
        "direction": pc.if_else(outbound, "outbound", "inbound"),
        "channel": coalesce(mapped(event, CHANNELS), pa.scalar("email")),
        "campaign": coalesce(records.text("campaignid"), asset),
        "topic": asset,
        "page_path": page_paths(
            coalesce(
                records.text("link"),
                records.text("webpageurl"),
                pc.if_else(pc.equal(event, "page_view"), page, None),
            )
        ),
        "person_ref": pc.binary_join_element_wise("lead:", lead, ""),
        "ip": records.text("clientipaddress"),
        "user_agent": agents,
        "is_bot_agent": pa.array(bot_agents(agents, blank_is_bot=False)),
    }
    merged = mask(pc.equal(kind, MERGE))
    ids = records.text("mergeids")
    named = merged & mask(pc.match_substring_regex(ids, r"\d"))
    unreadable = merged & ~named & present(ids)
    known = mask(pc.is_in(kind, pa.array([*EVENTS, *SILENT, FORM, MERGE])))
    reasons = first_reason(
        len(records),
        [
            ("unknown_event", ~known),
            ("missing_id", ~present(activity_id)),
            ("missing_lead", ~present(lead)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
            ("bad_merge", unreadable),
        ],
    )
    sound_merge = merged & (reasons == None)  # noqa: E711 (element by element)
    filtered[sound_merge] = MERGE_OF_NONE
    sound_merge &= named
    filtered[sound_merge] = _MERGED
    landed = landed_records(source, records, "landed_signals", columns, reasons, filtered)
    rows = pa.array(np.flatnonzero(sound_merge))
    losers = [_numbers(text) for text in ids.take(rows).to_pylist()]
    return _with_merges(
        source, without_repeats(landed), lead.take(rows), losers, occurred.take(rows)
    )


def _events(records: Records, kind: pa.Array) -> tuple[pa.Array, npt.NDArray[np.object_]]:
    """Our event of each activity, and why an activity that is none is left out."""
    filled = mask(pc.equal(kind, FORM))
    from_form, silent_form = form_events(records.text("primaryattributevalue"))
    status = pc.utf8_lower(records.text("newstatus", "status"))
    reached = pc.if_else(pc.equal(kind, PROGRAM_STATUS), mapped(status, STATUSES), None)
    event = pc.coalesce(
        mapped(kind, EVENTS), pc.if_else(pa.array(filled), from_form, None), reached
    )
    reason = np.array(mapped(kind, SILENT).to_pylist(), dtype=object)
    reason[present(event)] = None
    reason[filled] = silent_form[filled]
    result = pc.utf8_lower(records.text("actionresult"))
    reason[mask(pc.equal(event, "outbound_email")) & mask(pc.equal(result, "skipped"))] = NOT_SENT
    return event, reason


def _with_merges(
    source: Source, landed: Landed, survivors: pa.Array, losers: list[list[str]], at: pa.Array
) -> Landed:
    """The result with each merge as an accepted row, and an identity for each lead merged."""
    pairs = [
        (loser, survivor, moment)
        for survivor, each, moment in zip(
            survivors.to_pylist(), losers, at.to_pylist(), strict=True
        )
        for loser in dict.fromkeys(each)
        if loser != survivor
    ]
    columns: dict[str, Any] = {
        "source": source.connector,
        "kind": "lead",
        "ref": pa.array([loser for loser, _, _ in pairs], pa.string()),
        "person_ref": pa.array([f"lead:{survivor}" for _, survivor, _ in pairs], pa.string()),
        "seen_at": pa.array([moment for _, _, moment in pairs], at.type),
    }
    filtered = {why: count for why, count in landed.filtered.items() if why != _MERGED}
    return replace(
        landed,
        accepted=landed.accepted + len(losers),
        tables={
            **landed.tables,
            "landed_identities": conform("landed_identities", len(pairs), columns),
        },
        filtered=filtered,
    )


def _numbers(text: str | None) -> list[str]:
    """The lead numbers of ``[1286861, 60935]``, however they are parted."""
    return re.findall(r"\d+", text or "")


def _with_attributes(records: Records) -> Records:
    """The records with the attributes that a bulk extract packs into JSON as columns."""
    if not records.has("attributes"):
        return records
    packed = [_attributes(text) for text in records.text("attributes").to_pylist()]
    table = records.table
    for name in sorted({name for each in packed for name in each} - set(table.column_names)):
        table = table.append_column(
            name, pa.array([each.get(name, "") for each in packed], pa.string())
        )
    return replace(records, table=table)


def _attributes(text: str | None) -> dict[str, str]:
    try:
        pairs = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    if isinstance(pairs, list):
        pairs = {each.get("name"): each.get("value") for each in pairs if isinstance(each, dict)}
    if not isinstance(pairs, dict):
        return {}
    return {canonical(str(name)): str(value) for name, value in pairs.items() if value is not None}


def marketo_leads(path: Path, source: Source) -> Landed:
    """Read one lead export into identities: lead id → person, known since the lead was created.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    return landed_leads(source, read_records(path, _LEAD_COLUMNS))
