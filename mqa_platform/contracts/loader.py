"""Reading ``data_contracts/*.yaml`` (Open Data Contract Standard v3.1) into contracts.

Belongs here: the mapping from ODCS fields to columns, keys and rules. Every field that would be a
promise and is not understood is an error: a rule that is silently skipped is worse than none. Does
not belong here: the SQL of a rule (``rules``), running it (``warehouse``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_platform.contracts.errors import ContractError
from mqa_platform.contracts.model import Column, Contract, Rule
from mqa_platform.contracts.properties import column_rules, is_blocking, library_rule
from mqa_platform.contracts.rules import NAME, check_query

if TYPE_CHECKING:
    from open_data_contract_standard.model import (
        DataQuality,
        OpenDataContractStandard,
        SchemaObject,
        SchemaProperty,
    )

_PACKAGE = Path(__file__).resolve().parent.parent
_TYPES = {
    "string": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp('UTC', 6)",
}
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)", re.IGNORECASE)
_HOURS = {
    "h": 1.0,
    "hour": 1.0,
    "hours": 1.0,
    "d": 24.0,
    "day": 24.0,
    "days": 24.0,
    "m": 1 / 60,
    "min": 1 / 60,
}
_FRESHNESS = ("latency", "freshness", "frequency")


def default_folder() -> Path:
    """Where the contracts are: inside the package in a wheel, beside it in a checkout.

    Raises:
        ContractError: neither place exists.
    """
    for folder in (_PACKAGE / "data_contracts", _PACKAGE.parent / "data_contracts"):
        if folder.is_dir():
            return folder
    raise ContractError(f"no data_contracts folder in {_PACKAGE} or beside it")


def load_contracts(folder: Path | None = None) -> dict[str, Contract]:
    """Every contract of a folder (default: the project's), by table name, in file-name order.

    Raises:
        ContractError: naming the file and what in it cannot be kept.
    """
    return dict(_load(folder.resolve() if folder else default_folder()))


@cache
def _load(folder: Path) -> dict[str, Contract]:
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            contract = read_contract(path.read_text(encoding="utf-8"))
            if contract.table != path.stem:
                raise ContractError(
                    f"describes table {contract.table}: name the file {contract.table}.yaml"
                )
        except ContractError as problem:
            raise ContractError(f"{path.name}: {problem}") from problem
        contracts[contract.table] = contract
    return contracts


def read_contract(text: str) -> Contract:
    """One contract from YAML text.

    Raises:
        ContractError: not valid ODCS, not exactly one table, or a promise that is not understood.
    """
    document = _parse(text)
    if not document.schema_ or len(document.schema_) != 1:
        raise ContractError("a contract file describes exactly one table")
    schema = document.schema_[0]
    table = _allowed(schema.name)
    properties = schema.properties or []
    columns = tuple(_column(p) for p in properties)
    if not columns or len({c.name for c in columns}) < len(columns):
        raise ContractError(f"{table}: a table needs columns, each named once")
    key = tuple(
        str(p.name)
        for p in sorted(
            (p for p in properties if p.primaryKey), key=lambda p: p.primaryKeyPosition or 0
        )
    )
    day_column = _day_column(properties)
    rules = tuple(_rules(schema, columns, key, day_column))
    names = [rule.name for rule in rules]
    if repeated := sorted({n for n in names if names.count(n) > 1}):
        raise ContractError(f"{table}: rule names must be unique, repeated: {', '.join(repeated)}")
    return Contract(
        table=table,
        columns=columns,
        title=schema.businessName or document.name or table,
        description=_one_line(
            schema.description or (document.description.purpose if document.description else None)
        ),
        key=key,
        day_column=day_column,
        rules=rules,
        owner=_owner(document),
        group=document.domain,
        freshness=_freshness(document),
    )


def _parse(text: str) -> OpenDataContractStandard:
    import yaml
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = OpenDataContractStandard.model_validate(yaml.load(text, Loader=loader))  # noqa: S506
    except (yaml.YAMLError, ValidationError) as problem:
        raise ContractError(f"not a valid ODCS document: {problem}") from problem
    if document.kind != "DataContract" or not (document.apiVersion or "").startswith("v3."):
        raise ContractError("needs kind: DataContract and apiVersion: v3.1.0")
    return document


def _column(declared: SchemaProperty) -> Column:
    name, logical = _allowed(declared.name), declared.logicalType or ""
    if logical not in _TYPES:
        raise ContractError(
            f"{name}: logicalType {logical!r} is not published; one of {', '.join(_TYPES)}"
        )
    ibis_type = _TYPES[logical]
    if logical == "number" and declared.physicalType:
        found = _DECIMAL.fullmatch(declared.physicalType.strip())
        if not found and declared.physicalType.strip().lower() not in ("double", "float64"):
            raise ContractError(
                f"{name}: physicalType {declared.physicalType!r}: decimal(p,s) or double"
            )
        ibis_type = f"decimal({found[1]}, {found[2]})" if found else ibis_type
    return Column(
        name=name,
        logical_type=logical,
        ibis_type=ibis_type,
        required=bool(declared.required),
        description=_one_line(declared.description),
        classification=declared.classification,
    )


def _day_column(properties: list[SchemaProperty]) -> str | None:
    days = [p for p in properties if p.partitioned]
    if len(days) > 1 or any(p.logicalType != "date" for p in days):
        raise ContractError("at most one column is partitioned, and it is a date")
    return days[0].name if days else None


def _rules(
    schema: SchemaObject, columns: tuple[Column, ...], key: tuple[str, ...], day_column: str | None
) -> Iterator[Rule]:
    if day_column:
        yield Rule(
            "inside_window",
            "inside_window",
            (day_column,),
            description="No row lies outside the window.",
        )
    if key:
        yield Rule("key_unique", "unique", key, description=f"One row per {' + '.join(key)}.")
    # One rule for all of them: every rule is a check with events of its own in Dagster, and "a required value
    # is missing" is one fact, whose sample shows which.
    if given := tuple(c.name for c in columns if c.required):
        yield Rule(
            "required_given", "not_null", given, description=f"Always given: {', '.join(given)}."
        )
    if floats := tuple(c.name for c in columns if c.ibis_type == "float64"):
        yield Rule("numbers_finite", "finite", floats, description="No NaN or infinity.")
    for declared, column in zip(schema.properties or [], columns, strict=True):
        yield from column_rules(declared, column)
    for quality in schema.quality or []:
        yield from _table_rule(quality, {c.name for c in columns})


def _table_rule(quality: DataQuality, columns: set[str]) -> Iterator[Rule]:
    if quality.type == "text":
        return
    if quality.type != "sql":
        yield library_rule(quality, None, columns)
        return
    name = _allowed(quality.name)
    if quality.mustBe != 0 or isinstance(quality.mustBe, bool):
        raise ContractError(f"rule {name}: the query selects offending rows, so it needs mustBe: 0")
    query = (quality.query or "").strip().rstrip(";")
    check_query(name, query)
    yield Rule(
        name,
        "sql",
        blocking=is_blocking(quality),
        description=_one_line(quality.description),
        query=query,
    )


def _owner(document: OpenDataContractStandard) -> str | None:
    team = document.team
    members = team if isinstance(team, list) else (team.members or []) if team else []
    named = [m.username for m in members if (m.role or "").lower() == "owner" and m.username]
    return named[0] if named else getattr(team, "name", None)


def _freshness(document: OpenDataContractStandard) -> timedelta | None:
    for promised in document.slaProperties or []:
        if promised.property in _FRESHNESS:
            unit = (promised.unit or "").lower()
            if unit not in _HOURS or not isinstance(promised.value, (int, float)):
                raise ContractError(
                    f"{promised.property}: a number of h or d, got {promised.value} {unit}"
                )
            return timedelta(hours=promised.value * _HOURS[unit])
    return None


def _allowed(name: Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise ContractError(
            f"{name!r} is not an allowed name: lower case letters, digits, underscore"
        )
    return name


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
