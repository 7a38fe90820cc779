"""Public lists of companies, read as accounts: the Fortune 500, and the OpenStack affiliations.

Belongs here: two list formats. Does not belong here: who of these is a target (``policy``); both
lists are taken as target lists. Rows: every company is an account or a defect.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.columns import present
from mqa_platform.sources.delimited import read_with_header
from mqa_platform.sources.files import open_text
from mqa_platform.sources.landed import Landed, SourceError, conform, defects, empty
from mqa_platform.sources.names import clean_company_name, registrable_domain, registrable_domains
from mqa_platform.sources.timestamps import EARLIEST, parse_timestamps
from mqa_platform.sources.typed_records import TypedRecords

_FORTUNE: Final = ("year", "name", "sector", "website", "employees", "revenues_musd")
# A list without dates has always been known.
_SINCE: Final = EARLIEST


def fortune_accounts(path: Path, source: Source) -> Landed:
    """Read a Fortune list; the domain is the id, so each year is a version of one account.

    Raises:
        SourceError: the file cannot be read, or lacks a required column.
    """
    t = TypedRecords(source, read_with_header(path, _FORTUNE))
    domain = registrable_domains(t.text("website"))
    t.check("missing_domain", ~present(domain))
    year = t.needed("year", "missing_timestamp")
    modified, wrong = parse_timestamps(pc.binary_join_element_wise(year, "01-01", "-"))
    t.check("bad_timestamp", wrong)
    millions = t.number("revenues_musd")
    columns = {
        "account_id": domain,
        "modified_at": modified,
        "name": t.needed("name", "missing_name"),
        "domain": domain,
        "industry": t.text("sector"),
        "employees": t.integer("employees"),
        "revenue": pc.multiply(millions, 1e6),
        "country": "United States",
        "is_target": True,
        "account_type": "prospect",
        "is_deleted": False,
    }
    return t.landed("landed_accounts", columns)


def affiliation_accounts(path: Path, source: Source) -> Landed:
    """Read the companies of a stackalytics affiliations file.

    The first domain is the account's, the others are aliases. Names that begin with ``*`` stand
    for people without a company and are defects (not_a_company).

    Raises:
        SourceError: the file cannot be read, or is no JSON object with a list of companies.
    """
    companies = _companies(path)
    taken: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    bad: list[tuple[str, str]] = []
    for company in companies:
        reason = _refused(company)
        if reason:
            bad.append((json.dumps(company, ensure_ascii=False, sort_keys=True), reason))
        else:
            rows.append(_account(company, taken))
    defect_rows = defects(source.connector, [raw for raw, _ in bad], [why for _, why in bad])
    if not rows:
        tables = {"landed_accounts": empty("landed_accounts")}
        return Landed(len(companies), 0, tables, defect_rows)
    columns: dict[str, Any] = {
        name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]
    }
    columns |= {
        "source": source.connector,
        "modified_at": _SINCE,
        "is_target": True,
        "account_type": "prospect",
        "is_deleted": False,
    }
    table = conform("landed_accounts", len(rows), columns)
    return Landed(len(companies), len(rows), {"landed_accounts": table}, defect_rows)


def _companies(path: Path) -> list[Any]:
    content = open_text(path)
    if not content.strip():
        return []
    try:
        document = json.loads(content)
    except ValueError as error:
        raise SourceError(
            path, f"is not JSON ({error})", "Deliver the whole affiliations file again."
        ) from error
    companies = document.get("companies") if isinstance(document, dict) else None
    if not isinstance(companies, list):
        raise SourceError(
            path, "has no list of companies", "It must be a JSON object with the key companies."
        )
    return companies


def _refused(company: Any) -> str | None:
    if not isinstance(company, dict) or not isinstance(company.get("domains", []), list):
        return "bad_json"
    name = company.get("company_name")
    if not isinstance(name, str) or not clean_company_name(name):
        return "missing_name"
    return "not_a_company" if name.startswith("*") else None


def _account(company: dict[str, Any], taken: Counter[str]) -> dict[str, str | None]:
    name = company["company_name"].strip()
    account_id = "org:" + (clean_company_name(name) or "").replace(" ", "-")
    taken[account_id] += 1
    if taken[account_id] > 1:
        account_id = f"{account_id}-{taken[account_id]}"
    found = (registrable_domain(domain) for domain in company.get("domains", []) if domain)
    domains = [domain for domain in dict.fromkeys(found) if domain]
    return {
        "account_id": account_id,
        "name": name,
        "domain": domains[0] if domains else None,
        "aliases": ";".join(domains[1:]) or None,
    }
