"""6sense exports: companies, and what it predicts of them by product.

Belongs here: the two tables as loaders write them (``company``, ``company_score``). Does not belong
here: the scale (``intent_scale``), bands of headcount (``bands``). Rows: every record is an
enrichment record or a signal, filtered, a duplicate or a defect.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.bands import amounts, headcounts, upper_amounts, upper_headcounts
from mqa_platform.sources.columns import booleans, each_unique, mask, nulls, numbers, present
from mqa_platform.sources.file_dates import dated
from mqa_platform.sources.intent_records import Research, landed_research
from mqa_platform.sources.intent_scale import SIXSENSE_STAGES, from_sixsense
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.names import registrable_domains
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.records import landed_records
from mqa_platform.sources.repeats import without_repeats
from mqa_platform.sources.typed_records import TypedRecords

BLACKLISTED: Final = "blacklisted"
_COMPANY: Final = {
    "companydomain": "domain",
    "companyname": "name",
    "isblocklisted": "isblacklisted",
}
_SCORE: Final = {
    "companydomain": "domain",
    "companybuyingstage": "buyingstage",
    "companyintentscore": "intentscore",
    "productdisplayname": "product",
}
# The sectors of NAICS 2022 by their first two digits; the industry where a record names only a code.
_SECTORS: Final = {
    "11": "Agriculture, Forestry, Fishing and Hunting",
    "21": "Mining, Quarrying, and Oil and Gas Extraction",
    "22": "Utilities",
    "23": "Construction",
    "31": "Manufacturing",
    "32": "Manufacturing",
    "33": "Manufacturing",
    "42": "Wholesale Trade",
    "44": "Retail Trade",
    "45": "Retail Trade",
    "48": "Transportation and Warehousing",
    "49": "Transportation and Warehousing",
    "51": "Information",
    "52": "Finance and Insurance",
    "53": "Real Estate and Rental and Leasing",
    "54": "Professional, Scientific, and Technical Services",
    "55": "Management of Companies and Enterprises",
    "56": "Administrative and Support and Waste Management Services",
    "61": "Educational Services",
    "62": "Health Care and Social Assistance",
    "71": "Arts, Entertainment, and Recreation",
    "72": "Accommodation and Food Services",
    "81": "Other Services",
    "92": "Public Administration",
}


def sixsense_companies(path: Path, source: Source) -> Landed:
    """Read companies into enrichment records, by domain.

    A range ("201 - 500", "$10M - $50M") becomes its two ends, unless the number itself is given.
    A record without a date of its own is of the day in the file's name, else it has always been so.
    ``confidence`` is 6sense's own and changes nothing; what it blacklists is filtered.

    Raises:
        SourceError: the file cannot be read, or has no domains.
    """
    records = read_records(path, ("domain",), _COMPANY)
    t = TypedRecords(source, records)
    given = t.needed("domain", "missing_domain")
    domain = registrable_domains(given)
    t.check("bad_domain", present(given) & ~present(domain))
    modified, wrong_date = dated(records, path, source, always=True)
    t.check("bad_timestamp", wrong_date)
    employees = t.integer("employee_count")
    staff, wrong_staff = headcounts(t.text("employee_range"))
    revenue = t.number("annual_revenue")
    turnover, wrong_turnover = amounts(t.text("revenue_range"))
    t.check("bad_band", wrong_staff | wrong_turnover)
    unwanted = np.full(len(records), None, dtype=object)
    unwanted[mask(t.flag("is_blacklisted"))] = BLACKLISTED
    columns = {
        "source": source.connector,
        "record_id": domain,
        "modified_at": modified,
        "domain": domain,
        "company_name": t.text("name"),
        "industry": pc.coalesce(
            t.text("industry"), t.text("naics_description"), _sectors(t.text("naics"))
        ),
        "employees": pc.coalesce(employees, staff),
        "employees_max": _unless(employees, upper_headcounts(t.text("employee_range"))),
        "revenue": pc.coalesce(revenue, turnover),
        "revenue_max": _unless(revenue, upper_amounts(t.text("revenue_range"))),
        "country": t.text("country"),
    }
    landed = landed_records(source, records, "landed_enrichment", columns, t.reasons(), unwanted)
    return without_repeats(landed, "landed_enrichment", [*columns])


def _unless(exact: pa.Array, upper: pa.Array) -> pa.Array:
    """The upper ends where there is no exact number."""
    return pc.if_else(exact.is_valid(), pa.scalar(None, upper.type), upper)


def _sectors(codes: pa.Array) -> pa.Array:
    return each_unique(codes, lambda code: _SECTORS.get(code[:2]))


def sixsense_scores(path: Path, source: Source) -> Landed:
    """Read scores into intent signals, one a company, product and day.

    The topic is the product with the buying stage ("Analytics: Decision"). Profile fit is 6sense's
    word on who can be a customer, which is ours to say, and is not read.

    Raises:
        SourceError: the file cannot be read, has neither scores nor stages, or no date is known.
    """
    records = read_records(path, ("domain",), _SCORE)
    if not records.has("intentscore"):
        records = read_records(path, ("domain", "buying_stage"), _SCORE)
    moment, wrong_date = dated(records, path, source, always=False)
    score, wrong_score = numbers(records.text("intentscore"))
    values = score.to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        wrong_score |= (values < 0) | (values > 100)
    given_stage = records.text("buyingstage")
    stage = pc.utf8_lower(given_stage)
    unknown_stage = present(stage) & ~mask(pc.is_in(stage, pa.array(list(SIXSENSE_STAGES))))
    qualified, wrong_flag = booleans(records.text("is6qa"))
    product = records.text("product")
    named = pc.binary_join_element_wise(product, given_stage, ": ")
    said = Research(
        occurred_at=moment,
        received_at=moment,
        domain=records.text("domain"),
        company_name=records.text("companyname", "name"),
        company=nulls(len(records)),
        topic=pc.coalesce(named, given_stage, product),
        score=from_sixsense(score, stage, qualified),
        part=product,
    )
    checks = [
        ("bad_timestamp", wrong_date),
        ("bad_score", wrong_score),
        ("unknown_stage", unknown_stage),
        ("bad_boolean", wrong_flag),
    ]
    return landed_research(source, records, said, checks, domain_needed=True)
