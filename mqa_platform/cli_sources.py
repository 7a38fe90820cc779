"""The command line of sources: ``mqa sources``.

Belongs here: its verbs, options and exit codes. Does not belong here: doing any of it
(``source_reports``, ``runs``).
"""

from __future__ import annotations

import os
from datetime import date
from typing import Annotated, Any

import typer

from mqa_platform import console, source_reports
from mqa_platform.cli_words import print_json as _print
from mqa_platform.home import Home

sources = typer.Typer(
    no_args_is_help=True, help="The sources: what they delivered and how they are."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_COLUMNS = (
    "landed",
    "accepted",
    "duplicate",
    "conflict",
    "quarantined",
    "filtered",
    "held_batches",
)


@sources.command()
def report(as_json: AsJson = False) -> None:
    """Where every row has gone: landed = accepted + duplicate + quarantined + filtered."""
    _reconciliation(source_reports.report(Home.from_environment()), as_json)


def _reconciliation(rows: list[dict[str, Any]], as_json: bool) -> None:
    lost = [r["source"] for r in rows if not source_reports.reconciles(r)]
    if as_json:
        _print(rows)
    else:
        lines = [[r["source"], *(r[c] for c in _COLUMNS), r["last_event_on"]] for r in rows]
        total = source_reports.totals(rows)
        lines.append(["all", *(total[c] for c in _COLUMNS), ""])
        columns = ["source", *(c.replace("_", " ") for c in _COLUMNS), "last event"]
        console.table("Rows by source", columns, lines, tuple(columns[1:]))
        for row in rows:
            for kind, reasons in row["reasons"].items():
                if reasons:
                    told = ", ".join(f"{n} {r}" for r, n in sorted(reasons.items()))
                    console.out.print(f"{row['source']}, {kind}: {told}", markup=False)
    if lost:
        console.err.print(
            f"mqa: rows of {', '.join(lost)} are unaccounted for", markup=False, style="red"
        )
        raise typer.Exit(1)


@sources.command()
def land(as_json: AsJson = False) -> None:
    """Land what is new, refresh no stage, and show where every row has gone."""
    from mqa_platform.runs import land_sources

    home = Home.from_environment()
    result = land_sources(home)
    if not as_json:
        for warning in result.warnings:
            console.out.print(f"warning: {warning}", markup=False, style="yellow")
        messages = result.facts.get("landed_batches", {}).get("messages")
        if messages:
            console.out.print(str(messages), markup=False)
    _reconciliation(source_reports.report(home), as_json)


@sources.command()
def check(as_json: AsJson = False) -> None:
    """Ask every declared source whether it can be read now; nothing lands."""
    found = source_reports.check(Home.from_environment(), os.environ)
    if as_json:
        _print(found)
    else:
        columns = ["source", "connector", "status", "found", "what to do"]
        console.table("mqa sources check", columns, [list(row.values()) for row in found])
    if source_reports.refused(found):
        raise typer.Exit(1)


@sources.command()
def health(
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAY", help="A day such as 2025-09-30; default the last."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How every source that has a rhythm stood on a day."""
    try:
        day = date.fromisoformat(as_of) if as_of else None
    except ValueError:
        raise typer.BadParameter(
            f"{as_of!r} is not a day such as 2025-09-30", param_hint="--as-of"
        ) from None
    found = source_reports.health(Home.from_environment(), day)
    if as_json:
        _print(found)
        return
    columns = ["source", "day", "status", "last event", "days behind", "why"]
    console.table("Source health", columns, [list(row.values()) for row in found])
    if not found:
        console.out.print("No source has expect_every_days in sources.yaml.")
