"""The command line of identity: explain-match, merge, unmerge and stitching.

Belongs here: their options and what they print. Does not belong here: doing any of it
(``explain_match``, ``corrections``, ``stitching``).
"""

from __future__ import annotations

from typing import Annotated

import typer

from mqa_platform import console
from mqa_platform.cli_words import day_or_none as _day
from mqa_platform.cli_words import print_json as _print
from mqa_platform.core.corrections import MERGE, SPLIT
from mqa_platform.home import Home

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Ref = Annotated[
    str,
    typer.Argument(metavar="WHO", help="A browser's id, lead:ID, an e-mail address or an account."),
]
Reason = Annotated[str | None, typer.Option("--reason", help="Kept with the correction.")]


def add_verbs(app: typer.Typer) -> None:
    """Put the verbs into the program."""
    app.command(name="explain-match")(explain_match)
    app.command()(unmerge)
    app.command()(merge)
    app.command()(stitching)


def explain_match(
    wanted: Annotated[
        str,
        typer.Argument(metavar="WHAT", help="A signal's id, an e-mail, an IP address or a domain."),
    ],
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAY", help="A day such as 2025-09-30; default the last."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whose a signal is, or would be: the rule that spoke, its evidence, and why the others did not."""
    from mqa_platform.explain_match import explain_match as find

    answer = find(Home.from_environment(), wanted, _day(as_of, "--as-of"))
    if as_json:
        _print(answer)
        return
    for found in answer["answers"]:
        told = found["account_id"] or f"nobody: {found['reason']}"
        console.out.print(
            f"{answer['asked']} on {answer['as_of']}: {told}"
            + (
                f" by {found['resolution_rule']} ({found['evidence']}), "
                f"confidence {found['match_confidence']}, share {found['share']}"
                if found["account_id"]
                else ""
            ),
            markup=False,
        )
    if answer["is_pending"]:
        told = [p.get("account_id") or f"nobody: {p['reason']}" for p in answer["published"]]
        stands = f" The tables still say {', '.join(told)}." if told else ""
        console.out.print(
            f"Something landed since {answer['as_of']} was run: mqa run does it again.{stands}",
            markup=False,
        )
    rows = [[r["rule"], "yes" if r["spoke"] else "no", r["why"]] for r in answer["rules"]]
    console.table("Rules in the policy's order", ["rule", "spoke", "why"], rows)


def unmerge(
    who: Ref,
    onto: Annotated[
        str | None, typer.Option("--from", metavar="WHO", help="Whom to part it from; default all.")
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Take a wrong merge back and run exactly the days that it touches.

    A person who is parted from another one loses the browsers that both have used.
    """
    _corrected(who, onto, SPLIT, reason, as_json)


def merge(
    who: Ref,
    onto: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="WHO",
            help="The person, lead or account it is; default takes back what was unmerged.",
        ),
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Merge what the platform keeps apart, and run exactly the days that it touches.

    Two accounts become the second one for all days, as one company that the CRM has twice.
    """
    _corrected(who, onto, MERGE, reason, as_json)


def _corrected(who: str, onto: str | None, action: str, reason: str | None, as_json: bool) -> None:
    from mqa_platform.core.window import Window
    from mqa_platform.corrections import correct, plain
    from mqa_platform.runs import land_sources, run_days

    def run(home: Home, window: Window | None) -> object:
        return land_sources(home) if window is None else run_days(home, window)

    found = correct(Home.from_environment(), who, onto, action, reason, run)
    if as_json:
        _print(plain(found))
        return
    said = f"{found.action}: {found.kind} {found.ref}" + (f" {found.onto}" if found.onto else "")
    console.out.print(said, markup=False)
    for title, listed in (
        ("days run again", found.days),
        ("days that read differently", found.changed_days),
        ("accounts", found.accounts),
    ):
        text = ", ".join(map(str, listed)) or "none"
        console.out.print(f"{title}: {text}", markup=False)


def stitching(
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day; default all.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last day; default all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What stitching browsers to people added to days that were over when the person was learnt."""
    from mqa_platform.stitching import stitching as find

    home = Home.from_environment()
    answer = find(home, _day(first, "--from"), _day(last, "--to"))
    if as_json:
        _print(answer)
        return
    columns = ["day", "account_id", "as_known_then", "added", "as_known_now"]
    console.table(
        "Shares of signals as known then and now",
        [c.replace("_", " ") for c in columns],
        [[row[c] for c in columns] for row in answer["days"]],
        tuple(c.replace("_", " ") for c in columns[2:]),
    )
    console.out.print(
        f"{answer['added']} of {answer['as_known_now']} shares were learnt afterwards "
        f"({answer['added_share']:.1%}).",
        markup=False,
    )
