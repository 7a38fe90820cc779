"""The command line of routing: route simulate, handoffs reassign.

Belongs here: their options and what they print. Does not belong here: doing it (``route_simulation``,
``reassigning``).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_words import day as _day
from mqa_platform.cli_words import print_json as _print
from mqa_platform.home import Home

route = typer.Typer(no_args_is_help=True, help="Who gets a qualified account.")
_SHOWN = 20
_AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def add_routing(app: typer.Typer, handoffs: typer.Typer) -> None:
    """Put the verbs into the program; ``handoffs`` is its group of that name."""
    app.add_typer(route, name="route")
    handoffs.command()(reassign)


@route.callback()
def _route() -> None:
    """Who gets a qualified account."""


@route.command()
def simulate(
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day of the handoffs.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, included.")],
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FOLDER", help="Rules to try; default those in force."),
    ] = None,
    as_json: _AsJson = False,
) -> None:
    """Route the handoffs of some days again: who would have got what. Nothing is written."""
    from mqa_platform.route_simulation import simulate as route_again

    home = Home.from_environment()
    found = route_again(home, _day(first, "--from"), _day(last, "--to"), policy)
    if as_json:
        _print(found)
        return
    console.out.print(
        f"{found['handoffs']} handoffs from {found['from']} to {found['to']}: {found['routed']} routed, "
        f"{found['unrouted']} unrouted, {found['marketing']} without a known person to marketing, "
        f"{found['over_capacity']} above a rep's capacity",
        markup=False,
    )
    rules = [[rule.replace("_", " "), n] for rule, n in found["rules"].items()]
    console.table("By rule", ["rule", "handoffs"], rules, right=("handoffs",))
    _show_load(found["load"])
    _show_moved(found["moved"])
    waiting = [[e["name"], e["cause"], e["remedy"]] for e in found["exceptions"][:_SHOWN]]
    if waiting:
        console.table("Would wait for a rep", ["account", "cause", "remedy"], waiting)


def _show_load(load: list[dict[str, Any]]) -> None:
    by_rep: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in load:
        by_rep[row["rep_id"]].append(row)
    rows = []
    for rep, weeks in sorted(by_rep.items()):
        fullest = max(weeks, key=lambda w: (w["given"], w["week"]))
        limit = fullest["capacity"]
        rows.append(
            [
                weeks[-1]["name"] or rep, sum(w["given"] for w in weeks),
                sum(w["backlog"] for w in weeks), fullest["given"],
                "no limit" if limit is None else limit, sum(w["over"] for w in weeks),
            ]
        )  # fmt: skip
    columns = ["rep", "given", "backlog", "fullest week", "capacity a week", "above it"]
    console.table("Load", columns, rows, right=tuple(columns[1:]))


def _show_moved(moved: list[dict[str, Any]]) -> None:
    if not moved:
        console.out.print("Nobody's accounts would be another's.")
        return
    rows = [[m["name"], m["created_on"], m["from_rep"], m["to_rep"]] for m in moved[:_SHOWN]]
    title = f"{len(moved)} would be another's"
    console.table(title, ["account", "created", "was", "would be"], rows)


def reassign(
    from_rep: Annotated[
        str, typer.Option("--from", metavar="REP", help="Id or name of a rep, or a queue.")
    ],
    to_rep: Annotated[
        str | None, typer.Option("--to", metavar="REP", help="Who gets them; or --by-rules.")
    ] = None,
    by_rules: Annotated[
        bool, typer.Option("--by-rules", help="Route them again, without who gives them.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept and shown.")] = "",
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="DAY",
            help="First day on which those still open go back; new ones go over until then, too.",
        ),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--on", metavar="DAY", help="Default: the last published day.")
    ] = None,
    handoff: Annotated[
        str | None, typer.Option("--handoff", metavar="ID", help="Only this one.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", help="Only the one of this account.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who orders it; default you.")] = "",
    as_json: _AsJson = False,
) -> None:  # fmt: skip
    """Give the open handoffs of a rep to another one, or to whom the rules name."""
    from mqa_platform.reassigning import Move, ReassignmentError
    from mqa_platform.reassigning import reassign as order
    from mqa_platform.runs import run_days

    if by_rules == (to_rep is not None):
        raise ReassignmentError("give one of --to and --by-rules")
    move = Move(
        from_rep=from_rep,
        to_rep=to_rep,
        handoff_id=handoff,
        account=account,
        starts_on=_day(first, "--on") if first else None,
        ends_on=_day(until, "--until") if until else None,
        reason=reason,
        by=by,
    )
    found = order(Home.from_environment(), move, run_days)
    if as_json:
        _print(found)
        return
    moved = [[m["account_id"], m["motion"], m["to_name"] or m["to_rep"]] for m in found["moved"]]
    if moved:
        console.table(f"{len(moved)} went over", ["account", "motion", "to"], moved)
    else:
        console.out.print("No open handoff went over.")
    end = f", back on {found['ends_on']}" if found["ends_on"] else ""
    console.out.print(
        f"From {found['starts_on']}{end}, by {found['by']}: {found['reason']}", markup=False
    )
