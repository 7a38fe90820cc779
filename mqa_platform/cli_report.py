"""The command line of the programme report: ``mqa report`` and ``mqa review``.

Belongs here: their options and what they print. Does not belong here: making the report (``program_reports``), or
the runs (``runs``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mqa_platform import console
from mqa_platform.cli_words import print_json
from mqa_platform.home import Home


def add_reporting(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(report)
    app.command()(review)


def report(
    target: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="File to write; default reports/program.html of the home."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Write the programme report: one HTML file of what is published, with pictures and tables."""
    from mqa_platform.program_reports import write_report

    path = write_report(Home.from_environment(), target)
    if as_json:
        print_json({"report": str(path)})
        return
    console.out.print(f"Programme report: {path}", markup=False, soft_wrap=True)


def review(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Publish threshold proposals, weights, backtest and drift now, and the report; no policy changes."""
    from mqa_platform.program_reports import report_path
    from mqa_platform.runs import calibrate_and_review

    home = Home.from_environment()
    with console.waiting("the quarter's proposals and the week's review", as_json):
        results = calibrate_and_review(home)
    path = report_path(home)
    if as_json:
        print_json({"runs": [r.run_id for r in results], "report": str(path)})
        return
    for warning in [w for r in results for w in r.warnings]:
        console.out.print(f"warning: {warning}", markup=False, style="yellow")
    console.out.print(f"Programme report: {path}", markup=False, soft_wrap=True)
