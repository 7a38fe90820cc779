"""Files that are read and left out on purpose: counted, so that nobody wonders where they went.

Belongs here: nothing but the count. Does not belong here: anything that becomes a row (the other
connectors).
"""

from __future__ import annotations

from pathlib import Path

from mqa_platform.policy.sources import Source
from mqa_platform.sources.delimited import WRONG_COUNT
from mqa_platform.sources.landed import Landed, defects
from mqa_platform.sources.record_files import read_records


def reference_records(path: Path, source: Source) -> Landed:
    """Read any file of records; every sound row is filtered as ``reference``.

    Raises:
        SourceError: the file cannot be read.
    """
    records = read_records(path, ())
    return Landed(
        rows=len(records) + len(records.misfits),
        accepted=0,
        tables={},
        defects=defects(source.connector, records.misfits, [WRONG_COUNT] * len(records.misfits)),
        filtered={"reference": len(records)} if len(records) else {},
    )
