"""Crunchbase exports: companies, and the rounds in which they were funded.

Belongs here: the columns of the two tables and what a spreadsheet has done to them. Does not belong
here: what a round is worth, or which account a name is (``core``). Rows: every record is a signal or
an enrichment record, a duplicate or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import joined, mask, md5_hex, present
from mqa_platform.sources.file_dates import dated
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.typed_records import TypedRecords

_ROUNDS: Final = ("company_permalink", "company_name", "funding_round_type", "funded_at")
_COMPANIES: Final = ("permalink", "name")
SPREADSHEET_ERROR: Final = "spreadsheet_error"
# What a spreadsheet leaves of a text that it took for a formula (``+n``); ``#waywire`` is a name.
_ERROR: Final = r"^#(NAME\?|REF!|VALUE!|N/A|DIV/0!|NULL!|NUM!)$"


def crunchbase_rounds(path: Path, source: Source) -> Landed:
    """Read rounds into funding triggers of a company known by name.

    A round is named by company, type, day and amount: two tranches of one day are two rounds, a row
    that repeats all four is a duplicate. It is known on the day it was made.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    t = TypedRecords(source, read_records(path, _ROUNDS))
    company = t.needed("company_permalink", "missing_id")
    name = _company_name(t, "company_name")
    kind, amount = t.text("funding_round_type"), t.text("raised_amount_usd")
    funded = t.needed_time("funded_at")
    day = funded.cast(pa.date32()).cast(pa.string())
    columns = {
        "event_id": md5_hex(joined([company, kind, day, amount])),
        "occurred_at": funded,
        "event": "funding_round",
        "channel": "news",
        "topic": kind,
        "company_name": name,
        "company_domain": registrable_domains(t.text("homepage_url")),
    }
    return without_repeats(t.landed("landed_signals", columns))


def crunchbase_companies(path: Path, source: Source) -> Landed:
    """Read companies into enrichment records; without a homepage column they are known by name only.

    A company is of the day in the file's name, or of the source's week, else it has always been so.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    records = read_records(path, _COMPANIES)
    t = TypedRecords(source, records)
    modified, wrong_date = dated(records, path, source, always=True)
    t.check("bad_timestamp", wrong_date)
    homepage = t.text("homepage_url")
    domain = registrable_domains(homepage)
    t.check("bad_domain", present(homepage) & ~present(domain))
    columns = {
        "record_id": t.needed("permalink", "missing_id"),
        "modified_at": modified,
        "company_name": _company_name(t, "name"),
        "domain": domain,
        "industry": t.text("category_code"),
        "country": t.text("country_code"),
    }
    return without_repeats(t.landed("landed_enrichment", columns), "landed_enrichment", [*columns])


def _company_name(t: TypedRecords, column: str) -> pa.Array:
    name = t.needed(column, "missing_name")
    t.check(SPREADSHEET_ERROR, mask(pc.match_substring_regex(name, _ERROR)))
    return name
