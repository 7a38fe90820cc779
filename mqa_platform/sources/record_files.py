"""A file of records in any form: CSV with a header, JSON, JSON lines or Parquet, packed or not.

Belongs here: telling the forms apart by content. Does not belong here: reading one form
(``delimited``, ``json_records``, ``parquet_records``) or meanings (each connector).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mqa_platform.sources.delimited import csv_records
from mqa_platform.sources.files import as_text, open_bytes
from mqa_platform.sources.json_records import json_records
from mqa_platform.sources.parquet_records import MARK, parquet_records
from mqa_platform.sources.record_table import Records, no_records


def read_records(
    path: Path, required: Sequence[str] = (), synonyms: Mapping[str, str] | None = None
) -> Records:
    """Read a file whose records name their columns; all columns are text, names ``canonical``.

    Its first bytes tell the form, whatever the file is called: ``PAR1`` is Parquet, ``[`` and ``{``
    are JSON (an array, an object, a page of HubSpot or Salesforce, or an object a line), else CSV.

    Args:
        path: the file, also as gzip; zero bytes give no records.
        required: columns it must have, in the vendor's spelling.
        synonyms: canonical names to read as another canonical name, unless that one is there.

    Raises:
        SourceError: unreadable, truncated, no columns, a column twice, or a required one missing.
    """
    packed = open_bytes(path)
    if packed.startswith(MARK):
        return parquet_records(path, packed, required, synonyms)
    content = as_text(path, packed)
    start = content.lstrip()[:1]
    if not start:
        return no_records(required)
    if start in (b"[", b"{"):
        return json_records(path, content, required, synonyms)
    return csv_records(path, content, required, synonyms)
