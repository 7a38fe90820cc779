"""The command line of privacy: ``mqa privacy``.

Belongs here: its verbs, options and exit codes. Does not belong here: doing any of it (``privacy``).
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from mqa_platform import console
from mqa_platform.home import Home

privacy = typer.Typer(no_args_is_help=True, help="Personal data: what is dropped, and when.")


@privacy.callback()
def _verbs() -> None:
    """Keep the verb's name in the command while there is only one."""


@privacy.command()
def retain(
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAY", help="A day such as 2025-09-30; default today."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Drop raw IP addresses that are older than the policy's ip_retention_days."""
    from mqa_platform.privacy import retain_everywhere

    found = retain_everywhere(Home.from_environment(), _day(as_of))
    if as_json:
        sys.stdout.write(json.dumps([asdict(f) for f in found], indent=1) + "\n")
        return
    rows = [[f.place, f.addresses, f.rows, f.batches, f.pages] for f in found]
    columns = ["warehouse", "addresses", "rows", "batches", "raw pages"]
    console.table("Dropped IP addresses", columns, rows, tuple(columns[1:]))


def erase(
    address: Annotated[
        list[str], typer.Argument(metavar="EMAIL...", help="Every address of one person.")
    ],
    reason: Annotated[str, typer.Option(help="Kept with the tombstone.")] = "asked to be erased",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Remove a person everywhere under MQA_HOME, run their days again and prove what is left."""
    from mqa_platform.core.window import Window
    from mqa_platform.erasure import erase as remove
    from mqa_platform.event_texts import without_texts
    from mqa_platform.exports import plain
    from mqa_platform.runs import land_sources, run_days

    def run(home: Home, window: Window | None) -> object:
        return land_sources(home) if window is None else run_days(home, window)

    found = remove(Home.from_environment(), address, reason, run, without_texts)
    if as_json:
        told = {**asdict(found), "remains": found.remains}
        sys.stdout.write(json.dumps(plain(told), indent=1) + "\n")
    else:
        rows = [[p.place, p.removed, p.remains, p.note] for p in found.places]
        console.table(
            "Erased", ["place", "removed", "remains", "note"], rows, ("removed", "remains")
        )
        for title, listed in (("accounts", found.accounts), ("days run again", found.days)):
            text = ", ".join(map(str, listed)) or "none"
            console.out.print(f"{title}: {text}", markup=False)
        if found.beside:
            console.out.print(
                f"{found.beside} other addresses shared a browser with this person and were left alone."
            )
        console.out.print(f"remains: {found.remains}")
    if found.remains:
        raise typer.Exit(1)


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a day such as 2025-09-30", param_hint="--as-of"
        ) from None
