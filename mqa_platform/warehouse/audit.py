"""Running a contract's rules over staged rows with Great Expectations, pushed down into the engine.

Belongs here: one GX context a session, and the one adapter from GX results to rule outcomes. Does
not belong here: what the rules are (``contracts``), or what a failed rule means for a publication
(``publishing``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any

from mqa_platform.contracts.model import Contract, Rule
from mqa_platform.warehouse.publication import RuleOutcome

if TYPE_CHECKING:
    from sqlalchemy import Engine

_MESSAGE = 300


class Auditor:
    """The GX side of a session.

    Args:
        engine: an SQLAlchemy engine on the session's storage in AUTOCOMMIT: a transaction kept open
            would judge an old state of the tables.
    """

    _numbers = count()

    def __init__(self, engine: Engine) -> None:
        """Keep the engine; Great Expectations is loaded by the first rule."""
        self._engine = engine
        self._source: Any = None

    def run(
        self,
        contract: Contract,
        staged: str,
        *,
        window: tuple[date, date] | None,
        table: Callable[[str], str],
        rows: int,
    ) -> dict[str, tuple[bool, int, str]]:
        """Judge every rule of the contract over the staged table.

        Returns:
            rule name to (passed, violations, problem); ``problem`` tells why a rule could not be
            evaluated and is empty otherwise. A rule that GX does not report at all has failed.
        """
        # What is asked of every row holds where there is none; a query may ask for more, also of nothing.
        held = {r.name: (True, 0, "") for r in contract.rules if rows == 0 and r.kind != "sql"}
        asked = dataclasses.replace(
            contract, rules=tuple(r for r in contract.rules if r.name not in held)
        )
        if not asked.rules:
            return held
        from mqa_platform.contracts.gx import RULE, gx_suite
        from mqa_platform.warehouse.gx_source import open_source

        if self._source is None:
            self._source = open_source(self._engine)
        number = next(self._numbers)
        asset = self._source.add_table_asset(name=f"{staged}_{number}", table_name=staged)
        batch = asset.add_batch_definition_whole_table("staged").get_batch()
        suite = gx_suite(asked, staged, window=window, table=table)
        reported = batch.validate(suite, result_format="SUMMARY")
        found = {r.expectation_config.meta[RULE]: _verdict(r, rows) for r in reported.results}
        self._source.delete_asset(asset.name)
        return held | {
            rule.name: found.get(rule.name, (False, -1, "it was not evaluated"))
            for rule in asked.rules
        }

    def close(self) -> None:
        """Close the connection GX keeps and the engine."""
        if self._source is not None:
            self._source.get_execution_engine().close_kept_connection()
        self._engine.dispose()


def outcome(
    rule: Rule, verdict: tuple[bool, int, str], rows: int, sample: list[dict[str, Any]]
) -> RuleOutcome:
    """One rule outcome from GX's verdict."""
    passed, violations, problem = verdict
    told = f"{rule.description} (not evaluated: {problem})" if problem else rule.description
    return RuleOutcome(rule.name, passed, rule.blocking, violations, rows, sample, told)


def _verdict(reported: Any, rows: int) -> tuple[bool, int, str]:
    if problem := _exception(reported.exception_info or {}):
        return False, -1, problem
    result = reported.result
    # A map expectation counts in unexpected_count, a query in observed_value.
    counted = result.get("unexpected_count", result.get("observed_value"))
    if counted is None and rows == 0 and reported.success:
        # Over no rows GX sums to NULL, not to zero.
        return True, 0, ""
    if counted is None:
        return False, -1, "it reported no count"
    return bool(reported.success), int(counted), ""


def _exception(info: Mapping[str, Any]) -> str:
    # Either one report, or one a metric that could not be computed.
    for told in (info, *info.values()):
        if isinstance(told, Mapping) and told.get("raised_exception"):
            return " ".join(str(told.get("exception_message") or "it raised").split())[:_MESSAGE]
    return ""
