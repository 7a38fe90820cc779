"""What the doctor says of sources: whether the CRM's mapping fits what arrives, and whether all answer.

Belongs here: findings about mapping.yaml, permissions and reach, each with what to do. Does not belong
here: the installation itself (``doctor``), or asking a source (``source_reports``, ``sources``).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mqa_platform.doctor import Finding
from mqa_platform.home import Home
from mqa_platform.marts import MartError
from mqa_platform.policy.loader import load_policy
from mqa_platform.policy.mapping import CrmObject, Mappings
from mqa_platform.policy.sources import Source
from mqa_platform.source_reports import check, refused, report
from mqa_platform.sources.crm_recognition import found
from mqa_platform.sources.globs import expand
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.record_files import read_records
from mqa_platform.sources.record_table import canonical
from mqa_platform.sources.registry import mapped_object
from mqa_platform.warehouse import SnapshotMissingError

# Looking is to take seconds; a larger file is looked at when it lands.
_MOST_BYTES: Final = 32 * 1024**2
_UNMAPPED: Final = "unmapped_value: "
_SHOWN: Final = 8


def mapping(home: Home) -> list[Finding]:
    """Whether every source of a CRM has its object, its fields are there, and its values are known.

    Raises:
        PolicyError: the policy is not valid.
    """
    policy = load_policy(home.policy_folder())
    used = _used(policy.sources.sources)
    objects = {(crm, object) for crm, object in used.values() if object}
    absent = [
        Finding("mapping", False, f"{name} reads {object} of {crm}, which mapping.yaml does not have",
                f"map {object}, or name one of its objects in sources.yaml: mqa init shows both")
        for name, (crm, object) in used.items()
        if object and _mapped(policy.mapping, crm, object) is None
    ]  # fmt: skip
    findings = [
        *absent,
        *_fields(home, policy.sources.sources, used, policy.mapping),
        *_waiting(home),
    ]
    crms = ", ".join(sorted({crm for crm, _ in used.values()})) or "no CRM"
    told = f"{crms}: {len(objects)} objects are read"
    return findings or [Finding("mapping", True, told)]


def reach(home: Home) -> list[Finding]:
    """Whether every source can be read now: files, services, permissions and secrets.

    Raises:
        PolicyError: the policy is not valid.
    """
    answers = check(home, os.environ)
    bad = set(refused(answers))
    findings = [
        Finding(f"source {a['source']}", False, f"{a['status']}: {a['detail']}", a["remedy"])
        for a in answers
        if a["source"] in bad
    ]
    usable = sum(a["status"] == "ok" for a in answers)
    told = f"{usable} of {len(answers)} sources can be read"
    return [*findings, Finding("reach", None if bad or not usable else True, told,
                               "mqa sources check shows all of them")]  # fmt: skip


def _used(sources: Mapping[str, Source]) -> dict[str, tuple[str, str]]:
    """Source → (CRM, object); a service without streams has no object to name."""
    pairs = {}
    for name, source in sources.items():
        for stream in source.streams or [""]:
            mapped = mapped_object(source, stream)
            if mapped is not None:
                pairs[f"{name}/{stream}" if stream else name] = mapped
    return pairs


def _mapped(mappings: Mappings, crm: str, object: str) -> CrmObject | None:
    objects = mappings.crms[crm].objects if crm in mappings.crms else {}
    return next((o for n, o in objects.items() if canonical(n) == canonical(object)), None)


def _fields(
    home: Home,
    sources: Mapping[str, Source],
    used: Mapping[str, tuple[str, str]],
    mappings: Mappings,
) -> list[Finding]:
    """Fields that a mapping of one's own names, and no file of the object has."""
    if not (home.policy / "mapping.yaml").is_file():
        # The packaged mapping names fields of every form that an export may have.
        return []
    findings = []
    here: dict[tuple[str, str], set[str]] = {}
    for name, read in used.items():
        path = _newest(home, sources[name]) if name in sources else None
        if path is not None:
            try:
                here.setdefault(read, set()).update(read_records(path).table.column_names)
            except SourceError as problem:
                findings.append(Finding("mapping", False, str(problem), problem.remedy))
    for (crm, object), columns in here.items():
        mapped = _mapped(mappings, crm, object)
        lacking = [c for c in mapped.fields if not found(columns, mapped, c)] if mapped else []
        if mapped and lacking and columns:
            shown = ", ".join(f"{c} ({' or '.join(mapped.fields_of(c)[:2])})" for c in lacking)
            findings.append(
                Finding("mapping", False if set(lacking) & set(mapped.required) else None,
                        f"no file of {object} has a field for {shown}",
                        f"export it, or correct {object} of {crm} in mapping.yaml")
            )  # fmt: skip
    return findings


def _newest(home: Home, source: Source) -> Path | None:
    try:
        files = expand(source, home.root, home.data)
    except SourceError:
        return None
    small = [path for path in files if path.stat().st_size <= _MOST_BYTES]
    return max(small, key=lambda path: path.stat().st_mtime, default=None)


def _waiting(home: Home) -> list[Finding]:
    """Rows in quarantine because a value has no entry, by source and value."""
    try:
        rows = report(home)
    except (SnapshotMissingError, MartError):
        return []
    waiting: Counter[str] = Counter()
    for row in rows:
        for reason, count in row["reasons"].get("quarantined", {}).items():
            if reason.startswith(_UNMAPPED):
                waiting[f"{reason.removeprefix(_UNMAPPED)} of {row['source']}"] += count
    if not waiting:
        return []
    shown = ", ".join(f"{what}: {count}" for what, count in waiting.most_common(_SHOWN))
    more = f", and {len(waiting) - _SHOWN} values more" if len(waiting) > _SHOWN else ""
    told = f"{waiting.total()} rows wait for a value's meaning ({shown}{more})"
    return [
        Finding("mapping", None, told, "give each a word in mapping.yaml, then mqa sources land")
    ]
