"""A person in what the orchestrator has stored: its events, runs and ticks.

Belongs here: replacing texts in the instance's database. Does not belong here: which texts
(``erasure``), or the instance itself (``instance``).

Samples of failed checks withhold personal columns, so there is seldom anything to find.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

from mqa_platform.home import Home
from mqa_platform.instance import URL_VARIABLE, running_instance
from mqa_platform.warehouse.spellings import any_of

_COLUMNS: Final = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
    "AND data_type IN ('text', 'character varying') ORDER BY 1, 2"
)
_MARK: Final = "[erased]"


def without_texts(home: Home, texts: Sequence[str]) -> tuple[int, int]:
    """Puts a mark in the place of texts; how many values were changed, and how many still hold one.

    Without a database of the home nothing is started.
    """
    if not texts or not (home.postgres.exists() or os.environ.get(URL_VARIABLE)):
        return 0, 0
    pattern = any_of(texts).pattern
    with running_instance(home) as instance:
        storage: Any = instance.event_log_storage
        with storage.index_connection() as connection:
            changed = sum(
                connection.exec_driver_sql(
                    f'UPDATE "{table}" SET "{column}" = regexp_replace("{column}", %s, %s, %s) '  # noqa: S608
                    f'WHERE "{column}" ~* %s',
                    (pattern, _MARK, "gi", pattern),
                ).rowcount
                for table, column in connection.exec_driver_sql(_COLUMNS).fetchall()
            )
        if changed:
            _compact(storage)
        with storage.index_connection() as connection:
            left = sum(
                connection.exec_driver_sql(
                    f'SELECT COUNT(*) FROM "{table}" WHERE "{column}" ~* %s',  # noqa: S608
                    (pattern,),
                ).fetchone()[0]
                for table, column in connection.exec_driver_sql(_COLUMNS).fetchall()
            )
    return changed, left


def _compact(storage: Any) -> None:
    """Write the tables anew, so that the former values are gone from the disk as well."""
    with storage.index_connection() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql("VACUUM FULL")
        alone.exec_driver_sql("CHECKPOINT")
