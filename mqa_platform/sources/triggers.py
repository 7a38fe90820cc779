"""Trigger feeds: what happened to a company (funding, hires, expansion, layoffs, lawsuits).

Belongs here: the feed's fields, and the words of vendors for our events. Does not belong here: what
a trigger is worth (``core``). Rows: every record is a signal, a duplicate or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import each_unique, joined, md5_hex, present
from mqa_platform.sources.landed import Landed, first_reason
from mqa_platform.sources.names import registrable_domains, snake_case
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.signals import mapped
from mqa_platform.sources.timestamps import parse_timestamps

_WORDS: Final = {
    "funding_round": (
        "funding funding_round funding_event funding_announcement raised_funding new_funding "
        "investment venture venture_round seed seed_round pre_seed angel angel_round series_a "
        "series_b series_c series_d series_e series_f series_g series_h growth_equity "
        "private_equity debt_financing convertible_note"
    ),
    "executive_hire": (
        "executive_hire exec_hire executive_hiring executive_appointment leadership_hire "
        "new_executive new_exec c_level_hire c_suite_hire new_ceo new_cfo new_cio new_cmo new_coo "
        "new_cro new_cto new_ciso"
    ),
    "expansion": (
        "expansion company_expansion geographic_expansion market_expansion international_expansion "
        "office_expansion new_office office_opening opens_office new_location new_facility "
        "facility_opening headcount_growth"
    ),
    "layoffs": (
        "layoffs layoff mass_layoff reduction_in_force workforce_reduction job_cuts downsizing "
        "headcount_reduction"
    ),
    "lawsuit": "lawsuit lawsuits litigation legal_action class_action legal_proceeding sued",
}
# Vendor's word, written as ``snake_case`` → ours. Nothing is read out of a part of a word.
EVENTS: Final = {word: event for event, words in _WORDS.items() for word in words.split()}
_SYNONYMS: Final = {
    "eventid": "id",
    "signalid": "id",
    "triggerid": "id",
    "uuid": "id",
    "eventtype": "type",
    "triggertype": "type",
    "signaltype": "type",
    "event": "type",
    "trigger": "type",
    "companyname": "company",
    "organization": "company",
    "organisation": "company",
    "accountname": "company",
    "companydomain": "domain",
    "website": "domain",
    "companywebsite": "domain",
    "announcedon": "announcedat",
    "announceddate": "announcedat",
    "announcementdate": "announcedat",
    "eventdate": "announcedat",
    "occurredat": "announcedat",
    "effectivedate": "announcedat",
    "date": "announcedat",
    "publisheddate": "publishedat",
    "publishedon": "publishedat",
    "publicationdate": "publishedat",
    "foundat": "publishedat",
    "discoveredat": "publishedat",
}


def trigger_feed(path: Path, source: Source) -> Landed:
    """Read one file of company events (JSON lines, JSON, CSV, Parquet).

    Announced is when it happened, published when we knew. A feed without ids is named by company,
    kind and day. The vendor's word is the topic where it says more than our event (``series_a``).

    Raises:
        SourceError: the file cannot be read, or lacks the type or the day of its events.
    """
    records = read_records(path, ("type", "announced_at"), _SYNONYMS)
    word = each_unique(records.text("type"), snake_case)
    event = mapped(word, EVENTS)
    company, domain = records.text("company"), registrable_domains(records.text("domain"))
    announced, published = records.text("announcedat"), records.text("publishedat")
    occurred, wrong_occurred = parse_timestamps(announced)
    received, wrong_received = parse_timestamps(published)
    event_id = records.text("id")
    if not records.has("id"):
        day = occurred.cast(pa.date32()).cast(pa.string())
        event_id = md5_hex(joined([pc.coalesce(domain, company), word, day]))
    columns = {
        "source": source.connector,
        "event_id": event_id,
        "occurred_at": occurred,
        "received_at": received,
        "event": event,
        "channel": "news",
        "topic": pc.if_else(pc.equal(word, event), None, word),
        "company_name": company,
        "company_domain": domain,
    }
    checks: list[tuple[str, np.ndarray]] = [
        ("unknown_event", ~present(event)),
        ("missing_id", ~present(event_id)),
        ("missing_timestamp", ~present(announced)),
        ("bad_timestamp", wrong_occurred | wrong_received),
        ("missing_company", ~present(domain) & ~present(company)),
    ]
    reasons = first_reason(len(records), checks)
    return without_repeats(landed_records(source, records, "landed_signals", columns, reasons))
