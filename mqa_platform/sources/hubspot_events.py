"""HubSpot marketing exports: e-mail events, and forms that contacts filled.

Belongs here: HubSpot's event types, and the tables that loaders cut its events into. Does not belong
here: CRM objects (``crm_export``). Rows: every record is a signal, filtered, a duplicate or a defect.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.agents import bot_agents
from mqa_platform.sources.columns import (
    booleans,
    coalesce,
    each_unique,
    joined,
    mask,
    md5_hex,
    present,
)
from mqa_platform.sources.forms import form_events
from mqa_platform.sources.landed import Landed, SourceError, defects, empty, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import Records, canonical
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.signals import mapped, page_paths
from mqa_platform.sources.timestamps import parse_timestamps

EVENTS: Final = {
    "SENT": "outbound_email",
    "OPEN": "email_open",
    "CLICK": "email_click",
    "REPLY": "email_reply",
    "FORWARD": "email_forward",
    "SPAMREPORT": "unsubscribe",
}
SILENT: Final = {
    "PROCESSED": "event_processed",
    "DELIVERED": "event_delivered",
    "DEFERRED": "event_deferred",
    "DROPPED": "event_dropped",
    "BOUNCE": "event_bounce",
    "UNBOUNCE": "event_unbounce",
    "SUPPRESSED": "event_suppressed",
    "PRINT": "event_print",
    "STATUSCHANGE": "event_status_change",
}
DETAIL: Final = "detail_of_event"
FILTERED_BY_HUBSPOT: Final = "filtered_by_hubspot"
DEFINITION: Final = "form_definition"
# Columns of the tables that hold the rest of an event: only beside its type and recipient, which
# another table has, would they say who did what.
_DETAIL_COLUMNS: Final = """
    attempt bounced browser category dropmessage dropreason duration ipaddress location
    portalsubscriptionstatus referer requestedby response smtpid subject subscriptions url useragent
"""
_DETAILS: Final = frozenset(_DETAIL_COLUMNS.split())
# How loaders write an address that they may not show: a digest, the same for the same address.
_DIGEST: Final = r"^([A-Za-z0-9+/]{22}==|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$"
_UNSUBSCRIBED: Final = "UNSUBSCRIBED"


def hubspot_email_events(path: Path, source: Source) -> Landed:
    """Read e-mail events, as the service answers them or as loaders cut them into tables.

    Of the tables only the one with type and recipient says who did what; rows of the others are
    filtered (``detail_of_event``). A masked recipient stays a person of its own that no contact has.
    What HubSpot itself filters out (machines that open and click) is filtered here as well.

    Raises:
        SourceError: the file cannot be read, or is none of these tables.
    """
    records = read_records(path, ("id",), {"recipientemail": "recipient"})
    if len(records) and not (records.has("type") or records.has("recipient")):
        return _details(path, source, records)
    if len(records):
        records = read_records(
            path, ("id", "type", "recipient", "created"), {"recipientemail": "recipient"}
        )
    kind = pc.utf8_upper(pc.replace_substring(records.text("type"), "_", ""))
    event, filtered = _mail_events(records, kind)
    event_id, moment = records.text("id"), records.text("created")
    occurred, wrong_time = parse_timestamps(moment)
    recipient, agent = records.text("recipient"), records.text("useragent")
    person, domain = person_refs(recipient)
    masked = pc.if_else(pc.match_substring_regex(recipient, _DIGEST), recipient, None)
    columns = {
        "source": source.connector,
        "event_id": event_id,
        "occurred_at": occurred,
        "event": event,
        "direction": _direction(event),
        "channel": "email",
        "campaign": records.text("emailcampaignid"),
        "page_path": page_paths(records.text("url")),
        "person_ref": coalesce(person, pc.binary_join_element_wise("masked", masked, ":")),
        "email_domain": domain,
        "user_agent": agent,
        "is_bot_agent": pa.array(bot_agents(agent, blank_is_bot=False)),
    }
    known = mask(pc.is_in(kind, pa.array([*EVENTS, *SILENT])))
    reasons = first_reason(
        len(records),
        [
            ("unknown_event", ~known),
            ("missing_id", ~present(event_id)),
            ("missing_email", ~present(recipient)),
            ("bad_email", ~present(columns["person_ref"])),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
        ],
    )
    return without_repeats(
        landed_records(source, records, "landed_signals", columns, reasons, filtered)
    )


def _direction(event: pa.Array) -> pa.Array:
    outbound = pc.fill_null(pc.equal(event, "outbound_email"), False)
    return pc.if_else(outbound, "outbound", "inbound")


def _mail_events(records: Records, kind: pa.Array) -> tuple[pa.Array, npt.NDArray[np.object_]]:
    """Our event of each record, and why a record that is none is left out."""
    status = pc.utf8_upper(records.text("portalsubscriptionstatus"))
    left = mask(pc.equal(kind, "STATUSCHANGE")) & mask(pc.equal(status, _UNSUBSCRIBED))
    event = pc.if_else(pa.array(left), "unsubscribe", mapped(kind, EVENTS))
    reason = np.array(mapped(kind, SILENT).to_pylist(), dtype=object)
    reason[left] = None
    machine, _ = booleans(records.text("filteredevent"))
    reason[mask(machine) & present(event)] = FILTERED_BY_HUBSPOT
    return event, reason


def _details(path: Path, source: Source, records: Records) -> Landed:
    if not _DETAILS & set(records.table.column_names):
        raise SourceError(
            path,
            "lacks the column type",
            "Export the e-mail events; their details (clicks, opens …) may lie beside them.",
        )
    return _left_out(source, records, DETAIL)


def _left_out(source: Source, records: Records, reason: str) -> Landed:
    """A file of which every record is filtered."""
    raw, why = records.misfits, [records.misfit_reason] * len(records.misfits)
    return Landed(
        rows=len(records) + len(raw),
        accepted=0,
        tables={"landed_signals": empty("landed_signals")},
        defects=defects(source.connector, raw, why),
        filtered={reason: len(records)},
    )


def hubspot_form_submissions(path: Path, source: Source) -> Landed:
    """Read forms filled; the form's title says what was asked for (``forms``).

    The person is the e-mail that was typed, else the contact. A file of the forms themselves has no
    fills: its rows are filtered (``form_definition``).

    Raises:
        SourceError: the file cannot be read, or is neither of these tables.
    """
    names = {"submittedat": "timestamp", "vid": "contactid", "formtitle": "title", "name": "title"}
    records = read_records(path, (), names)
    if records.has("guid") and not records.has("timestamp"):
        return _left_out(source, records, DEFINITION)
    if len(records):
        records = read_records(path, ("timestamp", "form_id"), names)
    title, form, contact = records.text("title"), records.text("formid"), records.text("contactid")
    event, filtered = form_events(title)
    moment = records.text("timestamp")
    occurred, wrong_time = parse_timestamps(moment)
    typed = coalesce(records.text("email"), each_unique(records.text("values"), _typed_email))
    person, domain = person_refs(typed)
    whoever = coalesce(person, pc.binary_join_element_wise("contact", contact, ":"))
    content = md5_hex(joined([form, whoever, moment]))
    columns = {
        "source": source.connector,
        "event_id": coalesce(records.text("conversionid"), content),
        "occurred_at": occurred,
        "event": event,
        "channel": pc.if_else(pc.equal(event, "event_registration"), "event", "web"),
        "campaign": form,
        "page_path": page_paths(records.text("pageurl")),
        "topic": title,
        "person_ref": whoever,
        "email_domain": domain,
    }
    reasons = first_reason(
        len(records),
        [
            ("missing_id", ~present(form)),
            ("bad_email", present(typed) & ~present(person)),
            ("missing_person", ~present(whoever)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
        ],
    )
    return without_repeats(
        landed_records(source, records, "landed_signals", columns, reasons, filtered)
    )


def _typed_email(values: str) -> str | None:
    """The e-mail among a form's answers, a JSON list of names and values."""
    try:
        answers = json.loads(values)
    except (ValueError, RecursionError):
        return None
    for answer in answers if isinstance(answers, list) else []:
        if isinstance(answer, dict) and canonical(str(answer.get("name", ""))) == "email":
            return str(answer.get("value") or "") or None
    return None
