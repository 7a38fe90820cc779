"""The command line of decisions by hand: override.

Belongs here: its options and what it prints. Does not belong here: doing it (``overrides``).
"""

from __future__ import annotations

from typing import Annotated

import typer

from mqa_platform import console
from mqa_platform.cli_words import day_or_none as _day
from mqa_platform.cli_words import print_json as _print
from mqa_platform.home import Home


def add_overriding(app: typer.Typer) -> None:
    """Put the verb into the program."""
    app.command()(override)


def override(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="Id, domain or name of an account.")
    ],
    stage: Annotated[str | None, typer.Option("--stage", help="Put it on this rung.")] = None,
    exclude: Annotated[
        bool, typer.Option("--exclude", help="Suppress it: no entry to mqa, no handoff.")
    ] = False,
    snooze: Annotated[
        int | None, typer.Option("--snooze", metavar="DAYS", min=1, help="The same for some days.")
    ] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="End what was decided about it before.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept and shown.")] = "",
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DAY", help="First day on which it holds no longer."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day; default today.")
    ] = None,
    motion: Annotated[
        str | None,
        typer.Option("--motion", help="Default: the leading one for a stage, else all."),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who decides; default you.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Decide about an account by hand, with a reason and an end; the days it is about are run again."""
    from mqa_platform.overrides import Decision, action_of
    from mqa_platform.overrides import override as decide
    from mqa_platform.runs import run_days

    made = Decision(
        action=action_of(stage, exclude, snooze, withdraw),
        stage=stage,
        starts_on=_day(first, "--from"),
        ends_on=_day(until, "--until"),
        days=snooze,
        motion=motion,
        reason=reason,
        by=by,
    )
    found = decide(Home.from_environment(), account, made, run_days)
    if as_json:
        _print(found)
        return
    end = f" until {found['ends_on']}" if found["ends_on"] else ""
    rung = f" {found['stage']}" if found["stage"] else ""
    console.out.print(
        f"{found['name']}: {found['action']}{rung} from {found['starts_on']}{end}, "
        f"by {found['by']}" + (f": {found['reason']}" if found["reason"] else ""),
        markup=False,
    )
    rows = [
        [c["day"], c["motion"], _told(c["before"]), _told(c["after"])] for c in found["changed"]
    ]
    if rows:
        console.table("Days that read differently", ["day", "motion", "before", "after"], rows)
    else:
        console.out.print("No published day reads differently.")


def _told(state: tuple[str, str | None] | None) -> str:
    if state is None:
        return "-"
    stage, suppression = state
    return f"{stage} (suppressed: {suppression})" if suppression else stage
