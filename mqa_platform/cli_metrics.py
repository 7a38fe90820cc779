"""The command line of metrics: ``mqa metrics [METRIC]`` and ``mqa metrics drill …``.

Belongs here: their options and what they print. Does not belong here: finding the answers
(``metric_reports``).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mqa_platform import console
from mqa_platform.cli_words import print_json
from mqa_platform.home import Home

_FIGURES = "figures"


class _Words(TyperGroup):
    """A group whose first word may be a metric: without a verb it shows figures."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the verb that is meant before a metric or an option."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = [_FIGURES, *args]
        return super().parse_args(ctx, args)


metrics = typer.Typer(
    cls=_Words, help="Figures with their intervals, and the accounts behind each of them."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
By = Annotated[
    str, typer.Option("--dimension", metavar="DIMENSION", help="all, tier, segment, rep_id, …")
]
Segment = Annotated[
    str | None, typer.Option("--segment", metavar="SEGMENT", help="One part of the dimension.")
]


@metrics.command(_FIGURES)
def figures(
    metric: Annotated[str | None, typer.Argument(metavar="[METRIC]", help="Default all.")] = None,
    dimension: By = "all",
    segment: Segment = None,
    cohort: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="As 2026-01 or 2026-Q1, or all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The figures of one metric by cohort, or of all metrics over all time."""
    from mqa_platform import metric_reports as reports
    from mqa_platform.core.metrics.definitions import BAND

    rows = reports.figures(Home.from_environment(), metric, dimension, cohort, segment)
    columns = ["metric", "segment", "cohort", "value", "low", "high", "numerator", "denominator",
               "censored", "unit"]  # fmt: skip
    _shown("Metrics", columns, rows, as_json)
    if not as_json and any(r["metric"] == "mqa_per_rep" for r in rows):
        console.out.print(
            f"MQAs a rep and quarter: practitioners name {BAND[0]} to {BAND[1]}; a band, not a target."
        )


@metrics.command()
def drill(
    metric: Annotated[str, typer.Argument(metavar="METRIC")],
    dimension: By = "all",
    segment: Segment = None,
    cohort: Annotated[str, typer.Option(metavar="PERIOD", help="As 2026-01, or all.")] = "all",
    as_json: AsJson = False,
) -> None:
    """The accounts that one figure counts, and as what."""
    from mqa_platform import metric_reports as reports

    answer = reports.drill(Home.from_environment(), metric, dimension, segment, cohort)
    if as_json:
        print_json(answer)
        return
    f = answer["figure"]
    console.out.print(
        f"{metric}, {dimension} {f['segment']}, cohort {cohort}: {_cell(f['value']) or 'cannot say'} "
        f"({_cell(f['numerator'])} of {_cell(f['denominator'])}, {f['censored']} censored)",
        markup=False,
    )
    columns = ["counted_as", "account_id", "name", "motion", "episode", "cohort", "amount", "subject_id"]  # fmt: skip
    _shown("Counted", columns, answer["counted"], as_json)


@metrics.command()
def definitions(as_json: AsJson = False) -> None:
    """What every metric is, in words."""
    from mqa_platform import metric_reports as reports

    rows = reports.definitions(Home.from_environment())
    _shown("Definitions", ["metric", "definition", "unit", "cohort"], rows, as_json)


@metrics.command()
def attribution(
    model: Annotated[
        str, typer.Option(help="first, last, linear, position_based or time_decay.")
    ] = "linear",
    by: Annotated[str, typer.Option(help="channel, campaign or content.")] = "channel",
    as_json: AsJson = False,
) -> None:
    """Pipeline and revenue by what led to them, under one rule of credit."""
    from mqa_platform import metric_reports as reports

    rows = reports.attribution(Home.from_environment(), model, by)
    columns = [by, "opportunities", "touches", "credit", "pipeline", "revenue", "spend", "roi"]
    _shown(f"Attribution, {model}", columns, rows, as_json)


@metrics.command()
def paths(as_json: AsJson = False) -> None:
    """The channels that accounts came by before opportunities."""
    from mqa_platform import metric_reports as reports

    columns = ["path", "opportunities", "won", "open", "amount", "median_touches", "median_days"]
    _shown("Paths", columns, reports.paths(Home.from_environment()), as_json)


@metrics.command()
def missed(
    rule: Annotated[str | None, typer.Option(help="One rule that was absent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Opportunities that no MQA led to, with the rule or signal that was absent."""
    from mqa_platform import metric_reports as reports

    rows = reports.missed(Home.from_environment(), rule)
    columns = ["created_on", "opportunity_id", "account_id", "origin", "is_won", "amount", "missing_rule",
               "max_score_90d", "points_short", "absent_signal"]  # fmt: skip
    _shown("Missed", columns, rows, as_json)


@metrics.command()
def forecast(as_json: AsJson = False) -> None:
    """Opportunities and annual value that open MQAs are expected to bring."""
    from mqa_platform import metric_reports as reports

    columns = ["segment", "horizon_days", "open_mqas", "opportunities", "opportunities_low",
               "opportunities_high", "pipeline", "pipeline_low", "pipeline_high", "verdict"]  # fmt: skip
    _shown("Forecast", columns, reports.forecast(Home.from_environment()), as_json)


@metrics.command()
def rejections(dimension: By = "all", as_json: AsJson = False) -> None:
    """Why sales rejected, and what is suggested to be left out."""
    from mqa_platform import metric_reports as reports

    rows = reports.rejections(Home.from_environment(), dimension)
    columns = ["segment", "reason", "rejected", "answered", "share", "low", "high", "usual_share",
               "suggestion"]  # fmt: skip
    _shown("Rejections", columns, rows, as_json)


def _shown(title: str, columns: list[str], rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    listed = [[_cell(row[c]) for c in columns] for row in rows]
    console.table(title, [c.replace("_", " ") for c in columns], listed)


def _cell(value: Any) -> str:
    if isinstance(value, float | Decimal):
        # Money and counts whole, shares to the thousandth.
        number = float(value)
        return f"{number:,.0f}" if number.is_integer() or abs(number) >= 1000 else f"{number:.3f}"
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
