"""A policy folder in, one checked ``Policy`` out, with the version that stands on every score.

Belongs here: which file is which section, and what a missing file means. Does not belong here: the
shape of a section (``models``) or the wording of a problem (``diagnostics``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from mqa_platform.policy.diagnostics import nearest, policy_problems, section_problems
from mqa_platform.policy.documents import Document, read_document
from mqa_platform.policy.models import Policy
from mqa_platform.policy.problems import PolicyError, Problem

SECTIONS = tuple(Policy.model_fields)
PROPOSED = ".proposed.yaml"
DEFAULT_FOLDER = Path(__file__).parent / "default"

# In these mappings the first match wins, so their order is part of what the policy means.
_ORDERED = {("signals", "signals"), ("signals", "page_types")}


def load_policy(folder: Path | None = None) -> Policy:
    """Read and check a policy folder; None reads the packaged default.

    A file that the folder lacks is taken from the packaged default.

    Raises:
        PolicyError: with every problem of every file at once.
    """
    files = _effective_files(folder)
    documents: dict[str, Document] = {}
    sections: dict[str, BaseModel] = {}
    problems: list[Problem] = []
    for section, path in files.items():
        model: Any = Policy.model_fields[section].annotation
        try:
            documents[section] = read_document(path, _label(path, folder))
            # Strict, and through JSON: "40" and true are no numbers, but a date is written as text.
            text = json.dumps(documents[section].data)
            sections[section] = model.model_validate_json(text, strict=True)
        except PolicyError as error:
            problems.extend(error.problems)
        except ValidationError as error:
            problems.extend(section_problems(error, documents[section], model))
    policy = None
    if {"signals", "stages"} <= set(sections):
        # Sections that failed stand at their defaults here, so that one run shows every problem.
        try:
            policy = Policy.model_validate(sections)
        except ValidationError as error:
            problems.extend(policy_problems(error, documents))
    if problems or policy is None:
        raise PolicyError(problems)
    return policy


def policy_version(policy: Policy) -> str:
    """The first 12 hex digits of the SHA-256 of what the policy means.

    Comments, layout and the order of keys do not change it, except where the first match wins.
    Sources and the CRM's mapping are left out: they say how data is read, not what it is worth.
    """
    meaning = {
        section: _canonical(getattr(policy, section), (section,))
        for section in SECTIONS
        if section not in ("sources", "mapping")
    }
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def copy_policy(policy_folder: Path | None, target: Path) -> None:
    """Write the effective folder, all of its files, into ``target``.

    Raises:
        PolicyError: the policy is not valid; nothing is written.
        FileExistsError: ``target`` has a file with other content; nothing is written.
    """
    load_policy(policy_folder)
    contents = {f.name: f.read_bytes() for f in _effective_files(policy_folder).values()}
    for name, content in contents.items():
        existing = target / name
        if existing.exists() and existing.read_bytes() != content:
            raise FileExistsError(f"{existing} has other content; move it away first")
    target.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        partial = target / f".{name}.partial"
        partial.write_bytes(content)
        os.replace(partial, target / name)


def _effective_files(folder: Path | None) -> dict[str, Path]:
    """The file of every section: the folder's own, else the packaged default's."""
    files = {section: DEFAULT_FOLDER / f"{section}.yaml" for section in SECTIONS}
    if folder is None:
        return files
    if not folder.is_dir():
        raise PolicyError([Problem(str(folder), 0, "", "no such policy folder")])
    problems = list(_unknown_files(folder))
    if problems:
        raise PolicyError(problems)
    own = {section: folder / f"{section}.yaml" for section in SECTIONS}
    return {
        section: own[section] if own[section].is_file() else files[section] for section in files
    }


def _unknown_files(folder: Path) -> Iterator[Problem]:
    known = [f"{section}.yaml" for section in SECTIONS]
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in (".yaml", ".yml"):
            continue
        # What "mqa init" lays beside a file that somebody has edited, for him to compare.
        if path.name.endswith(PROPOSED):
            continue
        if path.name not in known:
            guess = nearest(path.name, known)
            hint = f"did you mean {guess}?" if guess else f"known are {', '.join(known)}"
            yield Problem(path.name, 0, "", f"not a policy file; {hint}")


def _label(path: Path, folder: Path | None) -> str:
    return path.name if folder is None or path.parent == folder else f"{path.name} (default)"


def _canonical(value: Any, path: tuple[str, ...]) -> Any:
    """The value as JSON that is equal exactly when the meaning is."""
    if isinstance(value, BaseModel):
        return {
            name: _canonical(getattr(value, name), (*path, name))
            for name in type(value).model_fields
        }
    if isinstance(value, Mapping):
        pairs = {str(key): _canonical(item, (*path, str(key))) for key, item in value.items()}
        return list(pairs.items()) if path in _ORDERED else pairs
    if isinstance(value, list):
        return [_canonical(item, path) for item in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    if isinstance(value, date):
        return value.isoformat()
    return value
