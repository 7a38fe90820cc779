"""Files for connectors: real ones where they lie beside the project, small hand-made ones else."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mqa_platform.policy.sources import FileConnector, Source
from mqa_platform.sources.landed import Landed
from mqa_platform.sources.registry import CONNECTORS, resolve

REPOSITORY = Path(__file__).resolve().parents[2]

Write = Callable[[str, str | bytes], Path]
Read = Callable[..., Landed]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("MQA_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"the real data files are not at {folder}; set MQA_DATA to their folder")
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file for a connector; ``.gz`` names are packed."""

    def _write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        raw = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return path

    return _write


@pytest.fixture(scope="session")
def read() -> Read:
    """Read a file with the connector of this name and check what holds for every connector."""

    def _read(connector: FileConnector, path: Path, **options: object) -> Landed:
        source = Source.model_validate({"connector": connector, "path": str(path), **options})
        landed = resolve(CONNECTORS[connector])(path, source)
        told = landed.accepted + landed.duplicates + sum(landed.filtered.values())
        assert landed.rows == told + len(landed.defects)
        return landed

    return _read
