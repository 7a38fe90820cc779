"""Entries of sources.yaml for what ``mqa init`` has found, added without touching what is there.

Belongs here: naming sources, their paths, and the file that declares them. Does not belong here: how a
file was recognised (``sources.crm_folder``) or the mapping (``initialise``).
"""

from __future__ import annotations

import glob
import os
import re
import tempfile
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from mqa_platform.home import Home
from mqa_platform.policy.documents import read_document
from mqa_platform.policy.folder import DEFAULT_FOLDER
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import Mappings
from mqa_platform.policy.problems import PolicyError, Problem
from mqa_platform.policy.sources import Source
from mqa_platform.policy.yaml_lines import Line, part_of, with_part
from mqa_platform.sources.crm_schema import Schema
from mqa_platform.sources.globs import expand, is_remote
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_table import canonical

_HEAD: Final = """\
# Which files and services feed the platform, under the name that their signals carry. "mqa init" wrote
# it. Every file that a path matches is landed once; a path may be a glob, so that later exports are
# found as well. ${MQA_HOME} is the platform's home, ${MQA_DATA} a folder of data.
"""
_LONGEST: Final = 40
_DROPPED: Final = frozenset({"data", "export", "sf", "hs", "hubspot", "salesforce"})


def file_entries(
    home: Home,
    declared: Mapping[str, Source],
    crm: str,
    folder: Path,
    schema: Schema,
    mapping: Mappings,
) -> list[Line]:
    """An entry for every recognised file that no declared source reads yet.

    Args:
        home: what the variables in a path stand for.
        declared: the sources in force.
        crm: whose files they are.
        folder: the export.
        schema: which files hold what.
        mapping: in force; a file of an object that it lacks waits until it has it.
    """
    taken = set(declared)
    entries = []
    mapped = (
        {canonical(name) for name in mapping.crms[crm].objects} if crm in mapping.crms else set()
    )
    for file, what in sorted({**schema.files, **schema.feeds}.items()):
        is_feed = file in schema.feeds
        path = folder / file
        if (not is_feed and canonical(what) not in mapped) or _is_read(home, declared, path, what):
            continue
        name = _name(crm, file, taken)
        taken.add(name)
        parts = [Line("connector", what if is_feed else "crm_export")]
        if not is_feed:
            parts += [Line("crm", crm), Line("object", what)]
        entries.append(Line(name, parts=(*parts, Line("path", _place(home, path)))))
    return entries


def service_entry(declared: Mapping[str, Source], name: str, source: Source) -> list[Line]:
    """The entry of a service, unless it is declared."""
    if name in declared:
        return []
    parts = (Line("connector", source.connector), Line("url", source.url or ""))
    return [Line(name, parts=parts)]


def _is_read(home: Home, declared: Mapping[str, Source], path: Path, what: str) -> bool:
    for source in declared.values():
        if what not in (source.object, source.connector) or is_remote(source):
            continue
        try:
            found = expand(source, home.root, home.data)
        except SourceError:
            continue
        if any(each.resolve() == path for each in found):
            return True
    return False


def _name(crm: str, file: str, taken: set[str]) -> str:
    """A name for a file's source: ``sf_account_data.csv`` is ``salesforce_account``."""
    stem = Path(file.removesuffix(".gz")).stem
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem)
    words = [w for w in re.split(r"[^a-z0-9]+", spaced.casefold()) if w and w not in _DROPPED]
    wanted = "_".join([crm, *words])[:_LONGEST].rstrip("_")
    name, number = wanted, 1
    while name in taken:
        number += 1
        ending = f"_{number}"
        name = f"{wanted[: _LONGEST - len(ending)]}{ending}"
    return name


def _place(home: Home, path: Path) -> str:
    roots = [("${MQA_DATA}", home.data)] if home.data else []
    for variable, root in (*roots, ("${MQA_HOME}", home.root)):
        if root is not None and path.is_relative_to(root.resolve()):
            return f"{variable}/{glob.escape(path.relative_to(root.resolve()).as_posix())}"
    return glob.escape(str(path))


class Entries:
    """sources.yaml of a policy folder.

    Args:
        home: whose feeds are looked for, when the folder has no sources.yaml yet.
        folder: the policy folder.
        effective: the sources in force.
        packaged: those that come with the platform.
        mapping: the mapping in force.

    ``declared`` are the sources that stay: the folder's own, else the packaged ones that have files.
    """

    def __init__(
        self,
        home: Home,
        folder: Path,
        effective: Mapping[str, Source],
        packaged: Mapping[str, Source],
        mapping: Mappings,
    ) -> None:
        self.home = home
        self.path = folder / "sources.yaml"
        self.mapping = mapping
        self.declared = dict(effective)
        if not self.path.is_file():
            self.declared = {name: s for name, s in packaged.items() if self._is_fed(s)}

    def add(self, entries: Iterable[Line]) -> list[str]:
        """Add entries at the end; returns their names.

        Raises:
            PolicyError: the file is written in a form that lines cannot be added to.
        """
        new = list(entries)
        if not new:
            return []
        text = self.path.read_text(encoding="utf-8-sig") if self.path.is_file() else self._begun()
        text = _with(text, new, self.declared)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, self.path)
        return [entry.key or "" for entry in new]

    def _begun(self) -> str:
        """A new file: with the packaged feeds that this home has files of, without the demo's CRM."""
        packaged = DEFAULT_FOLDER / "sources.yaml"
        document = read_document(packaged, packaged.name)
        text = packaged.read_text(encoding="utf-8")
        rows: list[str] = []
        for name in self.declared:
            rows += part_of(text, document, "sources", name)
        others = {
            name
            for name, source in load_policy().sources.sources.items()
            if source.connector != "crm_export" and name not in self.declared
        }
        told = _without(others) if others else ""
        return _HEAD + told + "".join(f"{row}\n" for row in ["", "sources:", *rows] if rows)

    def _is_fed(self, source: Source) -> bool:
        if source.connector == "crm_export":
            objects = (
                self.mapping.crms[source.crm].objects if source.crm in self.mapping.crms else {}
            )
            if canonical(source.object or "") not in {canonical(name) for name in objects}:
                return False
        try:
            return bool(expand(source, self.home.root, self.home.data))
        except SourceError:
            return False


def _without(names: Iterable[str]) -> str:
    """The comment on packaged feeds that are not taken over, so that nobody believes them connected."""
    listed = textwrap.fill(
        f"No files of these packaged feeds are here, so they are left out: {', '.join(sorted(names))}. Copy "
        "their entries from the packaged sources.yaml when you connect them.",
        width=98,
        initial_indent="# ",
        subsequent_indent="# ",
    )
    return f"#\n{listed}\n"


def _with(text: str, entries: list[Line], before: Mapping[str, Source]) -> str:
    """The text with these entries more, read again to be sure that it says so."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "sources.yaml")
        path.write_text(text, encoding="utf-8")
        for entry in entries:
            text = with_part(text, read_document(path, path.name), "sources", entry)
            path.write_text(text, encoding="utf-8")
        try:
            after = load_policy(Path(place)).sources.sources
        except PolicyError:
            after = {}
    if {**after, **before} != after or not {entry.key for entry in entries} <= set(after):
        told = "is written in a form that lines cannot be added to; write one key a line"
        raise PolicyError([Problem("sources.yaml", 0, "sources", told)])
    return text
