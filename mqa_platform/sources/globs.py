"""From the path of a source to the local files that it names, and to none outside its folder.

Belongs here: variables in paths, globs, and what a planted link or ``..`` may not reach. Does not
belong here: object stores (``object_stores``) or the content of files (``files``).
"""

from __future__ import annotations

import fnmatch
import glob
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mqa_platform.policy.sources import Source
from mqa_platform.sources.landed import SourceError

_REMOTE: Final = re.compile(r"^(s3|gs|gcs|abfss?)://")
_LOCAL: Final = "file://"
_MAGIC: Final = re.compile(r"[*?[]")


@dataclass(frozen=True)
class Matches:
    """What a glob found: files to read, sorted, and those refused, each with the reason."""

    files: list[Path] = field(default_factory=list)
    refused: list[SourceError] = field(default_factory=list)


def is_remote(source: Source) -> bool:
    """Whether the files lie in an object store."""
    return bool(source.path and _REMOTE.match(source.path))


def expand(source: Source, home: Path, data: Path | None) -> list[Path]:
    """The local files of a source, sorted by path; none for a service or an object store.

    Args:
        source: its ``path`` is a glob that may start with ``${MQA_HOME}`` or ``${MQA_DATA}``.
        home: what ``${MQA_HOME}`` stands for.
        data: what ``${MQA_DATA}`` stands for, None when it is not set.

    Raises:
        SourceError: another variable, an unset ``MQA_DATA``, a ``..`` in the path, or a required
            source without a file.
    """
    return matches(source, home, data).files


def matches(source: Source, home: Path, data: Path | None) -> Matches:
    """The local files of a source with those that are refused: links to outside of its folder.

    Raises:
        SourceError: as ``expand``.
    """
    if source.path is None or is_remote(source):
        return Matches()
    pattern = _pattern(source.path, home, data)
    fixed = _fixed_folder(pattern).resolve()
    # A link may also lead to the folder of reference data, which the operator names himself.
    roots = [fixed, *([data.resolve()] if data is not None else [])]
    found = Matches()
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207
        path = Path(name)
        try:
            if not path.is_file():
                continue
            inside = any(path.resolve().is_relative_to(root) for root in roots)
        except OSError as problem:
            found.refused.append(unreadable(path, problem))
            continue
        if inside:
            found.files.append(path)
        else:
            found.refused.append(
                SourceError(
                    path,
                    f"is a link to a file outside {fixed}",
                    "It is not read; put the file itself there.",
                )
            )
    if source.required and not found.files:
        raise SourceError(
            source.path, "no file matches", "The source is required: deliver a file to this path."
        )
    return found


def place_of_new(source: Source, home: Path, data: Path | None, stem: str) -> Path:
    """Where a new file must lie so that the source finds it.

    Args:
        source: local files.
        home: what ``${MQA_HOME}`` stands for.
        data: what ``${MQA_DATA}`` stands for.
        stem: stands in the name for what may be anything.

    Raises:
        SourceError: an object store, a path that names one file or no folder, and as ``expand``.
    """
    declared = source.path or ""
    remedy = "Name a folder and any file in it, such as ${MQA_HOME}/inbox/corrections/*.jsonl."
    if not declared or is_remote(source):
        raise SourceError(declared, "nothing can be written there from here", remedy)
    pattern = Path(_pattern(declared, home, data))
    folders = [glob_unescape(part) for part in pattern.parent.parts if part != "**"]
    if glob_unescape(pattern.name) is not None or None in folders:
        raise SourceError(declared, "it does not say where a new file may lie", remedy)
    path = Path(*[part for part in folders if part is not None]) / pattern.name.replace("*", stem)
    if not fnmatch.fnmatchcase(path.name, pattern.name):
        raise SourceError(declared, "it does not say how a new file may be called", remedy)
    return path


def unreadable(path: Path, problem: OSError) -> SourceError:
    """The refusal of a file that the disk does not let us look at."""
    refused = SourceError(
        path,
        f"cannot be looked at ({problem.strerror or problem})",
        "Allow the user of the platform to read it.",
    )
    refused.__cause__ = problem
    return refused


def _pattern(declared: str, home: Path, data: Path | None) -> str:
    """The glob with its variables filled in.

    Raises:
        SourceError: see ``expand``.
    """
    pattern = declared.removeprefix(_LOCAL)
    for name, folder in (("${MQA_HOME}", home), ("${MQA_DATA}", data)):
        if name in pattern and folder is None:
            raise SourceError(
                declared,
                "MQA_DATA is not set",
                "Set it to the folder with the data files, or remove the source.",
            )
        if folder is not None:
            pattern = pattern.replace(name, glob.escape(str(folder)))
    if "${" in pattern:
        raise SourceError(
            declared,
            "only ${MQA_HOME} and ${MQA_DATA} may stand in a path",
            "Write the folder out, or use one of the two.",
        )
    if ".." in Path(pattern).parts:
        raise SourceError(
            declared, "its path leads upwards with ..", "Write the folder out from its root."
        )
    return pattern


def _fixed_folder(pattern: str) -> Path:
    """The folder that every match must lie in: the parts of the glob before its first wildcard."""
    parts = Path(pattern).parts
    # An escaped folder name, ``[[]``, is a part without wildcards.
    plain = [glob_unescape(part) for part in parts]
    magic = [at for at, part in enumerate(plain) if part is None]
    # Without a wildcard the last part is the file itself.
    end = magic[0] if magic else len(parts) - 1
    return Path(*[part for part in plain[:end] if part is not None])


def glob_unescape(part: str) -> str | None:
    """The one name that a part of a glob stands for, None if it stands for several."""
    plain = re.sub(r"\[([*?[])\]", "\0", part)
    if _MAGIC.search(plain):
        return None
    return re.sub(r"\[([*?[])\]", r"\1", part)
