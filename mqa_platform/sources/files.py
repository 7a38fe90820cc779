"""From a file to its bytes and lines.

Belongs here: gzip, byte-order marks, text encodings and the limits against hostile files.
Does not belong here: which files there are (``globs``) or what the lines mean (each connector).
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_platform.sources.landed import TOO_LONG, SourceError

_GZIP = b"\x1f\x8b"
_CHUNK = 4 * 1024 * 1024
MAX_RATIO = 200
MAX_UNPACKED = 256 * 1024 * 1024
# A file is read as a whole, so that it must fit into memory.
MAX_CONTENT = 2 * 1024 * 1024 * 1024
# No vendor writes such a line; a lost line end or a stray dump does.
MAX_LINE = 16 * 1024 * 1024
_SHOWN = 200
_HEAD = 4096
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x00"))
_BLOCK = 64 * 1024 * 1024
_ARRAY_LIMIT = 2**31 - 1


def open_bytes(path: Path) -> bytes:
    """A text file's content: unpacked if it is gzip (by its first bytes), as UTF-8 without a mark.

    Raises:
        SourceError: as ``open_raw``.
    """
    content = open_raw(path)
    encoding = wide_encoding(content)
    if encoding:
        return content.decode(encoding, errors="replace").removeprefix("\ufeff").encode()
    return content.removeprefix(b"\xef\xbb\xbf")


def open_raw(path: Path) -> bytes:
    """A file's bytes, unpacked if it is gzip (by its first bytes).

    Raises:
        SourceError: unreadable, a damaged or truncated gzip, one that unpacks to over 256 MiB and
            over 200 times its size, or more than 2 GiB.
    """
    try:
        if path.stat().st_size > MAX_CONTENT:
            raise _too_large(path)
        packed = path.read_bytes()
    except OSError as error:
        raise SourceError(
            path, f"cannot be read ({error.strerror})", "Check that it exists and may be read."
        ) from error
    return _unpacked(path, packed) if packed.startswith(_GZIP) else packed


def wide_encoding(content: bytes) -> str | None:
    """UTF-16 with its mark, or without one where every other byte of the text is zero."""
    head = content[:_HEAD]
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return encoding
    half = len(head) // 2
    if half < 4:
        return None
    first, second = head[0::2].count(0), head[1::2].count(0)
    if second > 0.7 * half and first == 0:
        return "utf-16-le"
    if first > 0.7 * half and second == 0:
        return "utf-16-be"
    return None


def _too_large(path: Path) -> SourceError:
    return SourceError(
        path, f"holds more than {MAX_CONTENT >> 30} GiB", "Deliver it in smaller files."
    )


def _unpacked(path: Path, packed: bytes) -> bytes:
    # Gives its content away without a copy, unlike a list of parts that is joined.
    unpacked, total = io.BytesIO(), 0
    try:
        with GzipFile(fileobj=io.BytesIO(packed)) as stream:
            while part := stream.read(_CHUNK):
                unpacked.write(part)
                total += len(part)
                if total > MAX_CONTENT:
                    raise _too_large(path)
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
    return unpacked.getvalue()


def open_text(path: Path) -> bytes:
    """A text file's content as valid UTF-8; lines that are none are read as Windows-1252 or Latin-1.

    Raises:
        SourceError: as ``open_bytes``, or the file is binary.
    """
    return as_text(path, open_bytes(path))


def as_text(path: Path, content: bytes) -> bytes:
    """``open_text`` for content that is at hand."""
    if is_binary(content):
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


def is_binary(content: bytes) -> bool:
    """Whether it holds NUL bytes as no text does; a few of them alone are dirt in a text."""
    head = content[:_HEAD]
    nulls = head.count(0)
    return nulls > len(head) // 4 or (
        nulls > 0 and len(head.translate(None, _CONTROLS)) < len(head)
    )


def _utf8(line: bytes) -> bytes:
    try:
        line.decode()
    except UnicodeDecodeError:
        pass
    else:
        return line
    try:
        # What spreadsheets on Windows write: Latin-1 with quotes and the euro where that has controls.
        return line.decode("cp1252").encode()
    except UnicodeDecodeError:
        return line.decode("latin-1").encode()


def line_blocks(path: Path) -> Iterator[pa.Array]:
    """The lines of a text file that are not blank, in order, in blocks of some 64 MiB.

    Lines end with LF, CR or CRLF. Separators that only Unicode calls line ends stay in the line:
    they occur inside fields. A line of more than 16 MiB comes last, as ``without_long_lines`` tells it.
    """
    content, long = without_long_lines(open_text(path))
    at = 0
    while at < len(content):
        end = len(content)
        if end - at > _BLOCK:
            end = _last_line_end(content, at, at + _BLOCK)
            end = end + 1 if end >= at else len(content)
        yield _lines(content[at:end])
        at = end
    if long:
        yield pa.array(long, pa.string())


def without_long_lines(content: bytes) -> tuple[bytes, list[str]]:
    """Text without its lines of more than 16 MiB, and for each of them a text that tells of it.

    That text is no sound row of any format; as a defect it has the reason ``line_too_long``.
    """
    kept: list[bytes] = []
    long: list[str] = []
    begin = at = 0
    while len(content) - at > MAX_LINE:
        end = _last_line_end(content, at, at + MAX_LINE)
        if end < 0:
            kept.append(content[begin:at])
            begin = _next_line_end(content, at + MAX_LINE)
            long.append(_told(content[at : at + _SHOWN], begin - at))
            end = begin
        at = end + 1
    return (b"".join([*kept, content[begin:]]) if long else content), long


def _last_line_end(content: bytes, start: int, end: int) -> int:
    return max(content.rfind(b"\n", start, end), content.rfind(b"\r", start, end))


def _next_line_end(content: bytes, start: int) -> int:
    ends = [at for at in (content.find(b"\n", start), content.find(b"\r", start)) if at >= 0]
    return min(ends, default=len(content))


def _told(head: bytes, size: int) -> str:
    return f"{TOO_LONG} of {size:,} bytes: {head.decode(errors='replace')}"


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
