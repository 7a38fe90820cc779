"""Accounts, vendors' records and lists for the tests of what others say, and a naive replay of it.

Belongs here: building the tables, and reading the answer day by day. Does not belong here: tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pyarrow as pa

from mqa_platform.core.account_lists import account_lists
from mqa_platform.core.accounts import accounts
from mqa_platform.core.company_names import clean_company_name
from mqa_platform.core.enrichment import enrichment
from mqa_platform.core.outside import Outside
from mqa_platform.policy.models import Policy
from mqa_platform_tests.core.engine import (
    TOUCHPOINTS,
    Engine,
    Row,
    at,
    crm_schema,
    day,
    default_policy,
    landed_schema,
)

DAYS = 12
ACCOUNT = {
    "source": "crm",
    "account_id": "acme",
    "name": "Acme",
    "domain": "acme.com",
    "valid_from": day(0),
    "is_deleted": False,
}


def record(number: int, **changed: Any) -> dict[str, Any]:
    """A vendor's record of acme.com as of a day of the tests' calendar."""
    row = {"source": "clearbit", "record_id": "r", "domain": "acme.com", "batch_id": "b"}
    return {**row, "modified_at": at(number), **changed}


def entry(number: int, kind: str = "target", **changed: Any) -> dict[str, Any]:
    """An entry of a list about acme.com, delivered on a day and holding from it on."""
    row = {
        "source": "lists",
        "list": kind,
        "entry_id": "acme.com",
        "domain": "acme.com",
        "batch_id": "b",
    }
    return {**row, "modified_at": at(number), "valid_from": day(number), **changed}


NAME_KEYS = pa.schema([("name", pa.string()), ("name_key", pa.string())])


class Asked:
    """The accounts under one policy as one statement, over tables that are filled again and again.

    To build and compile the expression takes a second, to run it some milliseconds.
    """

    def __init__(self, policy: Policy) -> None:
        engine = self.engine = Engine()
        self.schemas = {
            "crm": crm_schema("landed_accounts"),
            "touched": TOUCHPOINTS,
            "records": landed_schema("landed_enrichment"),
            "entries": landed_schema("landed_lists"),
            "keys": NAME_KEYS,
        }
        self.tables = {name: engine.table([], schema) for name, schema in self.schemas.items()}
        t = self.tables
        others = Outside(enrichment(t["records"]), account_lists(t["entries"]), t["keys"])
        self.sql = engine.con.compile(accounts(t["crm"], t["touched"], policy, others))

    def rows(self, **given: Iterable[Row]) -> list[dict[str, Any]]:
        """The answer for these rows; what is not given is empty."""
        con = self.engine.con.con
        for name, table in self.tables.items():
            schema = self.schemas[name]
            listed = [{**dict.fromkeys(schema.names), **row} for row in given.get(name, ())]
            con.register("given_rows", pa.Table.from_pylist(listed, schema=schema))
            con.execute(f"DELETE FROM {table.get_name()}")
            con.execute(f"INSERT INTO {table.get_name()} SELECT * FROM given_rows")
        found = con.execute(self.sql).to_arrow_table().to_pylist()
        return sorted(found, key=lambda r: (r["account_id"], r["valid_from"]))


_ASKED: dict[str, Asked] = {}


def made(
    *versions: Row,
    records: Iterable[Row] = (),
    entries: Iterable[Row] = (),
    policy: Policy | None = None,
    touchpoints: Iterable[Row] = (),
) -> list[dict[str, Any]]:
    """The accounts with everything that others say, in the order of their versions."""
    policy = policy or default_policy()
    key = policy.model_dump_json()
    if key not in _ASKED:
        _ASKED[key] = Asked(policy)
    crm = [{**ACCOUNT, **v} for v in versions or ({},)]
    records, entries = list(records), list(entries)
    names = {r["name"] for r in crm}
    names |= {r["company_name"] for r in (*records, *entries) if r.get("company_name")}
    keys = [{"name": n, "name_key": clean_company_name(n) or None} for n in sorted(names)]
    return _ASKED[key].rows(
        crm=crm, touched=touchpoints, records=records, entries=entries, keys=keys
    )


def on(found: Iterable[Row], when: date, account_id: str = "acme") -> Row | None:
    """The version of an account that holds on a day; there is one at most."""
    holding = [
        r
        for r in found
        if r["account_id"] == account_id
        and r["valid_from"] <= when
        and (r["valid_to"] is None or when < r["valid_to"])
    ]
    assert len(holding) <= 1
    return holding[0] if holding else None


def origins(row: Row) -> dict[str, str]:
    """Field → the side it is from."""
    told = row["firmographics_from"]
    return dict(part.split(":") for part in told.split(";")) if told else {}
