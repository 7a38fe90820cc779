"""A contract's rules as a Great Expectations suite: one expectation a rule.

Belongs here: which expectation states a rule. Does not belong here: running a suite or reading its
results (``warehouse.audit``). Great Expectations costs seconds to import, so it is imported inside
the functions.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from mqa_platform.contracts.model import Contract, Rule
from mqa_platform.contracts.rules import offending_rows, quoted

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation

RULE = "rule"
# A colon before a word is a bound parameter to SQLAlchemy; a doubled colon (a PostgreSQL cast) is
# not.
_BIND = re.compile(r"(?<![:\w\\]):(?=\w)")
# GX wants its placeholder in every query, but fills in a subquery, with or without an alias: a
# contract could then neither alias the staged rows nor count on their name. Ours names the table;
# GX's stands in a comment.
_GX_BATCH = " /* {batch} */"


@cache
def load_engine() -> None:
    """Import Great Expectations: no telemetry, and no warnings of its dependencies.

    They are not ours to mend, and must not stop an audit where warnings are errors.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations  # noqa: F401


def gx_suite(
    contract: Contract,
    staged: str,
    *,
    window: tuple[date, date] | None = None,
    table: Callable[[str], str] = lambda name: f'"{name}"',
) -> ExpectationSuite:
    """The suite of every rule, in contract order, each with its rule id in ``meta["rule"]``.

    Args:
        contract: the rules.
        staged: the table with the staged rows; also the suite's name.
        window: half-open days being published; None where the whole table is.
        table: gives the quoted name under which a sister table can be read.
    """
    load_engine()
    from great_expectations.core import ExpectationSuite

    expectations = [
        expectation(rule, contract, quoted(staged), window=window, table=table)
        for rule in contract.rules
    ]
    return ExpectationSuite(name=staged, expectations=expectations)


def expectation(
    rule: Rule,
    contract: Contract,
    batch: str,
    *,
    window: tuple[date, date] | None,
    table: Callable[[str], str],
) -> Expectation:
    """The expectation that states one rule.

    Column map expectations share one scan of the table, so they are taken where GX has one that
    works on every engine; everything else selects its offending rows.
    """
    load_engine()
    import great_expectations.expectations as gxe

    told: dict[str, Any] = {
        "meta": {RULE: rule.name},
        "severity": "critical" if rule.blocking else "warning",
        "description": rule.description or None,
    }
    column = rule.columns[0] if rule.columns else ""
    if rule.kind == "not_null" and len(rule.columns) == 1:
        return gxe.ExpectColumnValuesToNotBeNull(column=column, **told)
    if rule.kind == "in_set":
        return gxe.ExpectColumnValuesToBeInSet(column=column, value_set=list(rule.values), **told)
    if rule.kind == "in_range" and contract.column(column).logical_type in ("integer", "number"):
        return gxe.ExpectColumnValuesToBeBetween(
            column=column, min_value=rule.minimum, max_value=rule.maximum, **told
        )
    query = offending_rows(rule, contract, batch=batch, window=window, table=table)
    return gxe.UnexpectedRowsExpectation(unexpected_rows_query=escaped(query) + _GX_BATCH, **told)


def escaped(query: str) -> str:
    """The query as GX wants it: braces doubled, colons kept from naming a parameter."""
    doubled = query.replace("{", "{{").replace("}", "}}")
    return _BIND.sub(r"\\:", doubled)
