"""Records of Salesforce in one form, whether the REST API or a Bulk job gave them.

Belongs here: JSON records and CSV results → plain dicts, and the key by which a record is found
again. Does not belong here: asking for them, or what their fields mean (mapping.yaml).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv

ROWS_HEADER: Final = "Sforce-NumberOfRecords"
Record = dict[str, Any]
# (SystemModstamp, Id) of a record: the order in which a stream is read.
Key = tuple[datetime, str]
_ID: Final = re.compile(r"^[A-Za-z0-9]{15,18}$")


def plain(records: Iterable[Record], fields: Sequence[str]) -> list[Record]:
    """JSON records as a job's results name their values: ``Campaign.Name`` is one field, not two.

    Args:
        records: of a query; each also says, in ``attributes``, where it was found.
        fields: what was asked for.
    """
    return [{field: _value(record, field) for field in fields} for record in records]


def _value(record: Any, field: str) -> Any:
    for name in field.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def csv_table(content: bytes) -> pa.Table:
    """The CSV of a query job as text columns; what is empty is null, as Salesforce writes it.

    Raises:
        pa.ArrowInvalid: it is no CSV, or a row has another number of fields than the header.
    """
    if not content.strip():
        return pa.table({})
    # One block: a value may hold line ends and be as long as a rich text area.
    reading = csv.ReadOptions(block_size=max(len(content), 1))
    header = csv.read_csv(
        io.BytesIO(content.partition(b"\n")[0] + b"\n"), read_options=reading
    ).column_names
    return csv.read_csv(
        io.BytesIO(content),
        read_options=reading,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )


def instant(text: str) -> datetime | None:
    """A time as Salesforce writes it, in UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(re.sub(r"\+0000$|Z$", "+00:00", text))
    except (TypeError, ValueError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def key(record: Record, stamp: str) -> Key | None:
    """The record's place in its stream; None when it has none.

    Args:
        record: as ``plain`` gives it.
        stamp: the field that holds when it last changed.
    """
    moment, identifier = instant(record.get(stamp) or ""), record.get("Id")
    if moment is None or not is_id(identifier):
        return None
    return moment, str(identifier)


def is_id(value: object) -> bool:
    """Whether this is an Id: 15 or 18 letters and digits."""
    return isinstance(value, str) and bool(_ID.match(value))
