"""The command line of answers about one account: explain and why-not.

Belongs here: their options and what they print. Does not belong here: finding the answers (``explain``,
``explain_difference``, ``why_not``).
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_words import day_or_none as _day
from mqa_platform.cli_words import print_json as _print
from mqa_platform.home import Home

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="A day such as 2025-09-30; default the last."),
]
Account = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Id, domain or name of an account.")
]
Motion = Annotated[
    str | None, typer.Option("--motion", help="new_business or expansion; default the leading one.")
]


def add_explaining(app: typer.Typer) -> None:
    """Put the verbs into the program."""
    app.command()(explain)
    app.command(name="why-not")(why_not)


def explain(
    account: Account,
    as_of: AsOf = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option("--diff", metavar="DAY DAY", help="What changed between two days, and why."),
    ] = None,
    as_decided: Annotated[
        bool,
        typer.Option(
            "--as-decided", help="With --diff: the first day as it was known when somebody acted."
        ),
    ] = False,
    motion: Motion = None,
    as_json: AsJson = False,
) -> None:
    """The receipt of a score: every component, its touchpoints and their arithmetic."""
    home = Home.from_environment()
    if diff is not None:
        from mqa_platform.explain_difference import explain_difference

        first, second = (_day(text, "--diff") for text in diff)
        if as_of is not None or first is None or second is None or second < first:
            raise typer.BadParameter("two days, the earlier one first", param_hint="--diff")
        change = explain_difference(home, account, first, second, motion, as_decided)
        if as_json:
            _print(change)
        else:
            console.difference(change)
        return
    if as_decided:
        raise typer.BadParameter("goes with --diff", param_hint="--as-decided")
    from mqa_platform.explain import explain as find

    answer = find(home, account, _day(as_of, "--as-of"), motion)
    if as_json:
        _print(answer)
        return
    console.receipt(answer)
    for told in answer["overrides"]:
        console.out.print(f"decided by hand: {decided(told)}", markup=False)


def why_not(
    account: Account, as_of: AsOf = None, motion: Motion = None, as_json: AsJson = False
) -> None:
    """Which rule keeps an account from being an MQA, and what is missing."""
    from mqa_platform.why_not import why_not as find

    answer = find(Home.from_environment(), account, _day(as_of, "--as-of"), motion)
    if as_json:
        _print(answer)
        return
    rows = [
        ["yes" if r["holds"] else "NO", r["rule"], r["detail"], r["missing"]]
        for r in answer["rules"]
    ]
    since = f" since {answer['stage_since']}" if answer["stage_since"] else ""
    console.table(
        f"{answer['name']} on {answer['as_of']}, {answer['motion']}: {answer['stage']}{since}",
        ["holds", "rule", "figures", "missing"],
        rows,
    )
    if answer["is_mqa"]:
        console.out.print("It is in a qualification episode now.")
    for told in answer["overrides"]:
        console.out.print(f"decided by hand: {decided(told)}", markup=False)


def decided(told: dict[str, Any]) -> str:
    """A decision by hand as a sentence."""
    what = f"stage {told['stage']}" if told["stage"] else told["action"]
    end = f" until {told['ends_on']}" if told["ends_on"] else ""
    where = f" in {told['motion']}" if told["motion"] else ""
    return f"{what}{where} from {told['starts_on']}{end}, by {told['by']}: {told['reason']}"
