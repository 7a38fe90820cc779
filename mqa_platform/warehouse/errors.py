"""What can go wrong at the door to storage, said so that the reader knows the next step.

Belongs here: errors that callers of ``warehouse`` may catch. Does not belong here: a contract that
cannot be read or rows without its columns (``contracts.ContractError``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mqa_platform.warehouse.publication import RuleOutcome


class WarehouseError(Exception):
    """The base of every error of this package."""


class WarehouseBusyError(WarehouseError):
    """Another session holds the DuckDB file; the message names the process."""


class UnknownTableError(WarehouseError):
    """Neither a contract nor a landed schema describes the table."""


class UnsupportedOnEngineError(WarehouseError):
    """The engine computes but does not do what was asked."""


class SnapshotMissingError(WarehouseError):
    """There is no snapshot to read yet."""


class AuditFailed(WarehouseError):  # noqa: N818 - an outcome of the data, named as the design names it
    """Staged rows broke a blocking rule; every published table keeps its last good rows.

    Attributes:
        table: the first table that failed; its rows are in ``<table>__rejected``.
        checks: every rule outcome of that table, passed ones included.
        checks_by_table: the same for every table of the publication.
    """

    def __init__(self, checks_by_table: Mapping[str, Sequence[RuleOutcome]]) -> None:
        """Say which rules failed, how often, and show one row of each."""
        self.checks_by_table = {table: list(checks) for table, checks in checks_by_table.items()}
        refused = {
            table: [check for check in checks if check.blocking and not check.passed]
            for table, checks in self.checks_by_table.items()
        }
        self.table = next(table for table, failed in refused.items() if failed)
        self.checks = self.checks_by_table[self.table]
        lines = [
            f"{table}: rule {check.rule} is broken by {check.violations} of {check.rows} rows; "
            f"{check.description} {_shown(check)}".rstrip()
            for table, failed in refused.items()
            for check in failed
        ]
        super().__init__(
            "not published: "
            + "\n".join(lines)
            + f"\nThe refused rows are in {self.table}__rejected."
        )


def _shown(check: RuleOutcome) -> str:
    return f"For example {check.sample[0]}" if check.sample else ""
