"""A Great Expectations data source over an SQLAlchemy engine that the warehouse already has.

Belongs here: the few overrides that let GX work on DuckDB and on a Unix-socket PostgreSQL. Does not
belong here: suites or results (``audit``). Importing this module imports Great Expectations, which
takes seconds: only ``audit`` does, and only when there are rules to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Literal

from mqa_platform.contracts.gx import load_engine

load_engine()

import great_expectations as gx  # noqa: E402
from great_expectations.compatibility.pydantic import PrivateAttr  # noqa: E402
from great_expectations.datasource.fluent import SQLDatasource  # noqa: E402
from great_expectations.execution_engine import SqlAlchemyExecutionEngine  # noqa: E402
from sqlalchemy import Connection, Engine  # noqa: E402

_EngineClass = type[SqlAlchemyExecutionEngine]
_NUMBERS = count()
_ENGINES: dict[str, Engine] = {}


class KeptConnectionEngine(SqlAlchemyExecutionEngine):
    """Keeps one connection: GX closes its own before it fetches, which ends a DuckDB cursor."""

    _connection: Any

    @contextmanager
    def get_connection(self) -> Iterator[Connection]:
        """The one connection of this engine."""
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection

    def close_kept_connection(self) -> None:
        """Close it; later use opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class WarehouseDatasource(SQLDatasource):
    """A fluent source whose ``connection_string`` names an engine that is already there."""

    _execution_engine: Any = PrivateAttr(None)
    type: Literal["mqa_warehouse"] = "mqa_warehouse"

    @property
    def execution_engine_type(self) -> _EngineClass:
        """The engine class that keeps its connection."""
        return KeptConnectionEngine

    def _save_context_project_config(self) -> None:
        """Nothing to save: the context is forgotten, and writing it as YAML takes longer than a rule."""

    def _create_engine(self) -> Engine:
        return _ENGINES[str(self.connection_string)]

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """The one execution engine of this source."""
        if self._execution_engine is None:
            engine = _ENGINES[str(self.connection_string)]
            self._execution_engine = KeptConnectionEngine(engine=engine, create_temp_table=False)
        return self._execution_engine


def open_source(engine: Engine) -> Any:
    """A source in a context of its own that writes nothing to disk and sends nothing anywhere."""
    name = f"warehouse_{next(_NUMBERS)}"
    _ENGINES[name] = engine
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    return context.data_sources.add_mqa_warehouse(name=name, connection_string=name)
