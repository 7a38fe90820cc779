"""The command line of calibration: ``mqa calibrate``.

Belongs here: the group, proposing thresholds, and how a proposal is shown. Does not belong here: making one
(``calibrating``), or the other verbs of the group.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_reviews import add_reviewing
from mqa_platform.cli_weights import add_weighing
from mqa_platform.cli_words import day_or_none, day_scored, print_json
from mqa_platform.home import Home

SAMPLE = 10


def add_calibrating(app: typer.Typer) -> None:
    """Adds the group; without a verb it proposes thresholds."""
    group = typer.Typer()
    group.callback(invoke_without_command=True)(calibrate)
    add_weighing(group)
    add_reviewing(group)
    app.add_typer(group, name="calibrate")


def calibrate(
    context: typer.Context,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DAY", help="From what was known on a day; default the last."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Propose thresholds from what the reps can take; nothing is in force before it is promoted."""
    if context.invoked_subcommand:
        return
    from mqa_platform.calibrating import Reading, proposal
    from mqa_platform.marts import open_marts
    from mqa_platform.promotions import load_history
    from mqa_platform.proposing import commands, write_proposal

    home, asked = Home.from_environment(), day_or_none(as_of, "--as-of")
    with open_marts(home) as marts:
        reading, day = Reading(marts), day_scored(asked, marts.last_day(), "--as-of")
        found = proposal(reading, load_history(home), day)
        named = reading.rows(found.accounts.order_by("change", "entered_on", "account_id"))
    folder = write_proposal(home, found)
    following = commands(folder, found) if folder else []
    if as_json:
        print_json({"as_of": found.as_of, "motion": found.motion, "status": found.solution.status,
                    "room_per_week": found.solution.room, "volume_now": found.solution.volume_now,
                    "volume_per_week": found.solution.volume,
                    "shortfall_per_week": found.solution.shortfall, "tiers": found.tiers,
                    "curve": found.curve, "accounts": named, "room": _room(found),
                    "folder": str(folder) if folder else None, "commands": following})  # fmt: skip
        return
    _shown(found, named)
    for line in following:
        console.out.print(line, markup=False, soft_wrap=True)
    if folder is None:
        console.out.print(
            "The thresholds in force are the ones proposed; there is nothing to promote."
        )


def _room(found: Any) -> list[dict[str, Any]]:
    return [{"rep_id": r.rep_id, "team": r.team, "week_from": r.week_from, "capacity": r.capacity,
             "absent": r.absent, "open_work": r.open_work, "room": r.room}
            for r in found.room]  # fmt: skip


def _shown(found: Any, named: list[dict[str, Any]]) -> None:
    rows = []
    for r in found.tiers:
        precision = "too few" if r["precision_low"] is None else (
            f"{r['precision']:.0%} ({r['precision_low']:.0%}–{r['precision_high']:.0%})"
        )  # fmt: skip
        rows.append([r["tier"], f"{r['threshold_now']:g}", f"{r['threshold_proposed']:g}",
                     f"{r['threshold_lowest']:g}", f"{r['volume_now']:.1f}",
                     f"{r['volume_per_week']:.1f} ({r['week_low']}–{r['week_high']})", precision,
                     f"{r['entering']} / {r['leaving']}"])  # fmt: skip
    heads = ["tier", "now", "proposed", "floor at", "a week now", "a week then (95 %)"]
    heads += ["precision", "in / out"]
    console.table(f"Thresholds, as of {found.as_of}: {found.solution.status}", heads, rows)
    for r in found.tiers:
        console.out.print(f"{r['tier']}: {r['says']}", markup=False, soft_wrap=True)
    load = found.tiers[0]
    if load["per_rep_quarter"] is not None:
        console.out.print(
            f"{load['per_rep_quarter']:.0f} a rep and quarter, {load['usual']} what is usual; "
            "shown, never aimed at.", markup=False, soft_wrap=True,
        )  # fmt: skip
    for word in ("enters", "leaves"):
        mine = [r["name"] or r["account_id"] for r in named if r["change"] == word]
        if mine:
            more = f" and {len(mine) - SAMPLE} more" if len(mine) > SAMPLE else ""
            console.out.print(f"{word}: {', '.join(mine[:SAMPLE])}{more}", markup=False, soft_wrap=True)  # fmt: skip
