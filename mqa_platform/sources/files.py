"""From a source's glob to files, and from a file to its bytes.

Belongs here: paths, gzip, byte-order marks, text encodings and the limits against hostile files.
Does not belong here: what the lines mean (each connector).
"""

from __future__ import annotations

import glob
import io
import re
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import SourceError

_GZIP = b"\x1f\x8b"
_CHUNK = 4 * 1024 * 1024
MAX_RATIO = 200
MAX_UNPACKED = 256 * 1024 * 1024
_BLOCK = 64 * 1024 * 1024
_ARRAY_LIMIT = 2**31 - 1


def expand(source: Source, home: Path, data: Path | None) -> list[Path]:
    """The files of a source, sorted by path.

    Args:
        source: its ``path`` is a glob that may start with ``${MQA_HOME}`` or ``${MQA_DATA}``.
        home: what ``${MQA_HOME}`` stands for.
        data: what ``${MQA_DATA}`` stands for, None when it is not set.

    Raises:
        SourceError: another variable, an unset ``MQA_DATA``, or a required source without a file.
    """
    pattern = source.path
    for name, folder in (("${MQA_HOME}", home), ("${MQA_DATA}", data)):
        if name in pattern and folder is None:
            raise SourceError(
                source.path,
                "MQA_DATA is not set",
                "Set it to the folder with the data files, or remove the source.",
            )
        if folder is not None:
            pattern = pattern.replace(name, glob.escape(str(folder)))
    if "${" in pattern:
        raise SourceError(
            source.path,
            "only ${MQA_HOME} and ${MQA_DATA} may stand in a path",
            "Write the folder out, or use one of the two.",
        )
    files = sorted(Path(found) for found in glob.glob(pattern, recursive=True))  # noqa: PTH207
    files = [path for path in files if path.is_file()]
    if source.required and not files:
        raise SourceError(
            source.path, "no file matches", "The source is required: deliver a file to this path."
        )
    return files


def open_bytes(path: Path) -> bytes:
    """A file's content: unpacked if it is gzip (by its first bytes), as UTF-8 without a mark.

    Raises:
        SourceError: unreadable, a damaged or truncated gzip, or one that unpacks to over 256 MiB
            and over 200 times its size.
    """
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise SourceError(
            path, f"cannot be read ({error.strerror})", "Check that it exists and may be read."
        ) from error
    content = _unpacked(path, packed) if packed.startswith(_GZIP) else packed
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace").encode()
    return content.removeprefix(b"\xef\xbb\xbf")


def _unpacked(path: Path, packed: bytes) -> bytes:
    parts, total = [], 0
    try:
        with GzipFile(fileobj=io.BytesIO(packed)) as stream:
            while part := stream.read(_CHUNK):
                parts.append(part)
                total += len(part)
                if total > MAX_UNPACKED and total > MAX_RATIO * len(packed):
                    raise SourceError(
                        path,
                        f"unpacks to more than {MAX_RATIO} times its size",
                        "Deliver it unpacked, or in smaller files, if that is right.",
                    )
    except (EOFError, BadGzipFile, zlib.error) as error:
        raise SourceError(
            path, f"is a damaged gzip file ({error})", "Deliver it again; the transfer broke off."
        ) from error
    return b"".join(parts)


def open_text(path: Path) -> bytes:
    """A text file's content as valid UTF-8; lines that are none are read as Latin-1.

    Raises:
        SourceError: as ``open_bytes``, or the file is binary.
    """
    content = open_bytes(path)
    if b"\x00" in content[:4096]:
        raise SourceError(
            path, "is a binary file, not text", "Export it as plain text or gzip of plain text."
        )
    # No engine stores a NUL in text, so one in the middle of a field is dropped.
    content = content.replace(b"\x00", b"") if b"\x00" in content else content
    if content.isascii():
        return content
    try:
        content.decode()
    except UnicodeDecodeError:
        return b"".join(map(_utf8, re.split(rb"(?<=[\r\n])", content)))
    return content


def _utf8(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1").encode()
    return line


def line_blocks(path: Path) -> Iterator[pa.Array]:
    """The lines of a text file that are not blank, in order, in blocks of some 64 MiB.

    Lines end with LF, CR or CRLF. Separators that only Unicode calls line ends stay in the line:
    they occur inside fields.
    """
    content = open_text(path)
    at = 0
    while at < len(content):
        end = len(content)
        if end - at > _BLOCK:
            end = max(content.rfind(b"\n", at, at + _BLOCK), content.rfind(b"\r", at, at + _BLOCK))
            end = end + 1 if end >= at else len(content)
        yield _lines(content[at:end])
        at = end


def _lines(content: bytes) -> pa.Array:
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    octets = np.frombuffer(content, dtype=np.uint8)
    ends = np.flatnonzero(octets == ord("\n"))
    starts = np.concatenate(([0], ends + 1))
    ends = np.concatenate((ends, [len(octets)]))
    # Line, separator, line, separator …: so that Arrow cuts the buffer without a copy a line.
    offsets = np.column_stack((starts, ends)).reshape(-1).astype(np.int32)
    pieces = pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(content)
    )
    filled = np.flatnonzero(ends > starts)
    lines = pieces.take(pa.array(filled * 2, pa.int64()))
    if np.all(octets[starts[filled]] > ord(" ")):
        return lines
    return lines.filter(pc.not_equal(pc.utf8_trim_whitespace(lines), ""))


def text_lines(path: Path) -> pa.Array:
    """All lines of a text file that are not blank, as one array.

    Raises:
        SourceError: as ``open_text``, or the file is too large for one array.
    """
    blocks = list(line_blocks(path))
    if sum(block.nbytes for block in blocks) >= _ARRAY_LIMIT:
        raise SourceError(path, "has over 2 GiB of text", "Deliver it in smaller files.")
    return pa.concat_arrays(blocks) if blocks else pa.array([], pa.string())
