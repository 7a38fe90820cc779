"""The command line of the programme report: ``mqa report``.

Belongs here: its options and what it prints. Does not belong here: making the report (``program_reports``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mqa_platform import console
from mqa_platform.cli_words import print_json
from mqa_platform.home import Home


def add_reporting(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(report)


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
