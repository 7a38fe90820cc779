"""Pardot (Account Engagement) exports: visitor activities and prospects.

Belongs here: the numbers of Pardot's activity types, and its columns. Does not belong here: which
prospect is which person beyond its e-mail (``core``). Rows: every record is a signal, an identity,
filtered, a duplicate or a defect.

Not landed: campaigns, lists and list memberships (names and membership, no act of a person), visitors
(a cookie and its prospect, without an act), opportunities and their prospects (the CRM's are read).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import coalesce, mask, nulls, present
from mqa_platform.sources.forms import form_events
from mqa_platform.sources.known_leads import landed_leads
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.signals import mapped
from mqa_platform.sources.timestamps import parse_timestamps

# Types that mean the same whatever they are about. 12 is how a prospect opts out; 35 is the same for
# another prospect with the address; a complaint about spam opts out as well.
EVENTS: Final = {
    "6": "outbound_email",
    "11": "email_open",
    "12": "unsubscribe",
    "14": "unsubscribe",
    "24": "event_attendance",
    "25": "event_registration",
    "28": "event_registration",
    "29": "event_attendance",
    "30": "content_download",
    "34": "content_download",
    "35": "unsubscribe",
}
# Types that say nothing we want: machines, what we did, what the CRM says, or where no page is told.
SILENT: Final = {
    "1": "activity_click_elsewhere",
    "2": "activity_view",
    "3": "activity_form_error",
    "4": "activity_success",
    "5": "activity_session",
    "7": "activity_site_search",
    "8": "activity_opportunity",
    "9": "activity_opportunity",
    "10": "activity_opportunity",
    "13": "activity_bounced",
    "15": "activity_email_preferences",
    "16": "activity_resubscribed",
    "17": "activity_click_elsewhere",
    "18": "activity_opportunity",
    "19": "activity_opportunity",
    "20": "activity_visit",
    "21": "activity_click_elsewhere",
    "22": "activity_chat",
    "23": "activity_invited",
    "26": "activity_social_click",
    "27": "activity_video_view",
    "31": "activity_support",
    "32": "activity_support",
    "33": "activity_support",
    "36": "activity_bounced",
    "37": "activity_resubscribed",
    "38": "activity_opportunity",
}
_CHANNELS: Final = {
    "content_download": "web",
    "demo_request": "web",
    "event_registration": "event",
    "event_attendance": "event",
    "ad_click": "ads",
}
_ACTIVITY_COLUMNS: Final = ("id", "created_at", "type", "prospect_id")


def pardot_activities(path: Path, source: Source) -> Landed:
    """Read one export of visitor activities; the person is ``lead:pardot:<prospect id>``.

    A click (1) counts in a mail or a paid ad, a view (2) of a file, a success (4) of a form; which
    one, the ids beside it say. A visitor who is no prospect yet is a cookie, ``pardot:<visitor id>``.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_records(path, _ACTIVITY_COLUMNS)
    kind = pc.replace_substring_regex(records.text("type"), r"\.0+$", "")
    event, filtered = _events(records, kind)
    moment = records.text("createdat")
    occurred, wrong_time = parse_timestamps(moment)
    prospect, visitor = records.text("prospectid"), records.text("visitorid")
    activity_id, details = records.text("id"), records.text("details")
    outbound = pc.fill_null(pc.equal(event, "outbound_email"), False)
    columns = {
        "source": source.connector,
        "event_id": activity_id,
        "occurred_at": occurred,
        "event": event,
        "direction": pc.if_else(outbound, "outbound", "inbound"),
        "channel": coalesce(mapped(event, _CHANNELS), pa.scalar("email")),
        "campaign": coalesce(records.text("campaignid"), records.text("listemailid")),
        "topic": details,
        "person_ref": pc.binary_join_element_wise("lead:pardot", prospect, ":"),
        "anonymous_id": pc.binary_join_element_wise("pardot", visitor, ":"),
    }
    known = mask(pc.is_in(kind, pa.array([*EVENTS, *SILENT])))
    reasons = first_reason(
        len(records),
        [
            ("unknown_event", ~known),
            ("missing_id", ~present(activity_id)),
            ("missing_lead", ~present(prospect) & ~present(visitor)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
        ],
    )
    return without_repeats(
        landed_records(source, records, "landed_signals", columns, reasons, filtered)
    )


def _events(records: Records, kind: pa.Array) -> tuple[pa.Array, npt.NDArray[np.object_]]:
    """Our event of each activity, and why an activity that is none is left out."""
    about = pc.utf8_lower(records.text("typename"))
    mail = _given(records, "emailid", "listemailid", "emailtemplateid")
    mail |= mask(pc.is_in(about, pa.array(["email", "email tracker"])))
    paid = _given(records, "paidsearchadid") | mask(pc.equal(about, "paid search ad"))
    file = _given(records, "fileid") | mask(pc.equal(about, "file"))
    form = _given(records, "formid", "formhandlerid", "landingpageid")
    form |= mask(pc.is_in(about, pa.array(["form", "form handler", "landing page"])))
    click, view = mask(pc.equal(kind, "1")), mask(pc.equal(kind, "2"))
    filled = mask(pc.equal(kind, "4")) & form
    from_form, silent_form = form_events(records.text("details"))
    event = mapped(kind, EVENTS)
    for where, name in (
        (click & mail, "email_click"),
        (click & ~mail & paid, "ad_click"),
        (view & file, "content_download"),
        (filled, from_form),
    ):
        event = pc.if_else(pa.array(where), name, event)
    reason = np.array(mapped(kind, SILENT).to_pylist(), dtype=object)
    reason[present(event)] = None
    reason[filled] = silent_form[filled]
    return event, reason


def _given(records: Records, *names: str) -> npt.NDArray[np.bool_]:
    """Where one of these columns holds a value."""
    values = [records.text(name) for name in names]
    return present(coalesce(*values, nulls(len(records))))


def pardot_prospects(path: Path, source: Source) -> Landed:
    """Read one export of prospects into identities: prospect → person, known since its creation.

    ``opted_out`` is about mail, and no word on consent; it is not read. A masked address identifies
    nobody and is quarantined.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    return landed_leads(source, read_records(path, ("id", "email")), "pardot:")
