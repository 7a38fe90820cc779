"""Landing one source into a home of its own, undisturbed or cut short, and what it left there.

Belongs here: reading a harness's source through the real landing into a real DuckDB file. Does not
belong here: facts (``test_contract``) or kinds of sources (the harnesses).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from mqa_platform.home import Home
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.models import Policy
from mqa_platform.policy.sources import Source, Sources
from mqa_platform.sources.connection import Connection
from mqa_platform.sources.connections import connect
from mqa_platform.sources.landing import land_new
from mqa_platform.sources.landing_report import LandingReport
from mqa_platform.storage import open_warehouse
from mqa_platform.warehouse import Session
from mqa_platform_tests.sources.contract.harness import SourceHarness

NAME = "feed"
# When a batch arrived, and what follows from that, differs between two homes; nothing else may.
_ARRIVAL = {"landed_at", "landed_on", "pulled_at", "path"}


class Killed(BaseException):
    """What a test throws where a process would have died."""


class DyingSession:
    """A session that dies at one of its commits: before it, or right after it."""

    def __init__(self, session: Session, at: int, *, after: bool) -> None:
        self._session, self._left, self._after = session, at, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def land(self, *args: Any, **options: Any) -> bool:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        done = self._session.land(*args, **options)
        if self._left == 0:
            raise Killed
        return done


@cache
def _packaged() -> Policy:
    return load_policy(None)


def policy_of(harness: SourceHarness, source: Source) -> Policy:
    """The default policy with this one source."""
    return policy_with(harness.mappings, **{NAME: source})


def altered(mappings: Mappings | None) -> Mappings:
    """A mapping that reads everything as before and is another one all the same."""
    told = (mappings or _packaged().mapping).model_dump(mode="json")
    for crm in told["crms"].values():
        for mapped in crm["objects"].values():
            for column, fields in mapped["fields"].items():
                known = [fields] if isinstance(fields, str) else fields
                mapped["fields"][column] = [*known, "A field that no export has"]
    return Mappings.model_validate(told)


def connection(
    harness: SourceHarness, home: Home, source: Source | None = None, **more: Any
) -> Connection:
    """The source as ``mqa sources check`` sees it."""
    environment: Mapping[str, str] = more.get("environment", harness.environment)
    return connect(NAME, source or harness.source(home), home, environment)


def land(
    harness: SourceHarness,
    home: Home,
    wrap: Callable[[Session], Any] = lambda session: session,
    source: Source | None = None,
) -> LandingReport:
    """One run of landing; ``wrap`` may make the session die on the way."""
    policy = policy_of(harness, source or harness.source(home))
    return land_under(policy, home, harness.environment, wrap)


def land_under(
    policy: Policy,
    home: Home,
    environment: Mapping[str, str] | None = None,
    wrap: Callable[[Session], Any] = lambda session: session,
) -> LandingReport:
    """One run of landing under a policy."""
    with open_warehouse(home).session() as session:
        return land_new(wrap(session), policy, home, environment=environment or {})


def policy_with(mappings: Mappings | None = None, **sources: Source) -> Policy:
    """The default policy with these sources, and another mapping if one is given."""
    changed: dict[str, Any] = {"sources": Sources(sources=dict(sources))}
    if mappings is not None:
        changed["mapping"] = mappings
    return _packaged().model_copy(update=changed)


def killed_at(harness: SourceHarness, home: Home, commit: int, *, after: bool) -> None:
    """A run that dies right after, or right before, one of its commits."""
    try:
        land(harness, home, lambda session: DyingSession(session, commit, after=after))
    except Killed:
        return
    raise AssertionError(f"the run made fewer than {commit} commits")


def ask(home: Home, sql: str) -> list[tuple[Any, ...]]:
    """The answer of the home's warehouse."""
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("SET TimeZone='UTC'")
        return con.execute(sql).fetchall()


def contents(home: Home) -> dict[str, list[str]]:
    """Every landed row and the ledger, sorted, but for when and where the batches arrived."""
    tables = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'landed%' ORDER BY 1"
    found = {name: _rows(home, name, _ARRIVAL) for (name,) in ask(home, tables)}
    return {name: rows for name, rows in found.items() if rows}


def records(home: Home) -> dict[str, set[str]]:
    """What was landed, however it was cut into batches and however often it was given."""
    told = {n: set(_rows(home, n, {"batch_id"})) for n in contents(home) if n != "landed_batches"}
    return {name: rows for name, rows in told.items() if rows}


def _rows(home: Home, table: str, without: set[str]) -> list[str]:
    columns = ask(home, f"SELECT column_name FROM duckdb_columns() WHERE table_name = '{table}'")
    kept = ", ".join(sorted(f'"{name}"' for (name,) in columns if name not in without))
    return sorted(repr(row) for row in ask(home, f'SELECT {kept} FROM "{table}"'))


def fresh(folder: Path, name: str) -> Home:
    """An empty home."""
    home = Home(folder / name)
    home.root.mkdir(parents=True)
    return home
