"""Spark as a computing engine: the same core and kernels, when one machine is too small.

Belongs here: reading registered Arrow tables, and running kernels with ``applyInArrow``. Does not
belong here: publishing: a swap that readers never see half done needs a table format, which this
engine does not choose.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import ibis
import ibis.expr.schema as sch
import ibis.expr.types as ir
import pyarrow as pa

from mqa_platform.contracts.model import Contract
from mqa_platform.core.kernel import Kernel
from mqa_platform.warehouse.arrow import conform
from mqa_platform.warehouse.base import ComputeSession, Warehouse
from mqa_platform.warehouse.errors import UnsupportedOnEngineError
from mqa_platform.warehouse.lineage import Origins

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PROJECT = Path(__file__).resolve().parents[2]


class SparkWarehouse(Warehouse):
    """Computing on Spark over tables that the caller registers.

    Args:
        contracts, landed: describe the tables, so that one that is not registered is empty.
        spark: a running session to use and leave running; default: a local one of ``cores`` cores,
            stopped at the end of every session.
        cores: of the local session.
    """

    engine: ClassVar[str] = "spark"

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        landed: Mapping[str, pa.Schema],
        spark: SparkSession | None = None,
        cores: int = 2,
    ) -> None:
        """Remember how; nothing is started yet."""
        super().__init__(contracts, landed)
        self._spark, self._cores = spark, cores

    @contextmanager
    def session(self) -> Iterator[SparkComputeSession]:
        """A session whose registered tables and kernel results end with it."""
        spark = self._spark or local_spark(self._cores)
        session = SparkComputeSession(spark, self)
        try:
            yield session
        finally:
            session.close()
            if self._spark is None:
                spark.stop()


def local_spark(cores: int) -> SparkSession:
    """A small Spark in this process, without its web page; its workers find this package."""
    from pyspark.sql import SparkSession

    # Spark has no setting for it: without this its workers are whatever python3 comes first on the
    # path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    search = os.pathsep.join([str(_PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return (
        SparkSession.builder.master(f"local[{cores}]")
        .appName("mqa")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", str(cores))
        .config("spark.executorEnv.PYTHONPATH", search)
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


class SparkComputeSession(ComputeSession):
    """A computing session."""

    con: ibis.backends.pyspark.Backend

    def __init__(self, spark: SparkSession, warehouse: SparkWarehouse) -> None:
        """Use a running Spark; ibis sets its time zone to UTC."""
        self.con = ibis.pyspark.connect(spark)
        self.origins = Origins()
        self._spark = spark
        self._catalogue = warehouse.catalogue
        self._kept: list[DataFrame] = []
        self._views: list[str] = []

    def register(self, name: str, table: pa.Table) -> ir.Table:
        """Make Arrow rows readable as the table ``name``, with the columns its description has.

        Raises:
            ContractError: columns or types are not as described.
            UnknownTableError: nothing describes it.
        """
        self._view(name, conform(table, self._catalogue.arrow_schema(name), name))
        return self.table(name)

    def table(self, name: str) -> ir.Table:
        """See ``ComputeSession.table``."""
        if name not in self._views:
            self.register(name, self._catalogue.arrow_schema(name).empty_table())
        # Spark forgets the zone of a timestamp; said again here, the graph has the types of the
        # other engines.
        return self.con.table(name).cast(self._catalogue.schema(name))

    def constant(self, name: str, table: pa.Table) -> ir.Table:
        """See ``ComputeSession.constant``."""
        stored = f"constant_{name}_{len(self._views)}"
        self.origins.constants[stored] = name
        return self._view(stored, table).cast(sch.Schema.from_pyarrow(table.schema))

    def keep(self, expr: ir.Table) -> ir.Table:
        """See ``ComputeSession.keep``."""
        made = self._data(expr).persist()
        self._kept.append(made)
        name = f"kept_{len(self._views)}"
        made.createOrReplaceTempView(name)
        self._views.append(name)
        self.origins.kept[name] = expr
        return self.con.table(name).cast(expr.schema())

    def arrow(self, expr: ir.Table, schema: pa.Schema | None = None) -> pa.Table:
        """See ``ComputeSession.arrow``."""
        return conform(self._data(expr).toArrow(), schema or expr.schema().to_pyarrow(), "result")

    def apply(self, kernel: Kernel, expr: ir.Table, shard_by: str) -> ir.Table:
        """See ``ComputeSession.apply``; the kernel is called once a shard."""
        from pyspark.sql.pandas.types import from_arrow_schema

        given = self._data(expr).persist()
        self._kept.append(given)
        if given.filter(given[shard_by].isNull()).limit(1).count():
            raise ValueError(f"kernel {kernel.name}: a row without a shard in {shard_by}")
        step = _in_worker(kernel.fn, expr.schema().to_pyarrow(), kernel.schema, kernel.name)
        made = (
            given.groupBy(shard_by).applyInArrow(step, from_arrow_schema(kernel.schema)).persist()
        )
        self._kept.append(made)
        name = f"{kernel.name}_{len(self._views)}"
        made.createOrReplaceTempView(name)
        self._views.append(name)
        self.origins.kernels[name] = (kernel, expr)
        return self.con.table(name).cast(sch.Schema.from_pyarrow(kernel.schema))

    def publish(self, *_publications: Any, **_options: Any) -> NoReturn:
        """Refuse: see the module's border.

        Raises:
            UnsupportedOnEngineError: always.
        """
        raise UnsupportedOnEngineError(
            "Spark computes only. Publish from DuckDB or PostgreSQL, or write the Arrow result "
            "to a table format."
        )

    def close(self) -> None:
        """Forget this session's views and kept results."""
        for view in self._views:
            self._spark.catalog.dropTempView(view)
        for kept in self._kept:
            kept.unpersist()

    def _data(self, expr: ir.Table) -> DataFrame:
        self.con._run_pre_execute_hooks(expr)
        return self._spark.sql(self.con.compile(expr))

    def _view(self, name: str, table: pa.Table) -> ir.Table:
        self._spark.createDataFrame(table).createOrReplaceTempView(name)
        self._views.append(name)
        return self.con.table(name)


def _in_worker(
    fn: Callable[[pa.Table], pa.Table], given: pa.Schema, made: pa.Schema, name: str
) -> Callable[[pa.Table], pa.Table]:
    """The kernel with the border casts of the other engines: the same types in and out."""

    def step(part: pa.Table) -> pa.Table:
        return conform(fn(conform(part, given, f"kernel {name}")), made, f"kernel {name}")

    return step
