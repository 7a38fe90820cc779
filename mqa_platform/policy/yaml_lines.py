"""Lines of a policy file that is proposed to a person: a key, a value, and the reason beside it.

Belongs here: writing YAML that reads back as what was meant, with comments, and putting a part of it
into a file that somebody has edited. Does not belong here: what is proposed (``sources.crm_proposal``)
or reading YAML (``documents``).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mqa_platform.policy.documents import Document

_WIDTH: Final = 118
_PLAIN: Final = re.compile(r"^[A-Za-z_][\w.()/&'+-]*( [\w.()/&'+-]+)*$", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
_ESCAPED: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@dataclass(frozen=True)
class Line:
    """A key with a value, with several, or with ``parts`` below it.

    ``comment`` is the evidence and stands behind the line; a line that is ``off`` is itself a comment,
    to be switched on by whoever reads it. A line without a key is only its comment.
    """

    key: str | None = None
    value: str | Sequence[str] | None = None
    parts: tuple[Line, ...] = ()
    comment: str = ""
    off: bool = False


def remark(text: str) -> Line:
    """A line of words."""
    return Line(comment=text)


def written(lines: Sequence[Line], indent: str) -> list[str]:
    """The lines of text, each indented by ``indent`` and more."""
    return [text for line in lines for text in _texts(line, indent)]


def _texts(line: Line, indent: str) -> Iterator[str]:
    behind = f"  # {_one_line(line.comment)}" if line.comment else ""
    if line.key is None:
        yield from _wrapped(line.comment, indent)
        return
    mark = "# " if line.off else ""
    head = f"{indent}{mark}{quoted(line.key)}:"
    if isinstance(line.value, str):
        yield from _placed(f"{head} {quoted(line.value)}", behind, indent)
    elif line.value is not None:
        flow = f"{head} [{', '.join(map(quoted, line.value))}]"
        if len(flow) <= _WIDTH:
            yield from _placed(flow, behind, indent)
            return
        yield from _placed(head, behind, indent)
        yield from (f"{indent}{mark}  - {quoted(each)}" for each in line.value)
    else:
        yield from _placed(head, behind, indent)
        yield from written(line.parts, f"{indent}  ")


def _placed(text: str, behind: str, indent: str) -> Iterator[str]:
    """The evidence behind the line, above it where both together are too long."""
    if behind and len(text) + len(behind) > _WIDTH:
        yield from _wrapped(behind.strip().removeprefix("# "), indent)
        behind = ""
    yield f"{text}{behind}"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    width = max(40, _WIDTH - len(indent) - 2)
    for part in textwrap.wrap(_one_line(text), width, break_long_words=False) or [""]:
        yield f"{indent}# {part}".rstrip()


def quoted(text: str) -> str:
    """A scalar that reads back as this very text, quoted only where it must be."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    return '"' + "".join(_character(each) for each in text) + '"'


def _character(each: str) -> str:
    if each in _ESCAPED:
        return _ESCAPED[each]
    if each.isprintable():
        return each
    code = ord(each)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def _one_line(text: str) -> str:
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split())


def with_part(text: str, document: Document, section: str, part: Line) -> str:
    """A file with one part below ``section`` replaced, or added at its end; the rest stays as it is.

    Args:
        text: the file.
        document: the same file, read.
        section: its only key at the top.
        part: what stands below it, under its own key.
    """
    rows = text.splitlines()
    # Not the lines inside a part, which may have keys of the same name.
    begins = {str(p[1]): at for p, at in document.lines.items() if len(p) == 2 and p[0] == section}
    name = part.key or ""
    first = min(begins.values(), default=0)
    indent = re.match(r"\s*", rows[first - 1]).group() if first else "  "  # type: ignore[union-attr]
    new = written([part], indent or "  ")
    if name not in begins:
        if section not in document.data:
            rows += [*([""] if rows else []), f"{section}:"]
        apart = [""] if rows[-1].strip() and rows[-1].rstrip() != f"{section}:" else []
        return "\n".join([*rows, *apart, *new]) + "\n"
    start = begins[name] - 1
    end = min((at - 1 for at in begins.values() if at - 1 > start), default=len(rows))
    while end > start + 1 and end < len(rows) and _belongs_below(rows[end - 1], indent):
        end -= 1
    return "\n".join([*rows[:start], *new, *rows[end:]]) + "\n"


def part_of(text: str, document: Document, section: str, key: str) -> list[str]:
    """The lines of one part below ``section``, with the comments right above it."""
    rows = text.splitlines()
    begins = {str(p[1]): at for p, at in document.lines.items() if len(p) == 2 and p[0] == section}
    start = begins[key] - 1
    end = min((at - 1 for at in begins.values() if at - 1 > start), default=len(rows))
    indent = re.match(r"\s*", rows[start]).group()  # type: ignore[union-attr]
    while end > start + 1 and _belongs_below(rows[end - 1], indent):
        end -= 1
    while rows[start - 1].startswith(f"{indent}#"):
        start -= 1
    return rows[start:end]


def _belongs_below(row: str, indent: str) -> bool:
    """Whether a line says something of the part that follows it: a blank, or a comment as far left."""
    return not row.strip() or row.startswith(f"{indent}#")
