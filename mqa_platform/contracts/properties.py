"""The rules a single column's ODCS declaration implies.

Belongs here: ``required``, ``unique``, ``logicalTypeOptions`` and the quality library of ODCS, as
rules. Does not belong here: rules over a whole table written in SQL (``loader``), the SQL of any
rule (``rules``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mqa_platform.contracts.errors import ContractError
from mqa_platform.contracts.model import Bound, Column, Rule

if TYPE_CHECKING:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

# Options that describe and promise nothing about the rows we publish.
_DESCRIPTIVE = {"format", "timezone", "defaultTimezone"}
_CHECKED = {"minimum", "maximum", "minLength", "maxLength", "pattern"}
_RANGED = ("integer", "number", "date", "timestamp")


def column_rules(declared: SchemaProperty, column: Column) -> Iterator[Rule]:
    """Every rule that the declaration of one column implies.

    Raises:
        ContractError: an option or a metric that would be a promise and is not understood.
    """
    name = column.name
    if declared.unique:
        yield Rule(f"{name}_unique", "unique", (name,), description=f"No two rows share a {name}.")
    yield from _option_rules(declared.logicalTypeOptions or {}, column)
    for quality in declared.quality or []:
        if quality.type != "text":
            yield library_rule(quality, column, {name})


def library_rule(quality: DataQuality, column: Column | None, columns: set[str]) -> Rule:
    """The rule of one ODCS library metric; all of them are ``mustBe: 0`` counts.

    Raises:
        ContractError: another type, metric or comparison.
    """
    metric, arguments = quality.metric, quality.arguments or {}
    where = column.name if column else "the table"
    if quality.type not in (None, "library") or quality.mustBe != 0:
        raise ContractError(
            f"{where}: a quality rule is type library or sql (tables only) with mustBe: 0"
        )
    blocking, told = is_blocking(quality), " ".join((quality.description or "").split())
    if column is None:
        subjects = tuple(arguments.get("properties", ()))
        if metric != "duplicateValues" or not subjects or not set(subjects) <= columns:
            raise ContractError(
                f"{where}: metric {metric!r} needs duplicateValues over its own columns"
            )
        name = quality.name or f"{'_'.join(subjects)}_unique"
        return Rule(
            name, "unique", subjects, blocking, told or f"One row per {' + '.join(subjects)}."
        )
    subjects = (column.name,)
    if metric == "nullValues":
        name = quality.name or f"{column.name}_not_null"
        return Rule(name, "not_null", subjects, blocking, told or f"{column.name} is always given.")
    if metric == "duplicateValues":
        return Rule(quality.name or f"{column.name}_unique", "unique", subjects, blocking, told)
    if metric == "invalidValues" and set(arguments) == {"validValues"} and arguments["validValues"]:
        values = tuple(_scalar(v) for v in arguments["validValues"])
        told = told or f"{column.name} is one of {', '.join(map(str, values))}."
        return Rule(
            quality.name or f"{column.name}_in_set",
            "in_set",
            subjects,
            blocking,
            told,
            values=values,
        )
    if metric == "invalidValues" and set(arguments) == {"pattern"}:
        name = quality.name or f"{column.name}_matches"
        return Rule(name, "matches", subjects, blocking, told, pattern=str(arguments["pattern"]))
    raise ContractError(
        f"{where}: metric {metric!r} with arguments {sorted(arguments)} is not understood"
    )


def is_blocking(quality: DataQuality) -> bool:
    """Severity ``error`` (the default) blocks a publication, ``warning`` does not."""
    severity = (quality.severity or "error").lower()
    if severity not in ("error", "warning"):
        raise ContractError(f"rule {quality.name}: severity {quality.severity!r}: error or warning")
    return severity == "error"


def _option_rules(options: dict[str, Any], column: Column) -> Iterator[Rule]:
    name, kind = column.name, column.logical_type
    if unknown := set(options) - _CHECKED - _DESCRIPTIVE:
        raise ContractError(
            f"{name}: logicalTypeOptions {', '.join(sorted(unknown))} not understood"
        )
    low, high = options.get("minimum"), options.get("maximum")
    if low is not None or high is not None:
        if kind not in _RANGED:
            raise ContractError(
                f"{name}: minimum and maximum are for {', '.join(_RANGED)}, not {kind}"
            )
        told = f"{name} lies in [{'-∞' if low is None else low}, {'∞' if high is None else high}]."
        yield Rule(f"{name}_in_range", "in_range", (name,), True, told, _bound(low), _bound(high))
    short, long = options.get("minLength"), options.get("maxLength")
    pattern = options.get("pattern")
    if kind != "string" and (short, long, pattern) != (None, None, None):
        raise ContractError(f"{name}: minLength, maxLength and pattern are for strings")
    if short is not None or long is not None:
        told = f"{name} has {short or 0} to {'any number of' if long is None else long} characters."
        yield Rule(f"{name}_length", "length", (name,), True, told, short, long)
    if pattern is not None:
        yield Rule(
            f"{name}_matches",
            "matches",
            (name,),
            True,
            f"{name} matches {pattern}",
            pattern=pattern,
        )


def _bound(value: Any) -> Bound | None:
    # YAML reads an unquoted 2026-01-01 as a date.
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def _scalar(value: Any) -> Bound | bool:
    if not isinstance(value, (str, int, float, bool)):
        raise ContractError(f"a valid value is text, a number or a boolean, got {value!r}")
    return value
