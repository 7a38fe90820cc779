"""From what a model refuses to a sentence that says where it stands and what to write instead.

Belongs here: wording, line numbers and the nearest known name. Does not belong here: reading files
(``documents``) or the rules themselves (``models``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mqa_platform.policy.documents import Document, Path_
from mqa_platform.policy.problems import Problem

_NUMBER = "expected a number, got {got}"
_MESSAGES = {
    "int_type": "expected a whole number, got {got}",
    "int_from_float": "expected a whole number, got {got}",
    "float_type": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "finite_number": "expected a finite number, got {got}",
    "bool_type": "expected true or false, got {got}",
    "string_type": "expected text, got {got}",
    "list_type": "expected a list, got {got}",
    "dict_type": "expected keys and values, got {got}",
    "model_type": "expected keys and values, got {got}",
    "date_type": "expected a date like 2025-07-01, got {got}",
    "date_parsing": "expected a date like 2025-07-01, got {got}",
    "date_from_datetime_parsing": "expected a date like 2025-07-01, got {got}",
    "missing": "is missing",
    "greater_than": "must be above {gt:g}, got {got}",
    "greater_than_equal": "must be at least {ge:g}, got {got}",
    "less_than": "must be below {lt:g}, got {got}",
    "less_than_equal": "must be at most {le:g}, got {got}",
    "string_too_short": "needs at least {min_length} characters, got {got}",
    "too_short": "needs at least {min_length} item(s), has {actual_length}",
    "too_long": "takes at most {max_length} items, has {actual_length}",
}
_NAME_RULE = "^[a-z][a-z0-9_]"
_DOMAIN_RULE = "^[a-z0-9][a-z0-9.-]*"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like ``word``, or None when nothing is close."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def section_problems(error: ValidationError, document: Document, model: Any) -> list[Problem]:
    """Every problem of one file, in the words of the file; ``model`` is its section's model."""
    problems = []
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        message = _message(detail, path, document, model)
        line = document.line_of(path)
        if detail["type"] == "value_error":
            line = _named_line(message, path, document) or line
        shown = ".".join(str(part) for part in path)
        problems.append(Problem(document.file, line, shown, message))
    return problems


def policy_problems(error: ValidationError, documents: Mapping[str, Document]) -> list[Problem]:
    """Problems between files: each line of the message starts with ``section.key: ``."""
    problems = []
    for detail in error.errors(include_url=False):
        for text in _reason(detail).splitlines():
            place, _, message = text.partition(": ")
            section, *keys = place.split(".")
            plain = section.rpartition("/")[2]
            # A section that a motion does not have of its own is that of the leading motion.
            document = documents.get(section) or documents.get(plain)
            if document is None or not message:
                problems.append(Problem("policy", 0, "", text))
                continue
            path = _place(plain, tuple(keys), document)
            shown = ".".join(str(part) for part in path)
            problems.append(Problem(document.file, document.line_of(path), shown, message))
    return problems


def _place(section: str, keys: tuple[str, ...], document: Document) -> Path_:
    """The path in the file: signals.yaml has a key ``signals`` that messages leave out."""
    nested = (section, *keys)
    return nested if keys[:1] not in document.lines and nested[:2] in document.lines else keys


def _message(detail: ErrorDetails, path: Path_, document: Document, model: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    got = _shown(detail.get("input"))
    if kind == "extra_forbidden":
        return _unknown_key(path, document, model)
    if kind == "value_error":
        return _reason(detail)
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", str(context["expected"]))
        guess = nearest(str(detail.get("input")), options)
        hint = f"; did you mean {guess}?" if guess else ""
        return f"expected one of {', '.join(options)}, got {got}{hint}"
    if kind == "string_pattern_mismatch":
        return f"{_pattern_message(str(context['pattern']))}, got {got}"
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(**{**context, "got": got})
    return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}, got {got}"


def _pattern_message(pattern: str) -> str:
    if pattern.startswith(_NAME_RULE):
        return "expected a name of lower-case letters, digits and underscores"
    if pattern.startswith(_DOMAIN_RULE):
        return "expected a domain in lower case, like example.com"
    return f"must match {pattern}"


def _reason(detail: ErrorDetails) -> str:
    return str(detail.get("ctx", {}).get("error", detail["msg"]))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unknown_key(path: Path_, document: Document, model: Any) -> str:
    key = str(path[-1])
    parent = _type_at(model, path[:-1])
    known = list(parent.model_fields) if parent is not None else []
    guess = nearest(key, known)
    if guess is None:
        guess = _nested_guess(key, path[:-1], known, document)
    if guess is not None:
        return f"unknown key; did you mean {guess}?"
    return f"unknown key; known are {', '.join(known)}" if known else "unknown key"


def _nested_guess(key: str, parent: Path_, known: list[str], document: Document) -> str | None:
    """A key that stands one level too high: the named entry of a sibling mapping."""
    depth = len(parent) + 2
    below = {
        str(p[-1]): f"{p[-2]}.{p[-1]}"
        for p in document.lines
        if len(p) == depth and p[: depth - 2] == parent and p[-2] in known
        if isinstance(p[-1], str)
    }
    match = nearest(key, below)
    return below[match] if match else None


def _type_at(model: Any, path: Path_) -> type[BaseModel] | None:
    """The model that describes the mapping at ``path``, walking fields, dict values and lists."""
    current = _plain(model)
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = _plain(field.annotation) if field else None
        elif get_origin(current) in (dict, list):
            current = _plain(get_args(current)[-1])
        else:
            return None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _plain(annotation: Any) -> Any:
    """The type behind ``Annotated`` and ``| None``."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        options = [a for a in get_args(annotation) if a is not type(None)]
        return _plain(options[0])
    return annotation


def _named_line(message: str, path: Path_, document: Document) -> int | None:
    """The line of the first key, else of the first value, below ``path`` that the message names."""
    words = re.findall(r"[A-Za-z0-9_]+", message)
    for word in words:
        if (*path, word) in document.lines:
            return document.lines[(*path, word)]
    values = dict(_values_below(path, document))
    return next((values[word] for word in words if word in values), None)


def _values_below(path: Path_, document: Document) -> Iterable[tuple[str, int]]:
    for place, line in reversed(document.lines.items()):
        if place[: len(path)] == path:
            value: Any = document.data
            for part in place:
                value = value[part]
            if isinstance(value, str):
                yield value, line
