"""The command line of what sales and marketing take along: ``mqa brief``, ``page``, ``pages``, ``audience``.

Belongs here: their options and what they print. Does not belong here: briefs and pages (``account_pages``,
``reports``) or who is in an audience (``audiences``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.home import Home

FORMS = ("md", "html", "slack")
audience = typer.Typer(no_args_is_help=True, help="Who is in a play, as a file for another system.")
Account = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Id, domain or name of an account.")
]
Motion = Annotated[
    str | None, typer.Option("--motion", help="new_business or expansion; default the leading one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Target = Annotated[
    Path | None, typer.Option("-o", "--output", help="File to write; default the screen.")
]


def add_briefing(app: typer.Typer) -> None:
    """Put the verbs into the program."""
    app.command()(brief)
    app.command()(page)
    app.command()(pages)
    app.add_typer(audience, name="audience")


def brief(
    account: Account,
    form: Annotated[str, typer.Option("--format", help="md, html or slack.")] = "md",
    motion: Motion = None,
    target: Target = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The facts: every sentence with all signals it cites.")
    ] = False,
) -> None:
    """The brief of an account's latest handoff: why now, who, what to say; each sentence with its sources."""
    if form not in FORMS:
        raise typer.BadParameter(f"{form!r}: one of {', '.join(FORMS)}", param_hint="--format")
    from mqa_platform.account_pages import find_brief, write_page

    handoff, facts = find_brief(Home.from_environment(), account, motion)
    text = _json(facts) if as_json else _rendered(form, facts, handoff["evidence_url"])
    if target is None:
        sys.stdout.write(text)
    else:
        write_page(target, text)
        console.err.print(f"{facts['name']}: {target}", markup=False)


def _rendered(form: str, facts: dict[str, Any], url: str | None) -> str:
    if form == "html":
        from mqa_platform.reports.pages import brief_html

        return brief_html(facts, url)
    if form == "slack":
        from mqa_platform.reports.brief_slack import slack_message

        return _json(slack_message(facts, url))
    from mqa_platform.reports.brief_markdown import markdown

    return markdown(facts)


def page(account: Account, target: Target = None, motion: Motion = None) -> None:
    """One account as a self-contained HTML page: score, receipt, committee, timeline, stages, brief."""
    from mqa_platform.account_pages import page_of, write_page

    content = page_of(Home.from_environment(), account, motion)
    if target is None:
        sys.stdout.write(content)
    else:
        write_page(target, content)
        console.err.print(f"{account}: {len(content):,} characters in {target}", markup=False)


def pages(as_json: AsJson = False) -> None:
    """Write the page of every open handoff to reports/accounts, where evidence_url points."""
    from mqa_platform.account_pages import write_pages

    home = Home.from_environment()
    written = list(write_pages(home))
    folder = home.root / "reports" / "accounts"
    if as_json:
        sys.stdout.write(_json({"folder": str(folder), "pages": [p.name for p in written]}))
    else:
        console.out.print(f"{len(written)} pages in {folder}", markup=False)


@audience.callback()
def _verbs() -> None:
    """Keep the verb's name in the command while there is only one."""


@audience.command()
def export(
    play: Annotated[str, typer.Argument(metavar="PLAY", help="A play of plays.yaml.")],
    form: Annotated[str, typer.Option("--format", help="csv.")] = "csv",
    hashed: Annotated[
        bool,
        typer.Option(
            "--hashed", help="People by the SHA-256 of their address, for an ad platform."
        ),
    ] = False,
    motion: Motion = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Every member as an add, for a list that starts anew.")
    ] = False,
    addresses: Annotated[
        Path | None,
        typer.Option("--addresses", help="One more file to look for people's addresses in."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File to write; without it nothing is remembered."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Adds and removes of a play since the last export; whoever may not be contacted is left out."""
    if form != "csv":
        raise typer.BadParameter(f"{form!r}: only csv", param_hint="--format")
    from mqa_platform.audiences import ADD, REMOVE, export_audience
    from mqa_platform.audiences import audience as members

    home = Home.from_environment()
    found = members(home, play, hashed=hashed, motion=motion, whole=whole, addresses=addresses)
    if target is not None:
        export_audience(home, found, target)
    told = {
        "play": found.play, "motion": found.motion, "level": found.level, "members": len(found.now),
        "added": found.count(ADD), "removed": found.count(REMOVE), "left_out": found.left_out,
    }  # fmt: skip
    if as_json:
        sys.stdout.write(_json(told))
        return
    if target is None:
        sys.stdout.buffer.write(found.as_csv())
    out = ", ".join(f"{reason} {n}" for reason, n in found.left_out.items())
    console.err.print(
        f"{play}: {len(found.now)} members, {told['added']} added, {told['removed']} removed"
        + (f"; left out: {out}" if out else ""),
        markup=False,
    )


def _json(answer: Any) -> str:
    from mqa_platform.exports import plain

    return json.dumps(plain(answer), ensure_ascii=False, indent=1) + "\n"
