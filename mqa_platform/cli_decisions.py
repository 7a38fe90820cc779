"""The command line of what was known: ``mqa decisions`` and ``mqa late``.

Belongs here: their options and what they print. Does not belong here: doing any of it
(``decision_reports``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_words import day_or_none as _day
from mqa_platform.cli_words import print_json as _print
from mqa_platform.home import Home

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def add_verbs(app: typer.Typer) -> None:
    """Put the verbs into the program."""
    app.command()(decisions)
    app.command()(late)


def decisions(
    account: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Id, domain or name of an account.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DAY", help="A day or a moment: what had been decided by then."
        ),
    ] = None,
    drifted: Annotated[
        bool, typer.Option("--drift", help="Those that today's tables say otherwise of, and why.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Every handoff, override and promotion with what was known when it was made."""
    from mqa_platform import decision_reports as reports

    home = Home.from_environment()
    if drifted:
        if as_of is not None:
            raise typer.BadParameter("drift is against today", param_hint="--as-of")
        found = reports.drift(home, account)
        columns = ["account_id", "episode", "known_on", "score_then", "score_now", "stage_then",
                   "stage_now", "qualified_now", "still_qualifies", "cause"]  # fmt: skip
        return _shown("Decisions that today's tables say otherwise of", columns, found, as_json)
    found = reports.decisions(home, account, _moment(as_of))
    columns = ["decided_at", "kind", "account_id", "motion", "episode", "known_on", "score",
               "threshold", "tier", "stage", "rep_id", "reason"]  # fmt: skip
    return _shown("Decisions, with what was known then", columns, found, as_json)


def late(
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day of landing; default all.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last day of landing; default all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What arrived after its day was published, and which entries it came too late for."""
    from mqa_platform.decision_reports import late as find

    answer = find(Home.from_environment(), _day(first, "--from"), _day(last, "--to"))
    if as_json:
        return _print(answer)
    columns = ["source", "landed_on", "signal_date", "days_late", "signals", "outcome"]
    _shown("Late arrivals", columns, answer["arrivals"], False)
    columns = ["account_id", "motion", "to_stage", "episode", "in_time", "entered", "days_late",
               "late_touchpoints"]  # fmt: skip
    _shown("Entries that late data came too late for", columns, answer["entries"], False)
    console.out.print(
        f"{answer['signals']} late signals, {answer['beyond_horizon']} of them beyond the horizon."
    )
    return None


def _shown(title: str, columns: list[str], rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        return _print(rows)
    listed = [["" if row[c] is None else str(row[c]) for c in columns] for row in rows]
    return console.table(title, [c.replace("_", " ") for c in columns], listed)


def _moment(text: str | None) -> datetime | None:
    from mqa_platform.decision_reports import moment

    if text is None:
        return None
    try:
        return moment(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a day such as 2025-09-30 nor a moment", param_hint="--as-of"
        ) from None
