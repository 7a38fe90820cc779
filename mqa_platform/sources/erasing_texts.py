"""A person in files as they lie on disk: what a file says, and what is left of it without them.

Belongs here: CSV, JSON, lines, Parquet and plain text, in UTF-8 or UTF-16, each also as gzip. Does not
belong here: what names the person (``needles``), or which files there are and what the ledger knows of them
(``erasing_files``).

A record of a table or a line goes when one of its values is the person's address, key or browser. Where the
person only stands inside a longer text, the rest of the text stays. Of a JSON document the items of its
lists are the records.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mqa_platform.sources.files import is_binary, wide_encoding
from mqa_platform.sources.needles import Needles

_LINES: Final = (".jsonl", ".ndjson", ".log", ".tsv")
_PARQUET_MAGIC: Final = b"PAR1"
_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Without:
    """A file without the person: its new bytes, and how many records or places went."""

    content: bytes
    removed: int


@dataclass(frozen=True)
class Opened:
    """A file that can be looked into.

    Attributes:
        content: its text as UTF-8, or Parquet; gzip undone.
        packed: whether it was gzip.
        wide: the encoding of text that is not UTF-8.
    """

    content: bytes
    packed: bool
    wide: str | None

    def closed(self, content: bytes) -> bytes:
        """New content in the form in which the file came."""
        if self.wide:
            content = content.decode("utf-8", "surrogatepass").encode(self.wide, "surrogatepass")
        return gzip.compress(content, mtime=0) if self.packed else content

    @property
    def is_parquet(self) -> bool:
        """Whether the content is a table."""
        return self.content[:4] == _PARQUET_MAGIC


def opened(content: bytes) -> Opened | None:
    """A file's content as it can be looked into; None where it is no text and no table."""
    packed = content[:2] == _GZIP_MAGIC
    if packed:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return None
    if content[:4] == _PARQUET_MAGIC:
        try:
            pq.read_metadata(pa.BufferReader(content))
        except (pa.ArrowException, OSError):
            return None
        return Opened(content, packed, None)
    wide = wide_encoding(content)
    if wide:
        try:
            text = content.decode(wide, "surrogatepass")
        except UnicodeDecodeError:
            text = content.decode(wide, "replace")
        return Opened(text.encode("utf-8", "surrogatepass"), packed, wide)
    return None if is_binary(content) else Opened(content, packed, None)


def read_text(found: Opened) -> str:
    """What a file says; of Parquet each text once."""
    if found.is_parquet:
        return "\n".join(_parquet_texts(found.content))
    return found.content.decode("utf-8", errors="surrogateescape")


def without(path: Path, content: bytes, needles: Needles) -> Without | None:
    """The file's bytes without the person; None where nothing of the person is in it."""
    file = opened(content)
    if file is None:
        return None
    if file.is_parquet:
        found = _without_parquet(file.content, needles)
    elif not needles.may_be_in(file.content):
        return None
    else:
        found = _without_text(_suffix(path), read_text(file), needles)
    if found is None or not found.removed:
        return None
    return Without(file.closed(found.content), found.removed)


def _suffix(path: Path) -> str:
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix.lower()


def _without_text(suffix: str, text: str, needles: Needles) -> Without | None:
    if suffix == ".json":
        try:
            return _without_document(text, needles)
        except ValueError:
            suffix = ".jsonl"
    if suffix in (".csv", ".txt") or suffix in _LINES:
        pieces = list(_records(text) if suffix == ".csv" else text.splitlines(keepends=True))
        return _without_records(pieces, needles)
    left_text = needles.without(text)
    return Without(_octets(left_text), int(left_text != text))


def _without_records(pieces: list[str], needles: Needles) -> Without:
    left, changed = [], 0
    for piece in pieces:
        if not needles.hit(piece):
            left.append(piece)
            continue
        changed += 1
        if not needles.is_theirs(_values(piece)):
            left.append(needles.without(piece))
    return Without(_octets("".join(left)), changed)


def _values(record: str) -> Iterator[str]:
    """The values of one record: of a JSON object, of a CSV, or of a line with tabs."""
    try:
        yield from _strings(json.loads(record))
    except ValueError:
        for delimiter in ("\t", ",", ";"):
            with suppress(csv.Error):
                lines = csv.reader(record.splitlines(keepends=True), delimiter=delimiter)
                yield from next(lines, [])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _octets(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogateescape")


def _records(text: str) -> Iterator[str]:
    """The records of a CSV: a line end inside quotes ends none."""
    held, quotes = "", 0
    for line in text.splitlines(keepends=True):
        held, quotes = held + line, quotes + line.count('"')
        if quotes % 2 == 0:
            yield held
            held, quotes = "", 0
    if held:
        yield held


def _without_document(text: str, needles: Needles) -> Without:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    document, count = json.loads(text.removeprefix(mark)), [0]

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            kept = [walk(item) for item in value if not _is_item(item)]
            count[0] += len(value) - len(kept)
            return kept
        if isinstance(value, dict):
            return {walk(key): walk(item) for key, item in value.items()}
        if isinstance(value, str) and needles.hit(value):
            count[0] += 1
            return needles.without(value)
        return value

    def _is_item(item: Any) -> bool:
        """An item goes whole when it names the person and no list inside it does so more closely."""
        if isinstance(item, dict):
            shallow = {k: v for k, v in item.items() if not isinstance(v, list)}
            return needles.is_theirs(_strings(shallow))
        return isinstance(item, str) and needles.is_theirs([item])

    changed = walk(document)
    return Without(_octets(mark + json.dumps(changed, ensure_ascii=False)), count[0])


def _parquet_texts(content: bytes) -> Iterator[str]:
    table = pq.read_table(pa.BufferReader(content))
    yield json.dumps(
        {k.decode(): v.decode(errors="replace") for k, v in (table.schema.metadata or {}).items()}
    )
    for name in table.column_names:
        if pa.types.is_string(table.schema.field(name).type):
            yield from (value for value in table[name].unique().to_pylist() if value is not None)


def _without_parquet(content: bytes, needles: Needles) -> Without | None:
    table = pq.read_table(pa.BufferReader(content))
    gone, changed = np.zeros(len(table), dtype=np.bool_), np.zeros(len(table), dtype=np.bool_)
    for at, told in enumerate(table.schema):
        if not pa.types.is_string(told.type):
            continue
        values = table[told.name].unique().drop_null().to_pylist()
        found = {v: needles.is_theirs([v]) for v in values if needles.hit(v)}
        if found:
            texts = table[told.name].to_pylist()
            gone |= np.array([found.get(t, False) for t in texts])
            changed |= np.array([t in found for t in texts])
            again = [needles.without(t) if t in found else t for t in texts]
            table = table.set_column(at, told, pa.array(again, told.type))
    if not changed.any():
        return None
    sink = pa.BufferOutputStream()
    pq.write_table(table.filter(pa.array(~gone)), sink, compression="zstd")
    return Without(sink.getvalue().to_pybytes(), int(changed.sum()))


def put(path: Path, content: bytes) -> None:
    """Replace a file in one step, with the rights it had."""
    mode = path.stat().st_mode
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.chmod(mode)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
