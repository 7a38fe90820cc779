"""One engine for all core tests; tables never share a name."""

from __future__ import annotations

import pytest

from mqa_platform_tests.core.engine import Engine


@pytest.fixture(scope="session")
def engine():
    return Engine()
