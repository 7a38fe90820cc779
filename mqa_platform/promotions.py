"""The promoted policies of a home: an immutable copy of each, and the log of who put it in force when.

Belongs here: writing and reading both. Does not belong here: whether a promotion is allowed
(``promoting``), or which policy holds on a day (``core.history``).

The log is one file a promotion, ``policies/log/0001.json`` and on, written once. The copies lie in
``policies/<version>``; the log has the SHA-256 of what a copy holds, so that a changed one is noticed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from mqa_platform.contracts.loader import load_contracts
from mqa_platform.core.history import Effective, PolicyHistory
from mqa_platform.home import Home
from mqa_platform.policy.loader import copy_policy, load_policy, policy_version
from mqa_platform.policy.models import Policy
from mqa_platform.policy.problems import PolicyError, Problem

TABLE = "policy_promotions"
BASELINE, PROMOTION, REVERT = "baseline", "promotion", "revert"


@dataclass(frozen=True)
class Promotion:
    """One entry of the log; a row of the table ``policy_promotions``.

    A ``baseline`` is the policy that was in force before anything was promoted. ``reverts`` names the
    promotion that a revert takes back.
    """

    promotion_id: str
    kind: str
    version: str
    former_version: str | None
    effective_from: date
    author: str
    rationale: str
    evidence: str
    approved_by_marketing: str | None
    approved_by_sales: str | None
    changes: str
    reverts: str | None
    content_sha256: str
    promoted_at: datetime

    def written(self) -> dict[str, Any]:
        """The entry as JSON has it."""
        row = asdict(self)
        row["effective_from"] = self.effective_from.isoformat()
        row["promoted_at"] = self.promoted_at.isoformat()
        return row

    @classmethod
    def read(cls, row: dict[str, Any]) -> Promotion:
        """The entry out of its JSON."""
        days = {"effective_from": date.fromisoformat(row["effective_from"])}
        return cls(**{**row, **days, "promoted_at": datetime.fromisoformat(row["promoted_at"])})


def promotions(home: Home) -> list[Promotion]:
    """The log in the order in which it was written."""
    return [Promotion.read(json.loads(p.read_text("utf-8"))) for p in _log(home)]


def in_force(home: Home) -> list[Promotion]:
    """The log, as far as it counts: a baseline without a promotion is one that was interrupted."""
    log = promotions(home)
    return log if any(p.kind != BASELINE for p in log) else []


def promotions_table(home: Home) -> pa.Table:
    """The log as rows of ``policy_promotions``."""
    schema = load_contracts()[TABLE].arrow_schema
    return pa.Table.from_pylist([asdict(p) for p in promotions(home)], schema=schema)


def load_history(home: Home) -> PolicyHistory:
    """Which policy of a home is in force when.

    Without promotions the home's policy folder is in force on all days. With them the folder only says
    how data is read (sources and mapping): what was promoted is not changed by an edit.

    Raises:
        PolicyError: a policy is not valid, or the copy of a promoted one is not what was promoted.
    """
    return history_of(home, in_force(home))


def history_of(home: Home, log: list[Promotion]) -> PolicyHistory:
    """The history that a log of promotions gives; see ``load_history``."""
    folder = load_policy(home.policy_folder())
    if not log:
        return PolicyHistory.always(folder, policy_version(folder))
    reading = {"sources": folder.sources, "mapping": folder.mapping}
    kept = {p.version: p for p in log}
    policies = {v: load_copy(home, p).model_copy(update=reading) for v, p in kept.items()}
    return PolicyHistory(
        tuple(Effective(p.effective_from, policies[p.version], p.version) for p in log)
    )


def policy_now(home: Home) -> Effective:
    """The policy that is in force today."""
    return load_history(home).effective_on(datetime.now(UTC).date())


def folder_now(home: Home) -> Path | None:
    """The folder of the policy that is in force today; None is the packaged one."""
    return home.policies / policy_now(home).version if in_force(home) else home.policy_folder()


def load_copy(home: Home, promotion: Promotion) -> Policy:
    """A promoted policy out of its copy.

    Raises:
        PolicyError: the copy is gone, or is not what was promoted.
    """
    folder = home.policies / promotion.version
    if not folder.is_dir() or content_hash(folder) != promotion.content_sha256:
        raise _not_what_was_promoted(folder)
    return load_policy(folder)


def _not_what_was_promoted(folder: Path) -> PolicyError:
    reason = "is not what was promoted; restore it from a backup"
    return PolicyError([Problem(str(folder), 0, "", reason)])


def keep_copy(home: Home, folder: Path | None) -> tuple[str, str]:
    """Copies a policy to ``policies/<version>``, all of its files; its version and the copy's SHA-256.

    A copy that is there already stays as it is: a version is what a policy means.

    Raises:
        PolicyError: the policy is not valid, or a promoted copy of it was changed.
    """
    version = policy_version(load_policy(folder))
    target = home.policies / version
    if not target.is_dir():
        partial = home.policies / f".{version}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        copy_policy(folder, partial)
        os.replace(partial, target)
    content = content_hash(target)
    if any(p.content_sha256 != content for p in promotions(home) if p.version == version):
        raise _not_what_was_promoted(target)
    return version, content


def append(home: Home, promotion: Promotion) -> None:
    """Writes the next entry of the log.

    Raises:
        FileExistsError: somebody else wrote it at the same time.
    """
    target = _folder(home) / f"{promotion.promotion_id}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.write_text(json.dumps(promotion.written(), indent=1) + "\n", encoding="utf-8")
    try:
        # A link fails where a rename would overwrite: an entry is never written twice.
        os.link(partial, target)
    finally:
        partial.unlink()


def next_id(home: Home) -> str:
    """The name of the next entry."""
    return f"{len(_log(home)) + 1:04d}"


def content_hash(folder: Path) -> str:
    """SHA-256 over the names and bytes of all files of a policy folder."""
    digest = hashlib.sha256()
    for name, content in _files(folder):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    paths = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    yield from ((name, paths[name].read_bytes()) for name in sorted(paths))


def _folder(home: Home) -> Path:
    return home.policies / "log"


def _log(home: Home) -> list[Path]:
    return sorted(_folder(home).glob("[0-9]*.json"))
