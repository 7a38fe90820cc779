"""JSON lines as text columns, one malformed line never spoiling the others.

Belongs here: picking values out of lines by path. Does not belong here: what the values mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.columns import flat, mask
from mqa_platform.sources.files import line_blocks
from mqa_platform.sources.landed import SourceError

BAD_JSON = "bad_json"


@dataclass(frozen=True)
class Lines:
    """Some lines of a file: the text, whether each is a JSON object, and the values picked."""

    raw: pa.Array
    is_object: npt.NDArray[np.bool_]
    values: dict[str, pa.Array]

    def __len__(self) -> int:
        return len(self.raw)

    def texts(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """These lines as written."""
        return list(self.raw.take(pa.array(rows, pa.int64())).to_pylist())


def read_lines(path: Path, picks: Mapping[str, str]) -> Iterator[Lines]:
    """Read a file of JSON objects, one a line, in blocks of lines, in the order of the file.

    Args:
        path: the file; an empty one yields nothing.
        picks: column name → JSON path. Scalars become text, JSON null and absent become null.

    Raises:
        SourceError: unreadable, or no line at all begins an object.
    """
    seen = objects = 0
    for block in line_blocks(path):
        opened = pc.sum(pc.starts_with(block, "{")).as_py() or 0
        lines = block if opened == len(block) else pc.utf8_trim_whitespace(block)
        seen += len(lines)
        objects += opened or pc.sum(pc.starts_with(lines, "{")).as_py() or 0
        if objects:
            yield _pick(lines, picks)
        elif seen > 0:
            break
    if seen and not objects:
        raise SourceError(
            path,
            "is not JSON lines: no line begins with {",
            "Check that sources.yaml names the right connector for this file.",
        )


def _pick(lines: pa.Array, picks: Mapping[str, str]) -> Lines:
    columns = ", ".join(f'v[{at}] as "{name}"' for at, name in enumerate(picks, start=1))
    block = pa.table({"n": pa.array(np.arange(len(lines))), "line": lines})
    with duckdb.connect() as engine:
        engine.register("block", block)
        # The parser raises on malformed text, so those lines are replaced before it sees them.
        table = engine.execute(
            f"""
            select n, ok, {columns} from (
              select n, ok,
                     json_extract_string(case when ok then line else '{{}}' end, $paths) as v
              from (select n, line, json_valid(line) and starts_with(line, '{{') as ok from block))
            """,  # noqa: S608 (column names are this package's own)
            {"paths": list(picks.values())},
        ).to_arrow_table()
    if not np.array_equal(table["n"].to_numpy(), np.arange(len(lines))):
        table = table.sort_by("n")
    values = {name: flat(table[name]) for name in picks}
    if pc.any(pc.match_substring(lines, "\\u0000")).as_py():
        # No engine stores a NUL in text.
        values = {name: pc.replace_substring(v, "\x00", "") for name, v in values.items()}
    return Lines(lines, mask(table["ok"]), values)
