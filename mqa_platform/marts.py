"""The published tables as readers see them: the snapshot, or PostgreSQL itself.

Belongs here: opening them read-only and turning rows into Python. Does not belong here: what is asked of
them (``explain``, ``exports``).
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.home import Home
from mqa_platform.storage import WAREHOUSE_VARIABLE, open_warehouse


class MartError(Exception):
    """The published tables cannot answer: a table, an account or a day is not there."""


# What no daily run publishes, by its group, and the command that does.
_PUBLISHED_BY: dict[str | None, str] = {"delivery": "mqa deliver", "calibration": "mqa review"}


class Marts:
    """Published tables, read-only."""

    def __init__(self, con: Any) -> None:
        self.con = con

    def table(self, name: str) -> ir.Table:
        """A published table.

        Raises:
            MartError: no such table, with the nearest name, or nothing published to it yet.
        """
        contracts = load_contracts()
        if name not in contracts:
            near = difflib.get_close_matches(name, contracts, n=1)
            hint = (
                f"; did you mean {near[0]}?"
                if near
                else f"; there are {', '.join(sorted(contracts))}"
            )
            raise MartError(f"no published table {name!r}{hint}")
        if name not in self.con.list_tables():
            how = _PUBLISHED_BY.get(contracts[name].group, "mqa run --from DAY --to DAY")
            raise MartError(f"nothing has been published to {name} yet: {how}")
        return self.con.table(name)

    def arrow(self, expr: ir.Table) -> pa.Table:
        """The rows as Arrow."""
        return expr.to_pyarrow()

    def rows(self, expr: ir.Table) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return self.arrow(expr).to_pylist()

    def last_day(self) -> date:
        """The last day that has stages.

        Raises:
            MartError: no day has been run.
        """
        stages = self.table("stages")
        day = self.rows(stages.aggregate(day=stages["stage_date"].max()))[0]["day"]
        if day is None:
            raise MartError("no day has been run yet: mqa run --from DAY --to DAY")
        return day

    def account(self, wanted: str, as_of: date) -> dict[str, Any]:
        """The version of an account that held on a day, found by id, domain or name.

        Raises:
            MartError: none, or several of that name.
        """
        accounts = self.table("accounts")
        for column in ("account_id", "domain", "name"):
            same = accounts[column].lower() == wanted.strip().lower()
            found = self.rows(accounts.filter(same).order_by("account_id", "valid_from"))
            ids = sorted({row["account_id"] for row in found})
            if len(ids) > 1:
                raise MartError(
                    f"{wanted!r} is the {column} of several accounts: {', '.join(ids[:10])}"
                )
            held = [
                r
                for r in found
                if r["valid_from"] <= as_of and (r["valid_to"] is None or as_of < r["valid_to"])
            ]
            if held:
                return held[-1]
            if found:
                raise MartError(
                    f"{found[0]['name']} ({ids[0]}) is known from {found[0]['valid_from']} on, not on {as_of}"
                )
        names = [r["name"] for r in self.rows(accounts.select("name").distinct())]
        near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.7)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise MartError(f"no account with the id, domain or name {wanted!r}{hint}")


@contextmanager
def open_marts(home: Home) -> Iterator[Marts]:
    """The published tables of a home, for the length of a block.

    Raises:
        SnapshotMissingError: no run has finished yet.
    """
    if os.environ.get(WAREHOUSE_VARIABLE) and not home.is_shadow:
        with open_warehouse(home).session() as session:
            yield Marts(session.con)
        return
    from mqa_platform.warehouse.snapshot import open_snapshot

    con = open_snapshot(home.snapshot)
    try:
        yield Marts(con)
    finally:
        con.disconnect()
