"""Enrichment: what a vendor knows of a company (firmographics, technographics), as of a day.

Belongs here: the names that enrichment exports give our columns. Does not belong here: whether the
CRM or the vendor is believed (``core.enrichment``), or the spellings of bands (``bands``).

Rows: every record is one landed record, an exact repeat of one, or a defect. A record without any
fact lands as well: it says that the vendor was asked and knew nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.alternatives import Alternatives, day_in_name, midnight
from mqa_platform.sources.bands import amounts, headcounts, upper_amounts, upper_headcounts
from mqa_platform.sources.columns import coalesce, each_unique, numbers, present
from mqa_platform.sources.landed import Landed, SourceError
from mqa_platform.sources.names import clean_company_names, registrable_domains

NAMES: Final = {
    "record_id": ("recordid", "id", "vendorid", "companyid", "clearbitid", "zoominfocompanyid", "dunsnumber",
                  "duns"),
    "account_id": ("accountid", "crmid", "crmaccountid", "salesforceid", "salesforceaccountid",
                   "hubspotid", "hubspotcompanyid"),
    "domain": ("domain", "companydomain", "emaildomain", "website", "companywebsite", "websiteurl",
               "companyurl", "url", "homepage"),
    "company": ("companyname", "company", "name", "accountname", "organization", "organisation",
                "organizationname", "legalname"),
    "as_of": ("asof", "asofdate", "asofat", "modifiedat", "updatedat", "lastupdated", "lastupdatedat",
              "lastupdateddate", "lastmodified", "enrichedat", "enrichedon", "enrichmentdate",
              "refreshedat", "lastrefreshed", "indexedat", "date"),
    "industry": ("industry", "primaryindustry", "companyindustry", "categoryindustry", "sector"),
    "employees": ("employees", "employeecount", "employeescount", "numberofemployees", "headcount",
                  "metricsemployees", "estimatednumemployees", "employeerange", "employeesrange",
                  "metricsemployeesrange", "employeesband", "headcountband", "headcountrange",
                  "companysize", "size"),
    "revenue": ("revenue", "annualrevenue", "metricsannualrevenue", "estimatedrevenue",
                "estimatedannualrevenue", "metricsestimatedannualrevenue", "revenueusd",
                "annualrevenueusd", "revenuerange", "revenueband", "annualrevenuerange"),
    "country": ("country", "hqcountry", "headquarterscountry", "companycountry", "billingcountry",
                "geocountry", "locationcountry", "countryname", "countrycode"),
    "technologies": ("technologies", "tech", "techstack", "technographics", "technologynames",
                     "currenttechnologies"),
    "growth": ("growthpct", "growthpercent", "growth", "employeegrowthpct", "employeegrowth",
               "headcountgrowth", "employeegrowth12month", "headcounttwelvemonthgrowth"),
    "parent": ("parentdomain", "ultimateparentdomain", "parentcompanydomain", "parentwebsite"),
}  # fmt: skip


def enrichment(path: Path, source: Source) -> Landed:
    """Read one export, one company a record, found by CRM id, domain or name.

    A record is as of its own date, else of the day in the file's name: without either nobody could
    say which past days it speaks for. Bands become their lower and upper end. Countries and industries stay
    as written, growth is in percent, technologies are lower case and joined by semicolons.

    Raises:
        SourceError: the file cannot be read, names no company, or gives no date at all.
    """
    t = Alternatives(source, path, NAMES)
    t.require("domain", "company", "account_id")
    account, company = t.text("account_id"), t.text("company")
    given = t.text("domain")
    domain = registrable_domains(given)
    cleaned = clean_company_names(company)
    t.check("bad_domain", present(given) & ~present(domain))
    t.check("missing_company", ~present(account) & ~present(domain) & ~present(cleaned))
    columns = {
        "record_id": coalesce(
            t.text("record_id"), _key("account:", account), _key("domain:", domain),
            _key("name:", cleaned),
        ),
        "modified_at": _as_of(t),
        "account_id": account,
        "domain": domain,
        "company_name": company,
        "industry": t.text("industry"),
        "employees": _sizes(t, "employees"),
        "employees_max": upper_headcounts(t.text("employees")),
        "revenue": _sizes(t, "revenue"),
        "revenue_max": upper_amounts(t.text("revenue")),
        "country": t.text("country"),
        "technologies": each_unique(t.text("technologies"), _technologies),
        "growth_pct": _percent(t),
        "parent_domain": registrable_domains(t.text("parent")),
    }  # fmt: skip
    return t.landed_once("landed_enrichment", columns)


def _key(prefix: str, values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(prefix, values, "")


def _as_of(t: Alternatives) -> pa.Array:
    named = day_in_name(t.path)
    if not len(t) or t.has("as_of"):
        stated = t.time("as_of")
    elif named is None:
        raise SourceError(
            t.path,
            "neither a column nor its name says as of when",
            "Export an as_of column, or name the file enrichment-YYYY-MM-DD.csv.",
        )
    else:
        stated = pa.nulls(len(t), midnight(named).type)
    if named is not None:
        # A date that was given and cannot be read is a defect, not a reason to take another one.
        return coalesce(stated, pa.repeat(midnight(named), len(t)))
    t.check("missing_timestamp", ~present(t.text("as_of")))
    return stated


def _sizes(t: Alternatives, name: str) -> pa.Array:
    """Headcount or revenue; where an exact column says nothing, the band beside it is read."""
    read = headcounts if name == "employees" else amounts
    values, wrong = read(t.text(name))
    negative = np.nan_to_num(values.cast(pa.float64()).to_numpy(zero_copy_only=False)) < 0
    t.check("bad_size", wrong | negative)
    return values


def _percent(t: Alternatives) -> pa.Array:
    values, wrong = numbers(pc.replace_substring_regex(t.text("growth"), r"\s*%$", ""))
    t.check("bad_number", wrong)
    return values


def _technologies(text: str) -> str | None:
    words = (
        word.strip() for word in text.casefold().replace("|", ";").replace(",", ";").split(";")
    )
    return ";".join(dict.fromkeys(word for word in words if word)) or None
