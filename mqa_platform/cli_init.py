"""The command line of connecting a CRM: ``mqa init``.

Belongs here: its options and how its answer looks. Does not belong here: doing any of it
(``initialise``).
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.home import Home

_SHOWN = 20
_DIFF = 100


def init(
    crm: Annotated[
        str, typer.Option("--crm", help="salesforce, hubspot, or one that your mapping.yaml has.")
    ],
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FOLDER", help="A folder with its files.")
    ] = None,
    api: Annotated[
        bool, typer.Option("--api", help="Ask the service; secrets are in the environment.")
    ] = False,
    url: Annotated[
        str | None, typer.Option(help="Address of the service, if sources.yaml has none.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Policy folder; default that of the home."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace mapping.yaml; the former becomes .bak.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Read your CRM's schema and write mapping.yaml, with the evidence and what is yours to decide."""
    if (export is None) != api:
        raise typer.BadParameter("name one: a folder, or --api", param_hint="--export")
    from mqa_platform.exports import plain
    from mqa_platform.initialise import initialise

    found = initialise(Home.from_environment(), crm, export, policy, url, force)
    if as_json:
        answer = {
            **asdict(found),
            "policy": str(found.policy),
            "rows_waiting": found.rows_waiting,
            "changes_waiting": found.changes_waiting,
        }
        sys.stdout.write(json.dumps(plain(answer), ensure_ascii=False, indent=1) + "\n")
        return
    rows = [
        [o["object"], ", ".join(o["found_in"]), o["rows"], o["fields"], o["lands_as"]]
        for o in found.objects
    ]
    console.table(
        f"{crm}: {len(rows)} objects",
        ["object", "found in", "rows", "fields", "lands as"],
        rows,
        ("rows", "fields"),
    )
    _left_out(found.left_out)
    _decisions(found.decisions, found.rows_waiting, found.changes_waiting)
    for path in found.written:
        console.out.print(f"Written: {path}", markup=False)
    if found.proposed:
        lines = found.diff.splitlines()
        console.out.print("\n".join(lines[:_DIFF]), markup=False)
        if len(lines) > _DIFF:
            console.out.print(f"… and {len(lines) - _DIFF} lines more")
        console.out.print(
            f"Proposed: {found.proposed}; mapping.yaml is as it was. Take over what you want, or use --force.",
            markup=False,
        )
    if not found.written and not found.proposed:
        console.out.print("Nothing to write: mapping.yaml and sources.yaml say all of it.")
    console.out.print("Next: edit mapping.yaml, then mqa policy check, then mqa sources land.")


def _left_out(left_out: dict[str, str]) -> None:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, why in left_out.items():
        by_reason[why].append(name)
    rows = [[", ".join(names), why] for why, names in by_reason.items()]
    if rows:
        console.table("Left out", ["file or object", "because"], rows)


def _decisions(decisions: list[dict[str, Any]], rows_waiting: int, changes: int) -> None:
    if not decisions:
        console.out.print("Nothing is left to decide: every value in use has a meaning.")
        return
    rows = [
        [
            d["object"],
            d["column"],
            d["field"],
            d["value"] or "(the field)",
            d["rows"],
            d["changes"] or "",
            d["why"],
        ]
        for d in decisions[:_SHOWN]
    ]
    more = f", the first {_SHOWN} of {len(decisions)}" if len(decisions) > _SHOWN else ""
    columns = ["object", "our column", "field", "value", "rows", "changes", "because"]
    console.table(f"Your decision{more}", columns, rows, ("rows", "changes"))
    parts = [f"{n:,} {what}" for n, what in ((rows_waiting, "rows"), (changes, "changes")) if n]
    if parts:
        console.out.print(
            f"{' and '.join(parts)} wait: they are quarantined, and counted by value, until "
            "mapping.yaml says what the value means."
        )
