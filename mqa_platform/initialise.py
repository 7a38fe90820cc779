"""``mqa init``: from somebody's own CRM to a policy folder that reads it.

Belongs here: the order of steps, which files are written and which only proposed. Does not belong here:
what a CRM has (``sources.crm_folder``, ``sources.crm_described``), what follows (``sources.crm_proposal``)
or where its files are declared (``source_entries``).

A file that somebody may have edited is never overwritten: what it could say now is laid beside it.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from mqa_platform.home import Home
from mqa_platform.policy.documents import read_document
from mqa_platform.policy.folder import PROPOSED
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import CrmMapping, Mappings
from mqa_platform.policy.problems import PolicyError, Problem
from mqa_platform.policy.sources import Source
from mqa_platform.policy.yaml_lines import Line, with_part, written
from mqa_platform.source_entries import Entries, file_entries, service_entry
from mqa_platform.sources.crm_described import describe
from mqa_platform.sources.crm_folder import read_folder
from mqa_platform.sources.crm_meanings import merged
from mqa_platform.sources.crm_proposal import Proposal, propose
from mqa_platform.sources.crm_schema import Schema, with_states
from mqa_platform.sources.landed import SourceError

_HEAD: Final = """\
# How the CRM reads in our words: object, field and picklist value by value. "mqa init" wrote it with
# the evidence beside each line; edit it as you like, then run "mqa policy check".
#
# fields: our column → their field, or several of which the first that a record fills is read.
# values: their picklist value → ours; "filtered" leaves the row out, "none" leaves the column empty.
# A value without an entry is never guessed: its rows are quarantined, and counted by value.

crms:
"""
_SERVICES: Final = {
    "hubspot": ("hubspot_api", "https://api.hubapi.com"),
    "salesforce": ("salesforce_api", ""),
}
_INSTANCE: Final = "MQA_SALESFORCE_INSTANCE_URL"


@dataclass
class Initialised:
    """What was found, what was written, and what is left to decide."""

    crm: str
    policy: Path
    objects: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    proposed: str = ""
    diff: str = ""
    sources: list[str] = field(default_factory=list)

    @property
    def rows_waiting(self) -> int:
        """Rows that are quarantined until somebody decides."""
        return sum(d["rows"] or 0 for d in self.decisions if d["value"] is not None)

    @property
    def changes_waiting(self) -> int:
        """Values in field histories that wait likewise."""
        return sum(d["changes"] for d in self.decisions)


def initialise(
    home: Home,
    crm: str,
    export: Path | None = None,
    policy: Path | None = None,
    url: str | None = None,
    force: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Initialised:
    """Read a CRM's schema and write ``mapping.yaml`` and the entries of ``sources.yaml``.

    Args:
        home: the installation.
        crm: a name that the packaged mapping, or the user's own, knows.
        export: a folder with an export; None asks the service.
        policy: the folder to write into; default the home's own.
        url: of the service, where sources.yaml does not declare it yet.
        force: replace mapping.yaml; the former one is kept as ``mapping.yaml.bak``.
        environment: where a service's secrets are; default that of the process.

    Raises:
        PolicyError: the folder holds a policy that is not valid, or the CRM is not known.
        SourceError: the export, or the service, shows no object of the CRM.
    """
    folder = (policy or home.policy).expanduser().resolve()
    packaged = load_policy()
    current = load_policy(folder) if folder.is_dir() else packaged
    own = current.mapping if (folder / "mapping.yaml").is_file() else Mappings()
    standard, mine = packaged.mapping.crms.get(crm), own.crms.get(crm)
    if standard is None and mine is None:
        known = ", ".join(sorted({*packaged.mapping.crms, *own.crms}))
        told = f"no such CRM; known: {known}"
        raise PolicyError([Problem("mapping.yaml", 0, f"crms.{crm}", told)])
    objects = with_states(merged(mine, standard))
    effective = current.sources.sources
    service: tuple[str, Source] | None = None
    if export is not None:
        place = export.expanduser().resolve()
        schema = read_folder(place, crm, objects)
    else:
        given = os.environ if environment is None else environment
        service = _service(crm, effective, url, given)
        schema = describe(*service, home, given, objects)
    proposal = propose(crm, schema, mine, standard)
    result = _told(crm, folder, schema, proposal)
    mapping = _place_mapping(result, folder, own, proposal, force)
    kept = Entries(home, folder, effective, packaged.sources.sources, mapping)
    if export is not None:
        entries = file_entries(home, kept.declared, crm, place, schema, mapping)
    else:
        entries = service_entry(kept.declared, *service) if service else []
    result.sources = kept.add(entries)
    result.written += [str(kept.path)] if result.sources else []
    return result


def _service(
    crm: str, effective: Mapping[str, Source], url: str | None, environment: Mapping[str, str]
) -> tuple[str, Source]:
    """The declared source of the CRM's service, else the one that is to be declared."""
    if crm not in _SERVICES:
        known = ", ".join(sorted(_SERVICES))
        raise SourceError(crm, "has no client here", f"Name an export; --api asks {known}.")
    connector, usual = _SERVICES[crm]
    for name, source in effective.items():
        if source.connector == connector:
            return name, source
    address = url or environment.get(_INSTANCE if crm == "salesforce" else "", "") or usual
    if not address:
        raise SourceError(
            crm, "its address is not known", f"Give --url, or set {_INSTANCE} in the environment."
        )
    return f"{crm}_api", Source.model_validate({"connector": connector, "url": address})


def _told(crm: str, folder: Path, schema: Schema, proposal: Proposal) -> Initialised:
    objects = [
        {
            "object": name,
            "lands_as": seen.mapped.lands_as,
            "found_in": list(seen.origins),
            "rows": seen.rows,
            "fields": len(proposal.mapping.objects[name].fields),
        }
        for name, seen in schema.objects.items()
        if seen.origins
    ]
    decisions = [{**asdict(each), "choices": list(each.choices)} for each in proposal.decisions]
    return Initialised(crm, folder, objects, dict(schema.left_out), decisions)


def _place_mapping(
    result: Initialised, folder: Path, own: Mappings, proposal: Proposal, force: bool
) -> Mappings:
    """Write or propose mapping.yaml; returns the mapping that is in force afterwards."""
    path = folder / "mapping.yaml"
    wanted = Mappings(crms={**own.crms, proposal.crm: proposal.mapping})
    former = path.read_text(encoding="utf-8-sig") if path.is_file() else None
    text = _mapping_text(path, former, proposal.part)
    _check(text, wanted)
    if text == former:
        return own
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"mapping{PROPOSED}"
    if former is not None and not force:
        _write(beside, text)
        result.proposed = str(beside)
        result.diff = "".join(
            difflib.unified_diff(
                former.splitlines(keepends=True),
                text.splitlines(keepends=True),
                path.name,
                beside.name,
            )
        )
        return own
    if former is not None:
        _write(folder / "mapping.yaml.bak", former)
    _write(path, text)
    beside.unlink(missing_ok=True)
    result.written.append(str(path))
    return wanted


def _mapping_text(path: Path, former: str | None, part: Line) -> str:
    if former is None:
        return _HEAD + "\n".join(written([part], "  ")) + "\n"
    return with_part(former, read_document(path, path.name), "crms", part)


def _check(text: str, wanted: Mappings) -> None:
    """That the text says what is meant, and that everything else in it has stayed.

    Raises:
        PolicyError: the existing file is written in a form that no lines can be added to.
    """
    with tempfile.TemporaryDirectory() as place:
        Path(place, "mapping.yaml").write_text(text, encoding="utf-8")
        try:
            read: CrmMapping | Mappings | None = load_policy(Path(place)).mapping
        except PolicyError:
            read = None
    if read != wanted:
        told = "is written in a form that lines cannot be added to; write one key a line"
        raise PolicyError([Problem("mapping.yaml", 0, "crms", told)])


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
