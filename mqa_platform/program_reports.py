"""The programme report out of the published tables, and as a file under the home.

Belongs here: gathering what the report shows, and where it is written. Does not belong here: what it looks like
(``reports.program_report``), or the figures themselves (``core``).

It reads what every reader reads: a report made by a run and one made by a command are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mqa_platform import metric_reports
from mqa_platform.account_pages import write_page
from mqa_platform.core.attribution import MODELS
from mqa_platform.home import Home
from mqa_platform.marts import MartError, Marts, open_marts
from mqa_platform.promotions import load_history
from mqa_platform.threshold_reviews import ages

if TYPE_CHECKING:
    from mqa_platform.reports.program_parts import ProgramFacts

Row = dict[str, Any]
# Read as they are: a row of each is a row of the report, or one of few.
_WHOLE: Final = (
    "sla_compliance", "sales_room", "rejection_reasons", "threshold_proposals", "threshold_curve",
    "proposal_accounts", "signal_lift", "weight_proposals", "half_life_estimates", "backtests", "score_outcomes",
    "backtest_leaks", "drift_checks", "pipeline_forecast", "experiment_results",
)  # fmt: skip
_DIMENSIONS: Final = ("all", "tier")


def report_path(home: Home) -> Path:
    """Where the report of a home stands."""
    return home.root / "reports" / "program.html"


def write_report(home: Home, target: Path | None = None) -> Path:
    """Makes the report and writes it; where it stands.

    Args:
        home: the installation.
        target: another file than ``report_path``.

    Raises:
        MartError, SnapshotMissingError: no day has been run yet.
    """
    from mqa_platform.reports.program_report import program_page, sections

    facts = gathered(home)
    path = target or report_path(home)
    write_page(path, program_page(facts, sections(facts)))
    return path


def gathered(home: Home) -> ProgramFacts:
    """What the report tells; raises as ``write_report``."""
    from mqa_platform.reports.program_parts import ProgramFacts

    history = load_history(home)
    with open_marts(home) as marts:
        as_of = marts.last_day()
        tables = {name: _rows(marts, name) for name in _WHOLE}
        metrics = _metrics(marts)
        names = _now(marts, "crm_users", "user_id")
        accounts = _now(marts, "accounts", "account_id")
        origins = _rows(marts, "opportunity_origin")
    held = history.effective_on(as_of)
    start = held.policy.program.history_starts_on
    tables["opportunity_origin"] = [
        {**r, "name": accounts.get(r["account_id"])} for r in origins if r["created_on"] >= start
    ]
    tables["attribution"] = _credits(home)
    tables["conversion_paths"] = _or_none(lambda: metric_reports.paths(home))
    return ProgramFacts(
        as_of=as_of,
        since=start,
        motion=held.policy.program.motion,
        motions=[p.program.motion for p in held.policy.motions()],
        currency=held.policy.program.currency,
        version=held.version,
        metrics=metrics,
        definitions=metric_reports.definitions(home),
        tables=tables,
        ages=ages(home, history, as_of),
        names=names,
    )


def _or_none(read: Callable[[], list[Row]]) -> list[Row]:
    """Rows of a question, none where the tables behind it have not been published yet."""
    try:
        return read()
    except MartError:
        return []


def _rows(marts: Marts, name: str) -> list[Row]:
    return _or_none(lambda: marts.rows(marts.table(name)))


def _metrics(marts: Marts) -> list[Row]:
    def read() -> list[Row]:
        t = marts.table("conversion_metrics")
        return marts.rows(t.filter(t["dimension"].isin(_DIMENSIONS)))

    return _or_none(read)


def _now(marts: Marts, table: str, key: str) -> dict[str, str]:
    """Id → name of what holds now."""

    def read() -> list[Row]:
        t = marts.table(table)
        return marts.rows(t.filter(t["valid_to"].isnull()).select(key, "name"))

    return {r[key]: r["name"] for r in _or_none(read) if r["name"]}


def _credits(home: Home) -> list[Row]:
    """Credit by channel under every rule, by campaign and content under the leading one."""
    asked = [("channel", model) for model in MODELS] + [
        ("campaign", "linear"),
        ("content", "linear"),
    ]
    return [
        {**row, "by": by, "model": model, "part": row[by]}
        for by, model in asked
        for row in _or_none(partial(metric_reports.attribution, home, model, by))
    ]
