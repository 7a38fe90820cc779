"""JSON as records: an array, one object, the answer of a service, or an object a line.

Belongs here: opening JSON and flattening nested values into named text columns. Does not belong
here: picking a few known paths out of many lines (``json_lines``), or meanings (each connector).

A nested value is named by its path (``properties.name``). A list of plain values is joined with
``;``; a list of objects stays JSON text, in which numbers are texts, and where each has an ``id``
there is a column of the ids beside it (``associations.companies.results.id``). Numbers keep the digits
they were written with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import pyarrow as pa

from mqa_platform.sources.files import MAX_LINE, without_long_lines
from mqa_platform.sources.json_lines import BAD_JSON
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import Records, column_names, no_records

# Where the services put the records of a page: HubSpot, Salesforce, Marketo, ZoomInfo.
_ENVELOPES: Final = ("results", "records", "result", "data")
# Salesforce's note on every record about the record itself.
_DROPPED: Final = "attributes"
_OF_RECORD: Final = frozenset(("type", "url"))
_DEPTH: Final = 12
_BAD: Final = object()
# As objects of Python, a document takes many times its bytes, and all of it at once.
_MAX_DOCUMENT: Final = 256 * 1024 * 1024
# Among the first of so many bytes some line is an object, if the lines are objects.
_HEAD: Final = 2 * MAX_LINE
# Separators that only Unicode calls line ends stay in the line: they occur inside fields.
_LINE: Final = re.compile(rb"[^\r\n]+")
_BLANK: Final = re.compile(r"\s*")


def json_records(
    path: Path, content: bytes, required: Sequence[str], synonyms: Mapping[str, str] | None = None
) -> Records:
    """Read JSON text; a line or element that is no object becomes a misfit.

    Args:
        path: the file, for messages.
        content: its text, as UTF-8.
        required: columns that some record must have, in the vendor's spelling.
        synonyms: canonical names to read as another canonical name, unless that one is there.

    Raises:
        SourceError: no JSON at all, a document of over 256 MiB that is not JSON lines, a column
            twice, or a required column missing.
    """
    rows: list[dict[str, str]] = []
    misfits: list[str] = []
    for element in _elements(path, content):
        if isinstance(element, dict):
            rows.append(dict(flattened(element)))
        else:
            misfits.append(element if isinstance(element, str) else json.dumps(element))
    if not rows:
        empty = no_records(required)
        return Records(empty.table, misfits, BAD_JSON, "json")
    return _records(path, rows, misfits, required, synonyms)


def records_of(
    path: Path,
    objects: Iterable[Mapping[str, Any]],
    misfits: list[str],
    required: Sequence[str],
    synonyms: Mapping[str, str] | None,
) -> Records:
    """Objects as records, each path a column in the order of first sight.

    Raises:
        SourceError: a column twice, or a required column missing.
    """
    rows = [dict(flattened(each)) for each in objects]
    return _records(path, rows, misfits, required, synonyms)


def _records(
    path: Path,
    rows: list[dict[str, str]],
    misfits: list[str],
    required: Sequence[str],
    synonyms: Mapping[str, str] | None,
) -> Records:
    header = list(dict.fromkeys(name for row in rows for name in row))
    names = column_names(path, header, required, synonyms)
    columns = [pa.array([row.get(name, "") for row in rows], pa.string()) for name in header]
    return Records(pa.Table.from_arrays(columns, names=names), misfits, BAD_JSON, "json")


def flattened(value: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[Any]:
    """(path, text) of every value of an object."""
    for key, inner in value.items():
        if key == _DROPPED and isinstance(inner, dict) and set(inner) <= _OF_RECORD:
            continue
        name = f"{prefix}{key}"
        if isinstance(inner, dict) and inner and depth < _DEPTH:
            yield from flattened(inner, f"{name}.", depth + 1)
        else:
            yield name, _text(inner)
            if isinstance(inner, list) and (ids := _ids(inner)):
                yield f"{name}.id", ids


def _ids(items: list[Any]) -> str:
    """The ids of a list of objects, each once; empty if one of them has none."""
    ids = [_text(item.get("id")) if isinstance(item, dict) else "" for item in items]
    return ";".join(dict.fromkeys(ids)) if all(ids) else ""


def _text(value: Any) -> str:
    if value is None or value == {}:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return _dumped(value)
    if isinstance(value, list):
        if any(isinstance(item, dict | list) for item in value):
            return _dumped(value)
        return ";".join(filter(None, map(_text, value)))
    # No engine stores a NUL in text, nor half of a surrogate pair.
    return str(value).replace("\x00", "").encode("utf-8", "replace").decode()


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text.replace("\\u0000", "").encode("utf-8", "replace").decode()


def _elements(path: Path, content: bytes) -> Iterator[Any]:
    """Every record of the file, text where it is none; envelopes are opened."""
    whole = _whole(path, content)
    if whole is not _BAD:
        yield from whole if isinstance(whole, list) else _opened(whole)
        return
    if content[:_HEAD].lstrip().startswith(b"["):
        raise SourceError(
            path, "is no complete JSON array", "Deliver it again; the transfer may have broken off."
        )
    good = 0
    content, long = without_long_lines(content)
    yield from long
    for line in _lines(content):
        each = _parsed(line)
        good += isinstance(each, dict)
        yield from [line] if each is _BAD else _opened(each)
    if not good:
        raise SourceError(
            path, "is no JSON: no line is an object", "Export it as JSON, JSON lines or CSV."
        )


def _whole(path: Path, content: bytes) -> Any:
    """The document that the file is; not one if it is broken, or JSON lines."""
    if len(content) <= _MAX_DOCUMENT:
        return _document(content.decode())
    if not _is_lines(content[:_HEAD]):
        raise SourceError(
            path,
            f"is one JSON document of more than {_MAX_DOCUMENT >> 20} MiB",
            "Deliver it as JSON lines (one object a line), or in smaller files.",
        )
    return _BAD


def _is_lines(head: bytes) -> bool:
    """Whether some line is an object of its own, and no indented part of a larger one."""
    if head.lstrip().startswith(b"["):
        return False
    return any(isinstance(_parsed(line), dict) for line in _lines(head) if line[0] == "{")


def _lines(content: bytes) -> Iterator[str]:
    """The lines that are not blank, one at a time."""
    for match in _LINE.finditer(content):
        line = match.group().decode(errors="replace")
        if line.strip():
            yield line


def _opened(value: Any) -> list[Any]:
    """The records inside the answer of a service, or the value itself."""
    if isinstance(value, dict) and "id" not in value and "Id" not in value:
        for name in _ENVELOPES:
            if isinstance(value.get(name), list):
                return list(value[name])
    return [value]


def _document(text: str) -> Any:
    """The one value that a text holds, found without a copy of the text."""
    try:
        begin = _BLANK.match(text)
        value, end = _decoder.raw_decode(text, begin.end() if begin else 0)
    except (ValueError, RecursionError):
        return _BAD
    rest = _BLANK.match(text, end)
    return value if rest and rest.end() == len(text) else _BAD


def _parsed(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        return _BAD


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_decoder: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refused)
