"""Consent changes: who said yes or no to being followed, and when.

Belongs here: the export of a consent platform or of a preference centre, as CSV, JSON, JSON lines or
Parquet. Does not belong here: what a no takes away (``core.consents``), or the CRM's do-not-contact
flag, which is about being called and not about being followed. Rows: every record is one or two
landed consents (of the person, of the browser) or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import coalesce, present
from mqa_platform.sources.consent_words import consent_words
from mqa_platform.sources.landed import Landed, conform, defects, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.signals import kept
from mqa_platform.sources.timestamps import parse_timestamps

_REQUIRED: Final = ("status", "changed_at")
_SYNONYMS: Final = {
    "emailaddress": "email",
    "mail": "email",
    "consent": "status",
    "consentstatus": "status",
    "optin": "status",
    "timestamp": "changedat",
    "updatedat": "changedat",
    "occurredat": "changedat",
    "date": "changedat",
    "cookie": "anonymousid",
    "cookieid": "anonymousid",
    "visitorid": "anonymousid",
}


def consent_changes(path: Path, source: Source) -> Landed:
    """Read one file of consent changes.

    Columns: status (or consent, opt_in), changed_at (or timestamp, date) and at least one of email,
    user_id (where it is an e-mail address) and anonymous_id (or cookie). A status that is neither a
    yes nor a no is a defect: it is never guessed.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_records(path, _REQUIRED, _SYNONYMS)
    email, user, cookie = (records.text(n) for n in ("email", "userid", "anonymousid"))
    word, moment = records.text("status"), records.text("changedat")
    status = consent_words(word, source.consent_categories)
    changed, wrong_time = parse_timestamps(moment)
    by_mail, _ = person_refs(email)
    person = coalesce(by_mail, person_refs(user)[0])
    reasons = first_reason(
        len(records),
        [
            ("missing_status", ~present(word)),
            ("unknown_status", ~present(status)),
            ("missing_timestamp", ~present(moment)),
            ("bad_timestamp", wrong_time),
            ("bad_email", present(email) & ~present(by_mail)),
            ("unknown_person", ~present(person) & ~present(cookie)),
        ],
    )
    good = reasons == None  # noqa: E711 (element by element)
    wrong = np.flatnonzero(~good)
    said = {"source": source.connector, "status": status, "changed_at": changed}
    why = [*reasons[wrong], *([records.misfit_reason] * len(records.misfits))]
    return Landed(
        rows=len(records) + len(records.misfits),
        accepted=int(good.sum()),
        tables={"landed_consents": landed_consents(said, person, cookie, good, good)},
        defects=defects(source.connector, records.raw(wrong) + records.misfits, why),
    )


def landed_consents(
    said: dict[str, Any], person: pa.Array, cookie: pa.Array, of_person: Any, of_cookie: Any
) -> pa.Table:
    """One row for every person and every browser that said something.

    Args:
        said: the columns source, status and changed_at; a status of null says nothing.
        person: ``email:<key>``, null where nobody is named.
        cookie: the browser's id, null where none is named.
        of_person: which rows speak for the person.
        of_cookie: which rows speak for the browser.
    """
    parts = []
    for kind, ref, asked in (("person", person, of_person), ("cookie", cookie, of_cookie)):
        rows = asked & present(ref) & present(said["status"])
        columns = kept({**said, "kind": kind, "ref": ref}, rows)
        parts.append(conform("landed_consents", int(rows.sum()), columns))
    return pa.concat_tables(parts).combine_chunks()
