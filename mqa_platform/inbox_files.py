"""One decision of a person as a file of the inbox, where landing finds it.

Belongs here: writing a row so that a reader sees the whole file or none. Does not belong here: what is
decided (``overrides``, ``reassigning``), or reading it (``sources``).
"""

from __future__ import annotations

import json
import os
from datetime import date
from typing import Any

from mqa_platform.home import Home


def write_row(home: Home, kind: str, row: dict[str, Any], row_id: str) -> str:
    """Writes one row to ``inbox/<kind>/`` and says where; nulls are left out.

    Args:
        home: the installation.
        kind: the folder, which is the connector's name.
        row: JSON values, days and moments; ``at`` is when it was decided.
        row_id: its id; the first eight signs stand in the name of the file.
    """
    folder = home.inbox / kind
    folder.mkdir(parents=True, exist_ok=True)
    stamp = row["at"].strftime("%Y%m%dT%H%M%S%f")
    path = folder / f"{stamp}-{row_id[:8]}.jsonl"
    partial = path.with_suffix(".partial")
    told = {k: v.isoformat() if isinstance(v, date) else v for k, v in row.items() if v is not None}
    partial.write_text(json.dumps(told, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return str(path)
