"""Exit codes: 2 for what the caller can correct, 1 for what failed while running."""

from __future__ import annotations

from mqa_platform.exits import FAILED, USAGE, exit_code, known_errors
from mqa_platform.marts import MartError
from mqa_platform.runs import RunFailedError
from mqa_platform.warehouse import SnapshotMissingError, WarehouseBusyError


def test_every_error_of_the_table_exists():
    assert all(issubclass(kind, Exception) for kind in known_errors())


def test_a_wrong_name_is_usage_and_a_failed_run_is_not():
    assert exit_code(MartError("no such table")) == USAGE
    assert exit_code(SnapshotMissingError("nothing yet")) == USAGE
    assert exit_code(RunFailedError("a rule is broken")) == FAILED
    assert exit_code(WarehouseBusyError("held")) == FAILED


def test_a_defect_of_our_own_is_not_dressed_up():
    assert exit_code(ZeroDivisionError()) is None
