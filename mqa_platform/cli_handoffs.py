"""The command line of handoffs: ``mqa worklist`` and ``mqa handoffs …``.

Belongs here: their options and what they print. Does not belong here: finding the answers
(``handoff_reports``), or changing who has what (``cli_routing``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.home import Home

handoffs = typer.Typer(
    no_args_is_help=True, help="Who has what, for how long, and whether it was answered in time."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
OfRep = Annotated[
    str | None, typer.Option("--rep", metavar="REP", help="Id, name or e-mail address of a rep.")
]
_STATES = ("met", "running", "missed", "stopped")


def add_worklist(app: typer.Typer) -> None:
    """Put the verb into the program, beside the group ``handoffs``."""
    app.command()(worklist)


def worklist(
    rep: Annotated[
        str | None,
        typer.Argument(
            metavar="[REP]", help="Id, name or e-mail address of a rep, or a queue; default all."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What to work next: requests first, then what is due, then the tier, then the heat."""
    from mqa_platform import handoff_reports as reports

    rows = reports.worklist(Home.from_environment(), rep)
    columns = ["rep", "rank", "name", "account_id", "reason", "sla_state", "sla_left_hours", "due_at",
               "tier", "play"]  # fmt: skip
    _shown("Worklist", columns, rows, as_json)


@handoffs.command()
def ageing(
    rep: OfRep = None,
    team: Annotated[str | None, typer.Option(help="A team of the reps.")] = None,
    as_json: AsJson = False,
) -> None:
    """Open handoffs with how long they have waited, in working hours; the oldest first."""
    from mqa_platform import handoff_reports as reports

    rows = reports.ageing(Home.from_environment(), rep, team)
    columns = ["rep", "team", "name", "account_id", "tier", "state", "age_business_hours",
               "sla_left_hours", "due_at"]  # fmt: skip
    _shown("Ageing handoffs", columns, rows, as_json)


@handoffs.command()
def sla(
    by: Annotated[
        str, typer.Option(help="all, rep, team, tier, class (tier or hand_raise) or motion.")
    ] = "all",
    period: Annotated[str, typer.Option(help="all, week or month of delivery.")] = "all",
    as_json: AsJson = False,
) -> None:
    """How often the first touch came in time, with its 95 % interval."""
    from mqa_platform import handoff_reports as reports

    _one_of(by, reports.CUTS, "--by")
    _one_of(period, reports.PERIODS, "--period")
    rows = reports.compliance(Home.from_environment(), by, period)
    columns = ["period", "segment", "n", "met", "breached", "running", "stopped", "rate", "low", "high",
               "median_touch_business_hours"]  # fmt: skip
    _shown("SLA kept", columns, rows, as_json)


@handoffs.command("follow-up")
def follow_up(
    rep: OfRep = None,
    state: Annotated[
        str | None, typer.Option(help="met, running, missed or stopped; default all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What the plays ask for after a handoff, and what was done of it."""
    from mqa_platform import handoff_reports as reports

    if state is not None:
        _one_of(state, _STATES, "--state")
    rows = reports.follow_up(Home.from_environment(), rep, state)
    columns = ["rep", "account_id", "play", "touches", "required_touches", "people", "required_people",
               "due_on", "state"]  # fmt: skip
    _shown("Follow-up", columns, rows, as_json)


def _one_of(word: str, known: Sequence[str], option: str) -> None:
    if word not in known:
        raise typer.BadParameter(f"{word!r} is none of {', '.join(known)}", param_hint=option)


def _shown(title: str, columns: list[str], rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        from mqa_platform.exports import plain

        sys.stdout.write(json.dumps(plain(rows), ensure_ascii=False, indent=1) + "\n")
        return
    listed = [[_cell(row[c]) for c in columns] for row in rows]
    console.table(title, [c.replace("_", " ") for c in columns], listed)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)
