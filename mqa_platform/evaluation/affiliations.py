"""Dated employers and commits: the two files of the OpenStack truth.

Belongs here: reading them, and who was employed where at a moment. Does not belong here: guessing it
(``core.employment``) or comparing the guess (``openstack``).
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from mqa_platform.evaluation.measures import EvaluationError

_COLUMNS = ("author_ts", "author_id", "email_domain", "is_merge")
_DATES = ("%Y-%b-%d", "%Y-%m-%d")
_ALWAYS = 2**40


@dataclass(frozen=True)
class Person:
    """One person: employers in order with the second each ended (exclusive), addresses' domains."""

    key: str
    companies: tuple[str, ...]
    ends: tuple[int, ...]
    domains: tuple[str, ...]

    def employers_at(self, seconds: np.ndarray) -> np.ndarray:
        """Numbers of the employers at the given moments; the last one once all have ended."""
        found = np.searchsorted(np.array(self.ends), seconds, side="right")
        return np.minimum(found, len(self.companies) - 1)


@dataclass(frozen=True)
class Affiliations:
    """People by author id, and companies by domain; a domain may be of several companies."""

    people: dict[str, Person]
    companies: dict[str, set[str]]
    names: tuple[str, ...]

    def owners(self, domain: str) -> set[str]:
        """The companies of a domain or of the nearest domain above it."""
        rest = domain.lower()
        while rest:
            if rest in self.companies:
                return self.companies[rest]
            rest = rest.partition(".")[2]
        return set()


def read_affiliations(path: Path) -> Affiliations:
    """Read ``users`` and ``companies`` of the JSON file, gzip or plain.

    Raises:
        EvaluationError: the file cannot be read, or is of another form.
    """
    try:
        content = json.loads(_text(path))
        people: dict[str, Person] = {}
        for user in _given(content, "users", "the file"):
            person = _person(user)
            people |= dict.fromkeys(_given(user, "author_ids", "a user"), person) if person else {}
        listed = [
            (_given(c, "company_name", "a company"), _given(c, "domains", "a company") or ())
            for c in _given(content, "companies", "the file")
        ]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path} is not a file of affiliations: {error}") from error
    companies: dict[str, set[str]] = defaultdict(set)
    for name, domains in listed:
        for domain in domains:
            if domain:
                companies[domain.lower()].add(name)
    names = tuple(name for name, _ in listed)
    return Affiliations(people, dict(companies), names)


def _given(record: Any, key: str, what: str) -> Any:
    """The record's value; an error that says what lacks what."""
    if not isinstance(record, dict) or key not in record:
        raise ValueError(f"{what} has no {key!r}")
    return record[key]


def _person(user: dict[str, Any]) -> Person | None:
    spells = [
        (_end(_given(c, "end_date", "an employer")), _given(c, "company_name", "an employer"))
        for c in _given(user, "companies", "a user") or ()
    ]
    if not spells:
        return None
    # Sorted by the end only: of two that end together the first listed came first.
    spells.sort(key=lambda spell: spell[0])
    ends, names = zip(*spells, strict=True)
    domains = tuple(_given(user, "email_domains", "a user") or ())
    return Person(f"person:{_given(user, 'user', 'a user')}", names, ends, domains)


def _end(text: str | None) -> int:
    if text is None:
        return _ALWAYS
    for form in _DATES:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    raise ValueError(f"end_date {text!r} is no date such as 2017-Apr-30")


def _text(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def read_commits(path: Path) -> pa.Table:
    """(author, at, domain) of the non-merge commits; ``at`` in seconds, the domain in lower case.

    Raises:
        EvaluationError: the file cannot be read, or lacks a column.
    """
    kinds = dict.fromkeys(_COLUMNS, pa.string())
    try:
        table = csv.read_csv(
            pa.py_buffer(_text(path)),
            convert_options=csv.ConvertOptions(include_columns=_COLUMNS, column_types=kinds),
        )
    except (OSError, pa.ArrowException, KeyError) as error:
        raise EvaluationError(f"{path} is not a file of commits: {error}") from error
    try:
        at = pc.cast(pc.cast(table["author_ts"], pa.float64()), pa.int64())
    except pa.ArrowException as error:
        raise EvaluationError(
            f"{path}: the column author_ts must be seconds since 1970: {error}"
        ) from error
    rows = pa.table(
        {
            "author": table["author_id"],
            "at": at,
            "domain": pc.utf8_lower(table["email_domain"]),
        }
    )
    merge = pc.is_in(pc.utf8_lower(table["is_merge"]), pa.array(["1", "true", "t"]))
    return rows.filter(pc.invert(merge)).combine_chunks()
