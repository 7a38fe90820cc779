"""A person in files as they lie on disk: finding them, and what is left of a file without them.

Belongs here: CSV, JSON, lines, Parquet and plain text, each also as gzip. Does not belong here: which files
there are and what the ledger knows of them (``erasing_files``).

A record of a table or a line goes when one of its values is the person's address, key or browser. Where the
person only stands inside a longer text, the rest of the text stays. Of a JSON document the items of its
lists are the records.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mqa_platform.sources.names import is_email
from mqa_platform.sources.personal_key import base_email
from mqa_platform.sources.redaction import ERASED as GONE
from mqa_platform.sources.redaction import addresses_in

_LINES: Final = (".jsonl", ".ndjson", ".log", ".tsv")
_PARQUET_MAGIC: Final = b"PAR1"
_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Needles:
    """What must not stand in a file: addresses, their keys, names, and ids of browsers.

    Attributes:
        bases: addresses without what follows a plus, normal form; every spelling of them counts.
        texts: keys and names, in any case of letters.
        ids: ids of browsers; they count as whole words only.
    """

    bases: frozenset[str]
    texts: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    _domains: tuple[str, ...] = field(init=False, repr=False, default=())

    @cached_property
    def _quick(self) -> tuple[bytes, ...]:
        domains = {base.rpartition("@")[2] for base in self.bases}
        words = {*domains, *self.texts, *self.ids}
        forms = {w.lower() for w in words} | {json.dumps(w)[1:-1].lower() for w in words}
        return tuple(form.encode() for form in forms)

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        if not self.ids:
            return None
        listed = "|".join(map(re.escape, sorted(self.ids)))
        return re.compile(rf"(?<![\w-])(?:{listed})(?![\w-])")

    def may_be_in(self, content: bytes) -> bool:
        """Whether it is worth looking; one pass a needle over the bytes."""
        small = content.lower()
        return any(quick in small for quick in self._quick)

    def addresses(self, text: str) -> set[str]:
        """The person's addresses in a text, as they are written there."""
        return {found for found in addresses_in(text) if base_email(found) in self.bases}

    def hit(self, text: str) -> bool:
        """Whether a text has something of the person in it."""
        small = text.lower()
        if any(t.lower() in small for t in self.texts) or self.addresses(text):
            return True
        return bool(self._words and self._words.search(text))

    def is_theirs(self, values: Iterable[str]) -> bool:
        """Whether one of the values of a record is the person, and nothing else."""
        for value in map(str.strip, values):
            bare = value.lower().removeprefix("email:")
            if bare in self.texts or value in self.ids:
                return True
            if "@" in value and is_email(value) and base_email(value) in self.bases:
                return True
        return False

    def without(self, text: str) -> str:
        """The text with a mark in the place of every needle."""
        for address in sorted(self.addresses(text), key=len, reverse=True):
            text = re.sub(_spelled(address), GONE, text, flags=re.IGNORECASE)
        for word in sorted(self.texts, key=len, reverse=True):
            text = re.sub(re.escape(word), GONE, text, flags=re.IGNORECASE)
        return self._words.sub(GONE, text) if self._words else text


def _spelled(address: str) -> str:
    """A pattern of the ways in which URLs, JSON and HTML write an address."""
    local, _, domain = address.rpartition("@")
    at = r"(?:@|%(?:25)?40|\\u0040|&#(?:64|x40);)"
    plus = r"(?:\+|%(?:25)?2[bB]|\\u002[bB])"
    return plus.join(re.escape(p) for p in local.split("+")) + at + re.escape(domain)


@dataclass(frozen=True)
class Without:
    """A file without the person: its new bytes, and how many records or places went."""

    content: bytes
    removed: int


def read_text(content: bytes) -> str | None:
    """What a file says, gzip undone and Parquet decoded; None where it is no text."""
    if content[:2] == _GZIP_MAGIC:
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError):
            return None
    if content[:4] == _PARQUET_MAGIC:
        return "\n".join(_parquet_texts(content))
    if b"\0" in content[:4096]:
        return None
    return content.decode("utf-8", errors="surrogateescape")


def without(path: Path, content: bytes, needles: Needles) -> Without | None:
    """The file's bytes without the person; None where nothing of the person is in it."""
    packed = content[:2] == _GZIP_MAGIC
    plain = content
    if packed:
        try:
            plain = gzip.decompress(content)
        except (OSError, EOFError):
            return None
    if plain[:4] == _PARQUET_MAGIC:
        found = _without_parquet(plain, needles)
    elif b"\0" in plain[:4096] or not needles.may_be_in(plain):
        return None
    else:
        text = plain.decode("utf-8", errors="surrogateescape")
        found = _without_text(_suffix(path), text, needles)
    if found is None or not found.removed:
        return None
    return Without(gzip.compress(found.content, mtime=0), found.removed) if packed else found


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
    document, count = json.loads(text), [0]

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
    return Without(_octets(json.dumps(changed, ensure_ascii=False)), count[0])


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
