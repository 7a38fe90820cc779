"""Lists of leads → whose address each lead number is, the same for every marketing system.

Belongs here: records with an id, an e-mail and a date. Does not belong here: one vendor's activities,
or a CRM's leads (``crm_export``).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import coalesce, present
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.names import person_refs
from mqa_platform.sources.record_table import Records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.timestamps import parse_timestamps

_SAME = ("ref", "person_ref", "email_domain", "seen_at")


def landed_leads(source: Source, records: Records, prefix: str = "") -> Landed:
    """One identity a record; a lead is known by its address since it was created, else updated.

    Args:
        source: what was read.
        records: with id and email, and createdAt or updatedAt.
        prefix: put before the id, so that two systems' numbers are two leads.
    """
    lead, email = records.text("id"), records.text("email")
    created, wrong_created = parse_timestamps(records.text("createdat"))
    updated, wrong_updated = parse_timestamps(records.text("updatedat"))
    person, domain = person_refs(email)
    seen = coalesce(created, updated)
    columns = {
        "source": source.connector,
        "kind": "lead",
        "ref": pc.binary_join_element_wise(pa.scalar(prefix), lead, ""),
        "person_ref": person,
        "email_domain": domain,
        "seen_at": seen,
    }
    reasons = first_reason(
        len(records),
        [
            ("missing_id", ~present(lead)),
            ("missing_email", ~present(email)),
            ("bad_email", ~present(person)),
            ("bad_timestamp", wrong_created | wrong_updated),
            ("missing_timestamp", ~present(seen)),
        ],
    )
    landed = landed_records(source, records, "landed_identities", columns, reasons)
    return without_repeats(landed, "landed_identities", _SAME)
