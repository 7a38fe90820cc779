"""One YAML file as plain values, with the line on which every key stands.

Belongs here: reading YAML without trusting it. Does not belong here: what the keys mean
(``models``) or how a problem is worded for its field (``diagnostics``).

A policy folder may come from anywhere, so the reader builds values from the syntax tree itself: no
tag can name a type, and a small file cannot unfold into a large one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
)
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from mqa_platform.policy.problems import PolicyError, Problem

MAX_BYTES = 1_048_576
MAX_ALIASES = 128
MAX_DEPTH = 50
MAX_VALUES = 100_000

Path_ = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_TRUE_OR_FALSE = {"true": True, "false": False}


@dataclass
class Document:
    """The values of one file. ``lines`` maps a path of keys and positions to its line, from 1."""

    file: str
    data: dict[str, Any]
    lines: dict[Path_, int] = field(default_factory=dict)

    def line_of(self, path: Path_) -> int:
        """The line of a path, or of its nearest parent that the file has."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


def read_document(path: Path, file: str) -> Document:
    """Read one file, ``file`` being the name it has in messages.

    Raises:
        PolicyError: the file is too large, not UTF-8, not YAML, not a mapping, or uses what a
            policy has no need for (tags, duplicate keys, documents, deep nesting, many aliases).
    """
    if path.stat().st_size > MAX_BYTES:
        raise PolicyError([Problem(file, 0, "", f"larger than {MAX_BYTES:,} bytes")])
    try:
        text = path.read_bytes().decode("utf-8-sig")
        _refuse_bombs(text, file)
        root = YAML(typ="safe", pure=True).compose(text)
    except UnicodeDecodeError as error:
        raise PolicyError([Problem(file, 0, "", f"not UTF-8 text: {error.reason}")]) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        reason = error.problem or "cannot be read"
        raise PolicyError([Problem(file, line, "", f"not YAML: {reason}")]) from error
    except YAMLError as error:
        reason = str(error).splitlines()[0]
        raise PolicyError([Problem(file, 0, "", f"not YAML: {reason}")]) from error
    if root is None:
        return Document(file, {})
    if not isinstance(root, MappingNode):
        raise PolicyError([Problem(file, 1, "", "expected keys and values at the top")])
    return _Builder(file).document(root)


def _refuse_bombs(text: str, file: str) -> None:
    """Check size limits on the flat stream of events, before anything recursive sees the text."""
    aliases = depth = documents = 0
    for event in _events(text):
        aliases += isinstance(event, AliasEvent)
        documents += isinstance(event, DocumentStartEvent)
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
        line = event.start_mark.line + 1
        if aliases > MAX_ALIASES:
            raise PolicyError([Problem(file, line, "", f"more than {MAX_ALIASES} aliases")])
        if depth > MAX_DEPTH:
            raise PolicyError([Problem(file, line, "", f"nested deeper than {MAX_DEPTH}")])
        if documents > 1:
            raise PolicyError([Problem(file, line, "", "more than one document in the file")])


def _events(text: str) -> Iterator[Any]:
    yield from YAML(typ="safe", pure=True).parse(text)


class _Builder:
    """Builds the values of one document and remembers lines and problems on the way."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[Path_, int] = {}
        self._problems: list[Problem] = []
        self._values = 0

    def document(self, root: MappingNode) -> Document:
        data = self._value(root, ())
        if self._problems:
            raise PolicyError(self._problems)
        return Document(self._file, data, self._lines)

    def _problem(self, node: Node, path: Path_, message: str) -> None:
        shown = ".".join(str(part) for part in path)
        self._problems.append(Problem(self._file, node.start_mark.line + 1, shown, message))

    def _value(self, node: Node, path: Path_) -> Any:
        self._values += 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            # Aliases unfold while the tree is walked; a bomb ends here, whatever its shape.
            raise PolicyError([Problem(self._file, 0, "", "unfolds into too many values")])
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return self._sequence(node, path)
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, Any]:
        if node.tag != f"{_TAG}map":
            self._problem(node, path, f"the tag {node.tag} is not allowed")
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._problem(key_node, path, "a key must be a plain word")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in values:
                first = self._lines[here]
                self._problem(key_node, here, f"duplicate key; it is on line {first} already")
                continue
            self._lines.setdefault(here, key_node.start_mark.line + 1)
            values[key] = self._value(value_node, here)
        return values

    def _sequence(self, node: SequenceNode, path: Path_) -> list[Any]:
        if node.tag != f"{_TAG}seq":
            self._problem(node, path, f"the tag {node.tag} is not allowed")
        values = []
        for position, item in enumerate(node.value):
            here = (*path, position)
            self._lines.setdefault(here, item.start_mark.line + 1)
            values.append(self._value(item, here))
        return values

    def _scalar(self, node: Node, path: Path_) -> Any:
        kind, text = str(node.tag).removeprefix(_TAG), str(node.value)
        if kind in ("str", "timestamp"):
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in _TRUE_OR_FALSE:
            return _TRUE_OR_FALSE[text.lower()]
        if kind in ("int", "float"):
            number = _number(text)
            if number is None:
                self._problem(node, path, f"not a number that can be used: {text[:40]}")
            return number
        self._problem(node, path, f"the tag {node.tag} is not allowed")
        return None


def _number(text: str) -> int | float | None:
    plain = text.replace("_", "")
    for read in (int, lambda t: int(t, 0), float):
        try:
            number = read(plain)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None
