"""The command line of delivery: ``mqa deliver`` and ``mqa outbox …``.

Belongs here: their options and what they print. Does not belong here: finding the answers
(``delivery_reports``), or sending (``destinations``).
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_words import print_json
from mqa_platform.home import Home

outbox = typer.Typer(
    invoke_without_command=True,
    help="What was told to other systems, what waits, and what was given up.",
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_STATES = ("pending", "sent", "failed", "dead")
_COLUMNS = (
    "key", "kind", "channel", "rep_id", "state", "attempts", "waits_for", "sent_at", "last_error",
)  # fmt: skip
_SHOWN = 100


def add_delivering(app: typer.Typer) -> None:
    """Put the verb and the group into the program."""
    app.command()(deliver)
    app.add_typer(outbox, name="outbox")


def deliver(as_json: AsJson = False) -> None:
    """Send what is due: young handoffs, updates, reminders, answers, and what changed in the CRM."""
    from mqa_platform.runs import deliver as run

    with console.stages_progress(as_json) as tell:
        result = run(Home.from_environment(), tell)
    facts = result.facts.get("deliveries", {})
    if as_json:
        found = {"run_id": result.run_id, "warnings": result.warnings, "facts": result.facts}
        print_json(found)
        return
    for warning in result.warnings:
        console.out.print(f"warning: {warning}", markup=False, style="yellow")
    console.out.print(_told(facts), markup=False)


def _told(facts: dict[str, Any]) -> str:
    if not facts.get("sends"):
        return f"Nothing was sent: {facts.get('why_not', 'there is nothing to send')}."
    return (
        f"Sent {facts['tried_sent']}, to be tried again {facts['tried_failed']}, given up "
        f"{facts['tried_dead']}, held for another day {facts['held']}."
    )


@outbox.callback()
def listed(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(help=f"{', '.join(_STATES)}; default all but sent.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Messages, the oldest first."""
    if context.invoked_subcommand is not None:
        return
    from mqa_platform import delivery_reports as reports

    if state is not None and state not in _STATES:
        raise typer.BadParameter(f"{state!r} is none of {', '.join(_STATES)}", param_hint="--state")
    home = Home.from_environment()
    rows = reports.messages(home, (state,) if state else ("pending", "failed", "dead"))
    if as_json:
        print_json(rows)
        return
    cells = [[row[c] for c in _COLUMNS] for row in rows[:_SHOWN]]
    console.table("Outbox", [c.replace("_", " ") for c in _COLUMNS], cells)
    if len(rows) > _SHOWN:
        console.out.print(f"… and {len(rows) - _SHOWN:,} more: --json shows all")
    counts = reports.counts(home)
    console.out.print(", ".join(f"{n:,} {name}" for name, n in counts.items()), markup=False)


@outbox.command()
def retry(
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="Key of a message.")] = None,
    all_dead: Annotated[
        bool, typer.Option("--all-dead", help="All that were given up after they were tried.")
    ] = False,
) -> None:
    """Let messages go out again that failed or were given up; the next delivery sends them."""
    from mqa_platform import delivery_reports as reports

    if (key is None) == (not all_dead):
        raise typer.BadParameter("give one KEY, or --all-dead", param_hint="KEY")
    found = reports.retry(Home.from_environment(), key)
    console.out.print(f"{found:,} will be tried again by the next delivery.", markup=False)


@outbox.command()
def drop(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Key of a message.")],
    reason: Annotated[str, typer.Option(help="Why; kept with the message.")],
) -> None:
    """Give a message up that was not sent."""
    from mqa_platform import delivery_reports as reports

    reports.drop(Home.from_environment(), key, reason)
    console.out.print(f"{key} is given up.", markup=False)
