"""The mail system's files: monthly activity exports and lead lists, in Marketo's columns.

Belongs here: how mail rows and leads become CSV. Does not belong here: which rows there are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from mqa_platform.market import vocabulary as words
from mqa_platform.market.config import MarketConfig, Month
from mqa_platform.market.mail import ATTENDED, CLICKED, OPENED, MailRows
from mqa_platform.market.people import People, lead_since
from mqa_platform.market.signals import NOISE_KINDS
from mqa_platform.market.streams import Ints, instants, joined

FIRST_ACTIVITY = 58_000_000
_SCANNER_AGENT = "python-requests/2.32.3"
_LINKS = (
    "https://www.northwind-cloud.com/blog/data-contracts",
    "https://www.northwind-cloud.com/case-studies/bank-risk",
    "https://www.northwind-cloud.com/product/overview",
)


def write_activities(
    people: People, rows: MailRows, first_id: int, month: Month, folder: Path
) -> Ints:
    """Write a month of activities numbered from ``first_id``; returns the numbers, in row order."""
    ids = np.arange(first_id, first_id + len(rows))
    clicked = rows.type_id == CLICKED
    has_agent = clicked | (rows.type_id == OPENED)
    scanned = rows.noise == NOISE_KINDS.index("mail_scanner")
    agent = np.where(scanned, len(words.BROWSERS), rows.person % len(words.BROWSERS))
    campaign = pa.array(rows.campaign).cast(pa.string())
    table = pa.table(
        {
            "id": ids,
            "activity_date": instants(rows.at),
            "activity_type_id": rows.type_id,
            "lead_id": people.lead[rows.person],
            "campaign_id": rows.campaign,
            "primary_attribute_value": joined(
                pa.array(["NL", "Webinar"]).take(pa.array((rows.type_id == ATTENDED).astype(int))),
                campaign,
                separator=" ",
            ),
            "link": pa.array(_LINKS).take(pa.array(rows.campaign % len(_LINKS), mask=~clicked)),
            "user_agent": pa.array([*words.BROWSERS, _SCANNER_AGENT]).take(
                pa.array(agent, mask=~has_agent)
            ),
        }
    )
    write_table(table, folder / f"activities-{month.first_day.isoformat()}.csv")
    return ids


def write_leads(config: MarketConfig, people: People, folder: Path) -> int:
    """Write the lead lists: who is known at the start in the first, newcomers in their month."""
    leads = np.flatnonzero(people.lead >= 0)
    since = lead_since(config, leads)
    order = np.lexsort((people.lead[leads], since))
    leads, since = leads[order], since[order]
    for month in config.months():
        lo = 0 if month.index == 0 else int(np.searchsorted(since, month.lo))
        rows = slice(lo, int(np.searchsorted(since, month.hi)))
        who, when = leads[rows], instants(since[rows])
        table = pa.table(
            {
                "id": people.lead[who],
                "created_at": when,
                "updated_at": when,
                "email": people.email.take(pa.array(who)),
                "first_name": pa.array(words.FIRST_NAMES).take(pa.array(people.first_name[who])),
                "last_name": pa.array(words.LAST_NAMES).take(pa.array(people.last_name[who])),
            }
        )
        write_table(table, folder / f"leads-{month.first_day.isoformat()}.csv")
    return len(leads)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a CSV with a header; all text is quoted, null is empty."""
    path.write_bytes((",".join(table.column_names) + "\n").encode())
    with path.open("ab") as file:
        options = csv.WriteOptions(include_header=False, quoting_style="needed")
        csv.write_csv(table, file, options)
