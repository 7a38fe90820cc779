"""Filling the local CRM with the records of an export: one CSV an object, the last version of each record.

Belongs here: cells → values of the API, for Salesforce and for HubSpot. Does not belong here: the servers
(``salesforce``, ``hubspot``), or how exports land (``sources``).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mqa_platform.local_services.hubspot import LocalHubSpot
from mqa_platform.local_services.salesforce import LocalSalesforce
from mqa_platform.local_services.salesforce_records import written_moment

_TIMES: Final = re.compile(r"Date(Time)?$|^SystemModstamp$")
_NUMBERS: Final = {"NumberOfEmployees": "int", "AnnualRevenue": "currency", "Amount": "currency"}
# Our HubSpot's companies out of the same export: property → column.
_COMPANY: Final = {
    "name": "Name",
    "website": "Website",
    "industry": "Industry",
    "numberofemployees": "NumberOfEmployees",
    "annualrevenue": "AnnualRevenue",
    "country": "BillingCountry",
    "hubspot_owner_id": "OwnerId",
}
_CONTACT: Final = {"email": "Email", "jobtitle": "Title", "associatedcompanyid": "AccountId"}


def fill_salesforce(org: LocalSalesforce, folder: Path) -> dict[str, int]:
    """Give the org the records of every CSV in a folder; returns how many by object.

    Raises:
        OSError: a file cannot be read.
    """
    found = {}
    for path in sorted(folder.glob("*.csv")):
        columns, lines = _read(path)
        records = [_record(r) for r in {r["Id"]: r for r in lines if r.get("Id")}.values()]
        org.add(path.stem, records, **_types(columns, records))
        found[path.stem] = len(records)
    return found


def fill_hubspot(account: LocalHubSpot, folder: Path) -> dict[str, int]:
    """Give the account the companies, contacts and owners of the same files; returns how many of each.

    Raises:
        OSError: a file cannot be read.
    """
    companies = _by_id(folder / "Account.csv")
    people = _by_id(folder / "Contact.csv")
    owners = _by_id(folder / "User.csv")
    numbers = {id_: n for n, id_ in enumerate(companies, start=1)}
    reps = {id_: n for n, id_ in enumerate(owners, start=1)}
    for id_, row in companies.items():
        values = {name: row.get(column, "") for name, column in _COMPANY.items()}
        values["hubspot_owner_id"] = str(reps.get(row.get("OwnerId", ""), ""))
        account.put("companies", numbers[id_], _milliseconds(row), **values)
    for n, row in enumerate(people.values(), start=1):
        values = {name: row.get(column, "") for name, column in _CONTACT.items()}
        company = numbers.get(row.get("AccountId", ""))
        values["associatedcompanyid"] = str(company or "")
        account.put("contacts", n, _milliseconds(row), **values)
        if company:
            account.link("contacts", "companies", n, company)
    account.owners = [
        {"id": str(reps[id_]), "email": row.get("Email", ""), "firstName": row.get("Name", "")}
        for id_, row in owners.items()
    ]
    return {"companies": len(companies), "contacts": len(people), "owners": len(owners)}


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        lines = list(reader)
        return list(reader.fieldnames or ()), lines


def _by_id(path: Path) -> dict[str, dict[str, str]]:
    lines = _read(path)[1] if path.exists() else []
    return {row["Id"]: row for row in lines if row.get("Id")}


def _record(row: Mapping[str, str]) -> dict[str, Any]:
    return {column: _value(column, text) for column, text in row.items()}


def _value(column: str, text: str) -> Any:
    if text in ("TRUE", "FALSE"):
        return text == "TRUE"
    if not text:
        return None
    if _TIMES.search(column):
        return written_moment(_moment(text)) if len(text) > 10 else text
    if column in _NUMBERS:
        return float(text)
    return text


def _types(columns: list[str], records: list[dict[str, Any]]) -> dict[str, str]:
    found = dict.fromkeys(columns, "string") | {"Id": "id"}
    for column in columns:
        values = [row[column] for row in records if row.get(column) is not None]
        if any(isinstance(value, bool) for value in values) or column == "IsDeleted":
            found[column] = "boolean"
        elif column in _NUMBERS:
            found[column] = _NUMBERS[column]
        elif _TIMES.search(column):
            is_day = bool(values) and all(len(str(value)) <= 10 for value in values)
            found[column] = "date" if is_day else "datetime"
    return found


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).replace(tzinfo=UTC).timestamp()


def _milliseconds(row: Mapping[str, str]) -> int:
    return int(_moment(row["SystemModstamp"]) * 1000)
