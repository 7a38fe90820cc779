"""How every asset tells Dagster what it did: checks, counts a day, columns and their lineage.

Belongs here: the one path from a publication to Dagster events, on success and on failure. Does not
belong here: what is published (the stages' modules).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from time import perf_counter
from typing import Any

import dagster as dg

from mqa_platform.assets.platform import Platform, Step
from mqa_platform.assets.watches import watch_specs
from mqa_platform.contracts.loader import load_contracts
from mqa_platform.contracts.model import Contract
from mqa_platform.core.window import Window
from mqa_platform.sources.landed import SourceError
from mqa_platform.warehouse import AuditFailed, Published, RuleOutcome, WarehouseBusyError

Facts = Mapping[str, Any]
# Daily work is called with the step and its window, other work with None for the window.
Work = Callable[..., "Outcome"]
SNAPSHOT = "marts_snapshot"
# What publishes no table and therefore has no contract, beside the snapshot.
PROGRAM_REPORT = "program_report"
_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_PARTITION = "dagster/partition"


class Outcome:
    """What an asset's work published, with facts for the whole run and single days, and its watches."""

    def __init__(
        self,
        published: list[Published],
        facts: Facts | None = None,
        by_day: Mapping[date, Facts] | None = None,
        watched: Sequence[dg.AssetCheckResult] = (),
    ) -> None:
        self.published = {p.table: p for p in published}
        self.facts = dict(facts or {})
        self.by_day = dict(by_day or {})
        self.watched = list(watched)
        self.seconds = 0.0


def check_name(asset: str, table: str, rule: str) -> str:
    """The check's name: the rule, with the table before it where the asset publishes several."""
    return rule if table == asset else f"{table}__{rule}"


def check_specs(asset: str, *tables: str) -> list[dg.AssetCheckSpec]:
    """One check a rule of the contracts of an asset's tables, and the asset's watches."""
    contracts = load_contracts()
    return watch_specs(asset) + [
        dg.AssetCheckSpec(
            name=check_name(asset, table, rule.name),
            asset=asset,
            description=rule.description,
            blocking=rule.blocking,
        )
        for table in tables
        for rule in contracts[table].rules
    ]


def column_schema(contract: Contract) -> dg.TableSchema:
    """The contract's columns as the Dagster UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=c.name,
                type=c.ibis_type,
                description=c.description,
                constraints=dg.TableColumnConstraints(nullable=not c.required),
                tags={"pii": "true"} if c.classification == "pii" else {},
            )
            for c in contract.columns
        ]
    )


def _result(asset: str, table: str, check: RuleOutcome) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"violations": check.violations, "rows": check.rows}
    if check.sample:
        metadata["sample"] = dg.MetadataValue.json(check.sample)
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check_name(asset, table, check.rule),
        passed=check.passed,
        severity=dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN,
        description=check.description,
        metadata=metadata,
    )


def _lineage(published: Published, asset_of: Mapping[str, str]) -> dg.TableColumnLineage:
    # Several landed tables have columns of one name, and all of them are the ledger's asset.
    deps = {
        column: [
            dg.TableColumnDep(asset_key=asset, column_name=source)
            for asset, source in dict.fromkeys(
                (asset_of.get(table, "landed_batches"), source) for table, source in sources
            )
        ]
        for column, sources in published.lineage.items()
    }
    return dg.TableColumnLineage(deps_by_column=deps)


def _window(context: dg.AssetExecutionContext) -> Window | None:
    # An unpartitioned asset in a range run has the range's tags as well, but no days of its own.
    if context.assets_def.partitions_def is None:
        return None
    span = context.partition_time_window
    return Window(span.start.date(), span.end.date())


def run_days(context: dg.AssetExecutionContext) -> Window | None:
    """The days of the run, which an asset without partitions has none of itself; None: it has none."""
    tags = context.run.tags
    last = tags.get(_RANGE_END) or tags.get(_PARTITION)
    first = tags.get(_RANGE_START) or last
    if not first or not last:
        return None
    return Window.of(date.fromisoformat(first), date.fromisoformat(last))


def run_step(
    context: dg.AssetExecutionContext,
    platform: Platform,
    assets: Mapping[str, Sequence[str]],
    asset_of: Mapping[str, str],
    work: Work,
) -> Iterator[Any]:
    """Does an asset's work in a session and yields its Dagster events.

    ``assets`` are the asset keys with the tables each publishes, its own first. When a blocking rule
    fails, every check result is yielded and the step fails without a materialization: the last good
    rows are still the published ones.
    """
    window = _window(context)
    try:
        with platform.step(context.run.run_id) as step:
            started = perf_counter()
            outcome = work(step, window)
            outcome.seconds = perf_counter() - started
            if any(p.changed for p in outcome.published.values()):
                _refresh_unless_planned(context, step)
    except AuditFailed as failed:
        for asset, tables in assets.items():
            for table in tables:
                for check in failed.checks_by_table.get(table, []):
                    yield _result(asset, table, check)
        raise dg.Failure(str(failed), allow_retries=False) from failed
    except (SourceError, WarehouseBusyError) as problem:
        raise dg.Failure(
            str(problem), allow_retries=isinstance(problem, WarehouseBusyError)
        ) from problem
    for asset, tables in assets.items():
        yield _materialized(context, asset, tables, outcome, asset_of, window)


def _refresh_unless_planned(context: dg.AssetExecutionContext, step: Step) -> None:
    """A run without the snapshot's own asset still leaves readers with what it published.

    What a run will do is asked of its job: ``run.asset_selection`` is None or empty when nothing was chosen.
    """
    if dg.AssetKey(SNAPSHOT) not in context.job_def.asset_layer.selected_asset_keys:
        from mqa_platform.warehouse.snapshot import refresh_snapshot

        refresh_snapshot(step.session, step.home.snapshot)


def _seconds(published: Sequence[Published]) -> dict[str, float]:
    """Seconds spent staging, auditing and swapping the tables of one asset."""
    names = sorted({name for p in published for name in p.seconds})
    return {f"seconds_{n}": round(sum(p.seconds.get(n, 0.0) for p in published), 3) for n in names}


def _materialized(
    context: dg.AssetExecutionContext,
    asset: str,
    tables: Sequence[str],
    outcome: Outcome,
    asset_of: Mapping[str, str],
    window: Window | None,
) -> dg.MaterializeResult:
    main = outcome.published[tables[0]]
    metadata: dict[str, Any] = {
        "changed": any(outcome.published[t].changed for t in tables),
        "dagster/column_lineage": _lineage(main, asset_of),
        "seconds_work": round(outcome.seconds, 3),
        **_seconds([outcome.published[t] for t in tables]),
        **{f"rows_{t}": outcome.published[t].rows for t in tables[1:]},
        **outcome.facts,
    }
    if window is None:
        metadata["dagster/row_count"] = main.rows
    else:
        for day in window.days():
            facts: dict[str, Any] = {"dagster/row_count": main.rows_by_day.get(day, 0)}
            for table in tables[1:]:
                if outcome.published[table].rows_by_day:
                    facts[f"day_rows_{table}"] = outcome.published[table].rows_by_day.get(day, 0)
            facts |= outcome.by_day.get(day, {})
            context.add_asset_metadata(facts, asset_key=asset, partition_key=day.isoformat())
    checks = [
        _result(asset, table, check)
        for table in tables
        for check in outcome.published[table].checks
    ]
    checks += [w for w in outcome.watched if w.asset_key == dg.AssetKey(asset)]
    return dg.MaterializeResult(asset_key=asset, metadata=metadata, check_results=checks)
