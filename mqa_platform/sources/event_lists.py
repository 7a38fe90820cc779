"""Webinar and event lists: who registered, and who came.

Belongs here: the names that such lists give our columns, and the words for coming and staying away.
Does not belong here: what coming is worth (``core``).

Who came is an ``event_attendance``; who registered, and came or not, an ``event_registration``. A list
of both kinds of row gives both. Rows: every record is a signal, an exact repeat, filtered (staff,
cancelled, rejoined …) or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.alternatives import Alternatives, day_in_name, midnight
from mqa_platform.sources.columns import coalesce, joined, md5_hex, present
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.signals import mapped

NAMES: Final = {
    "event": ("eventname", "webinarname", "webinartitle", "event", "webinar", "title", "topic",
              "campaign", "campaignname"),
    "event_id": ("eventid", "webinarid", "webinarkey", "meetingid", "sessionid", "campaignid"),
    "email": ("email", "emailaddress", "useremail", "attendeeemail", "registrantemail", "workemail",
              "businessemail"),
    "company": ("company", "companyname", "organization", "organisation", "employer", "account"),
    "status": ("attended", "attendance", "attendancestatus", "status", "registrationstatus",
               "attendeestatus", "participation"),
    "role": ("role", "attendeetype", "participanttype", "type"),
    "registered": ("registeredat", "registrationtime", "registrationdate", "registeredon",
                   "registeredtime", "dateregistered", "signedupat"),
    "joined": ("joinedat", "jointime", "joindate", "checkedinat", "checkintime", "firstjoin",
               "attendedat", "timejoined"),
    "held": ("eventdate", "webinardate", "startedat", "starttime", "eventstart", "date", "heldon"),
    "minutes": ("duration", "durationminutes", "timeinsession", "timeinsessionminutes",
                "minutesattended", "attendanceduration", "timeattended", "totalduration"),
    "consent": ("consent", "optin", "marketingoptin", "marketingconsent", "emailoptin"),
}  # fmt: skip
CAME, STAYED_AWAY = "event_attendance", "event_registration"
# Word of the list → our event, or why the row is left out.
STATUSES: Final = {
    **dict.fromkeys(
        ("yes", "y", "true", "1", "attended", "attendee", "attended live", "attended on demand", "present",
         "joined", "checked in", "participated", "came"), CAME),
    **dict.fromkeys(
        ("no", "n", "false", "0", "registered", "registrant", "no show", "noshow", "absent", "approved",
         "did not attend", "not attended", "confirmed", "accepted", "waitlisted", "waitlist", "signed up"),
        STAYED_AWAY),
    **dict.fromkeys(("cancelled", "canceled", "declined", "withdrawn", "denied", "rejected"), "cancelled"),
    **dict.fromkeys(("invited", "sent", "not registered", "pending"), "not_registered"),
}  # fmt: skip
STAFF: Final = (
    "host",
    "panelist",
    "presenter",
    "speaker",
    "organizer",
    "organiser",
    "staff",
    "moderator",
)


def event_attendees(path: Path, source: Source) -> Landed:
    """Read one list, one person a row.

    What the status says counts; without one, whoever joined or stayed for some time came. Coming
    happened when they joined, else when the event was held; registering when they registered. The
    day in the file's name stands in for the event's where no column gives it.

    Raises:
        SourceError: the file cannot be read, or has no column for the e-mail address.
    """
    t = Alternatives(source, path, NAMES)
    t.require("email")
    email = t.needed("email", "missing_email")
    person, domain = person_refs(email)
    t.check("bad_email", present(email) & ~present(person))
    event, left_out = _events(t)
    occurred = _moment(t, event)
    t.check("missing_timestamp", ~present(occurred))
    given = pc.if_else(t.boolean("consent"), "granted", "denied")
    title = coalesce(t.text("event"), t.text("event_id"))
    day = occurred.cast(pa.date32()).cast(pa.string())
    columns = {
        "event_id": md5_hex(joined([coalesce(t.text("event_id"), title), day, person, event])),
        "occurred_at": occurred,
        "event": event,
        "channel": "event",
        "campaign": title,
        "topic": title,
        "consent": given,
        "person_ref": person,
        "email_domain": domain,
        "company_name": t.text("company"),
    }
    wanted = present(occurred) & present(person) & (left_out == None)  # noqa: E711
    left_out[_again(columns["event_id"], occurred, wanted)] = "rejoined"
    return t.landed_once("landed_signals", columns, left_out)


def _events(t: Alternatives) -> tuple[pa.Array, npt.NDArray[np.object_]]:
    """Our event of each row, and why a sound row is left out."""
    word = _words(t.text("status"))
    told = mapped(word, STATUSES)
    t.check("unknown_status", present(word) & ~present(told))
    stayed = ~np.isin(
        t.text("minutes").to_pandas().fillna("0").str.strip(), ("0", "0.0", "00:00:00", "--")
    )
    there = pa.array(present(t.text("joined")) | stayed)
    event = coalesce(told, pc.if_else(there, CAME, STAYED_AWAY))
    left_out = np.full(len(t), None, dtype=object)
    for reason in ("cancelled", "not_registered"):
        left_out[np.asarray(pc.fill_null(pc.equal(event, reason), False))] = reason
    role = _words(t.text("role"))
    left_out[np.asarray(pc.is_in(role, pa.array(STAFF)))] = "staff"
    return event, left_out


def _words(values: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(pc.utf8_lower(values), r"[\s_-]+", " ")


def _moment(t: Alternatives, event: pa.Array) -> pa.Array:
    named = day_in_name(t.path)
    registered, came, held = t.time("registered"), t.time("joined"), t.time("held")
    of_file = pa.repeat(midnight(named), len(t)) if named else pa.nulls(len(t), held.type)
    attended = pc.equal(event, CAME)
    return pc.if_else(
        attended, coalesce(came, held, of_file, registered), coalesce(registered, held, of_file)
    )


def _again(
    ids: pa.Array, moments: pa.Array, wanted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Rows of somebody who left and came back: only when they first joined is news."""
    rows = pd.DataFrame(
        {"id": ids.to_pylist(), "at": moments.cast(pa.int64()).to_numpy(zero_copy_only=False)}
    )[wanted]
    first = rows.groupby("id")["at"].transform("min")
    again = np.zeros(len(wanted), dtype=np.bool_)
    again[rows.index[rows["at"] > first]] = True
    return again
