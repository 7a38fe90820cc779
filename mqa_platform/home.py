"""Where everything of one installation lies on disk.

Belongs here: the names of files and folders under the home directory, and the environment variables
that place it. Does not belong here: creating, reading or writing any of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The home directory. ``root`` and ``data`` are absolute; nothing needs to exist yet.

    ``data`` is the optional folder of reference data that sources may name as ``${MQA_DATA}``.
    """

    root: Path
    data: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Home:
        """The home that ``MQA_HOME`` names, else ``.mqa`` in the current directory."""
        values = os.environ if environment is None else environment
        data = values.get("MQA_DATA")
        root = Path(values.get("MQA_HOME") or ".mqa").expanduser().absolute()
        return cls(root, Path(data).expanduser().absolute() if data else None)

    @property
    def inbox(self) -> Path:
        """Files as the vendors deliver them, a folder a vendor."""
        return self.root / "inbox"

    @property
    def landing(self) -> Path:
        """Every batch that was ever read, immutable; the warehouse can be rebuilt from it."""
        return self.root / "landing"

    @property
    def warehouse(self) -> Path:
        """The live DuckDB file: one process at a time."""
        return self.root / "warehouse.duckdb"

    @property
    def snapshot(self) -> Path:
        """The published tables for readers, replaced after each run."""
        return self.root / "snapshot.duckdb"

    @property
    def outbox(self) -> Path:
        """What was told to other systems and what is still to be told; nothing else knows it."""
        return self.root / "outbox.sqlite3"

    @property
    def postgres(self) -> Path:
        """The data directory of the embedded PostgreSQL server under the Dagster instance."""
        return self.root / "postgres"

    @property
    def dagster(self) -> Path:
        """``DAGSTER_HOME``: the instance's configuration and logs."""
        return self.root / "dagster"

    @property
    def policy(self) -> Path:
        """The customer's own policy, where there is one."""
        return self.root / "policy"

    @property
    def policies(self) -> Path:
        """Every policy that was promoted, a folder a version, and the log of promotions."""
        return self.root / "policies"

    @property
    def truth(self) -> Path:
        """What really happened in the synthetic market; the pipeline never reads it."""
        return self.root / "truth"

    @property
    def examples(self) -> Path:
        """A home of its own for every example that was run."""
        return self.root / "examples"

    @property
    def shadows(self) -> Path:
        """Replays of other policies, a folder a policy version."""
        return self.root / "shadows"

    @property
    def is_shadow(self) -> bool:
        """Whether this is the home of a replay; its tables are in its own file, wherever the live ones are."""
        return self.root.parent.name == "shadows"

    def policy_folder(self) -> Path | None:
        """The folder to load the policy from; None means the packaged default."""
        return self.policy if self.policy.is_dir() else None
