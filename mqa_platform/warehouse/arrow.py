"""Arrow tables brought to the columns, order and types that a schema promises.

Belongs here: casting at the border of an engine. Does not belong here: moving the data in or out
(the engines).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.contracts.errors import ContractError


def conform(table: pa.Table, schema: pa.Schema, what: str) -> pa.Table:
    """``table`` with exactly the columns and types of ``schema``.

    Raises:
        ContractError: a column is missing or unknown, or a value does not fit its type; names
            ``what``.
    """
    check_columns(table.column_names, schema.names, what)
    columns = []
    for field in schema:
        column = _storage(table.column(field.name))
        try:
            columns.append(_cast(column, field.type))
        except pa.ArrowInvalid as problem:
            raise ContractError(
                f"{what}: column {field.name} is not {field.type}: {problem}"
            ) from problem
    return pa.Table.from_arrays(columns, schema=schema)


def check_columns(
    given: list[str] | tuple[str, ...], wanted: list[str] | tuple[str, ...], what: str
) -> None:
    """Refuse missing and unknown columns.

    Raises:
        ContractError: naming both kinds.
    """
    missing, unknown = sorted(set(wanted) - set(given)), sorted(set(given) - set(wanted))
    if missing or unknown:
        told = [f"missing {', '.join(missing)}"] * bool(missing) + [
            f"unknown {', '.join(unknown)}"
        ] * bool(unknown)
        raise ContractError(f"{what}: columns are not as declared: {'; '.join(told)}")


def _storage(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # ADBC hands PostgreSQL's numeric out as an opaque extension over text.
    if isinstance(column.type, pa.BaseExtensionType):
        storage = column.type.storage_type
        return pa.chunked_array([chunk.storage for chunk in column.chunks], type=storage)
    return column


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if column.type == wanted:
        return column
    return pc.cast(column, wanted)
