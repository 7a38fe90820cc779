"""A policy folder in, one checked ``Policy`` out, with the version that stands on every score.

Belongs here: reading the sections of every motion, and what makes two policies the same. Does not belong
here: which file is which section (``folder``), the shape of a section (``models``) or the wording of a
problem (``diagnostics``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mqa_platform.policy.diagnostics import nearest, policy_problems, section_problems
from mqa_platform.policy.documents import Document, read_document
from mqa_platform.policy.folder import (
    GOLDEN,
    MOTION_SECTIONS,
    MOTIONS,
    SECTIONS,
    SectionFile,
    effective_files,
    golden_files,
)
from mqa_platform.policy.models import Motion, MotionOverride, Policy
from mqa_platform.policy.problems import PolicyError, Problem

# What every motion has from the leading one: it is settled before a signal has a motion.
SHARED = {
    "icp": ("precedence", "industries"),
    "signals": (
        "lookback_days",
        "seniority",
        "page_types",
        "unscored_page_types",
        "career_page_types",
        "unclassified_limit",
        "consent_default",
        "unknown_consent_counts_as_anonymous",
    ),
}

# They say how data is read and who is told, not what an account is worth.
_NO_MEANING = ("sources", "mapping", "delivery", "write_back")

# Fields that came later: left out, they leave the version of a policy as it was before they came.
_LATER = {("routing", "experiment")}

# In these mappings the first match wins, so their order is part of what the policy means.
_ORDERED = {("signals", "signals"), ("signals", "page_types")}


def load_policy(folder: Path | None = None) -> Policy:
    """Read and check a policy folder; None reads the packaged default.

    A file that the folder lacks is taken from the packaged default.

    Raises:
        PolicyError: with every problem of every file at once.
    """
    files = tuple(effective_files(folder))
    return _loaded(files, tuple(hashlib.sha256(f.path.read_bytes()).digest() for f in files))


@lru_cache(maxsize=16)
def _loaded(files: tuple[SectionFile, ...], contents: tuple[bytes, ...]) -> Policy:
    """The policy of files that are known by what they hold: a run asks for it at every step."""
    documents: dict[str, Document] = {}
    sections: dict[str, dict[str, BaseModel]] = {"": {}}
    problems: list[Problem] = []
    for file in files:
        model: Any = Policy.model_fields[file.section].annotation
        try:
            documents[file.key] = read_document(file.path, file.label)
            data = _with_shared(file, documents)
            # Strict, and through JSON: "40" and true are no numbers, but a date is written as text.
            section = model.model_validate_json(json.dumps(data), strict=True)
            sections.setdefault(file.motion, {})[file.section] = section
        except PolicyError as error:
            problems.extend(error.problems)
        except ValidationError as error:
            problems.extend(section_problems(error, documents[file.key], model))
    policy = None
    leading = sections.pop("")
    if {"signals", "stages"} <= set(leading):
        # Sections that failed stand at their defaults here, so that one run shows every problem.
        others, strangers = _motions(sections)
        problems.extend(strangers)
        try:
            policy = Policy.model_validate({**leading, "other_motions": others})
        except ValidationError as error:
            problems.extend(policy_problems(error, documents))
    if problems or policy is None:
        raise PolicyError(problems)
    return policy


def _with_shared(file: SectionFile, documents: Mapping[str, Document]) -> dict[str, Any]:
    """The values of a file; for a motion's, with what all motions share from the leading one's.

    Raises:
        PolicyError: a motion's file says what all motions share.
    """
    document = documents[file.key]
    if not file.motion:
        return document.data
    shared = SHARED.get(file.section, ())
    said = [key for key in shared if key in document.data]
    if said:
        reason = f"is the same for all motions; it stands in {file.section}.yaml"
        raise PolicyError(
            Problem(document.file, document.line_of((key,)), key, reason) for key in said
        )
    leading = documents[file.section].data if file.section in documents else {}
    return {**document.data, **{key: leading[key] for key in shared if key in leading}}


def _motions(
    sections: Mapping[str, Mapping[str, BaseModel]],
) -> tuple[dict[str, MotionOverride], list[Problem]]:
    known = get_args(Motion)
    strangers = []
    for name in sorted(set(sections) - set(known)):
        guess = nearest(name, known)
        hint = f"did you mean {guess}?" if guess else f"known are {', '.join(known)}"
        strangers.append(Problem(f"motions/{name}", 0, "", f"no such motion; {hint}"))
    return {
        n: MotionOverride.model_validate(s) for n, s in sections.items() if n in known
    }, strangers


def policy_version(policy: Policy) -> str:
    """The first 12 hex digits of the SHA-256 of what the policy means.

    Comments, layout and the order of keys do not change it, except where the first match wins.
    Sources, the CRM's mapping and what is sent where are left out.
    """
    meaning: dict[str, Any] = {
        section: _canonical(getattr(policy, section), (section,))
        for section in SECTIONS
        if section not in _NO_MEANING
    }
    for motion, own in policy.other_motions.items():
        for section in MOTION_SECTIONS:
            meaning[f"{motion}/{section}"] = _canonical(getattr(own, section), (section,))
    text = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def copy_policy(policy_folder: Path | None, target: Path) -> None:
    """Write the effective folder, all of its files, into ``target``.

    Raises:
        PolicyError: the policy is not valid; nothing is written.
        FileExistsError: ``target`` has a file with other content; nothing is written.
    """
    load_policy(policy_folder)
    contents = {f.name: f.path.read_bytes() for f in effective_files(policy_folder)}
    contents |= {f"{GOLDEN}/{p.name}": p.read_bytes() for p in golden_files(policy_folder)}
    for name, content in contents.items():
        existing = target / name
        if existing.exists() and existing.read_bytes() != content:
            raise FileExistsError(f"{existing} has other content; move it away first")
    # A folder without this one would be given the packaged motions.
    (target / MOTIONS).mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(content)
        os.replace(partial, path)


def _canonical(value: Any, path: tuple[str, ...]) -> Any:
    """The value as JSON that is equal exactly when the meaning is."""
    if isinstance(value, BaseModel):
        return {
            name: _canonical(getattr(value, name), (*path, name))
            for name in type(value).model_fields
            if (*path, name) not in _LATER or getattr(value, name) is not None
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
