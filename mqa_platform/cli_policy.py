"""The command line of the policy: ``mqa policy``.

Belongs here: its verbs, their options and what they print. Does not belong here: doing any of it
(``promoting``, ``policy_replay``, ``policy_page``, ``golden``).
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from mqa_platform import console, console_policy
from mqa_platform.cli_words import day as _day
from mqa_platform.cli_words import print_json as _print
from mqa_platform.home import Home

policies = typer.Typer(no_args_is_help=True, help="The policy: what RevOps decides.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Author = Annotated[
    str | None, typer.Option("--author", help="Who wants it; default who started the command.")
]


@policies.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(help="A policy folder; default the policy in force.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name every mistake in a policy folder with file and line, and warn of what is worth a look."""
    from mqa_platform.policy.loader import load_policy, policy_version
    from mqa_platform.policy_warnings import warnings
    from mqa_platform.promotions import folder_now

    home = Home.from_environment()
    policy = load_policy(folder or folder_now(home))
    version, signals = policy_version(policy), len(policy.signals.signals)
    motions = [p.program.motion for p in policy.motions()]
    found, against = warnings(policy, home)
    if as_json:
        _print({"version": version, "signals": signals, "motions": motions,
                "warnings": [asdict(w) for w in found], "against": against})  # fmt: skip
        return
    told = f"version {version}, {signals} signals, motions {', '.join(motions)}"
    console.out.print(f"The policy is valid: {told}.", markup=False)
    for warned in found:
        console.out.print(f"warning: {warned}", markup=False, style="yellow")
    console.out.print(f"{len(found)} warnings, {against}.", markup=False, soft_wrap=True)


@policies.command()
def page(
    folder: Annotated[
        Path | None, typer.Argument(help="A policy folder; default the policy in force.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="md or html.")] = "md",
    target: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; default the screen.")
    ] = None,
) -> None:
    """One page for sales: what we call a marketing-qualified account, out of the policy."""
    from mqa_platform.policy.loader import load_policy, policy_version
    from mqa_platform.policy_page import FORMATS, policy_page
    from mqa_platform.promotions import policy_now

    if form not in FORMATS:
        raise typer.BadParameter(f"{form!r}: one of {', '.join(FORMATS)}", param_hint="--format")
    if folder is None:
        now = policy_now(Home.from_environment())
        policy, version = now.policy, now.version
    else:
        policy = load_policy(folder)
        version = policy_version(policy)
    text = policy_page(policy, version, form)
    if target is None:
        sys.stdout.write(text)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


@policies.command(name="try")
def what_if(
    threshold: Annotated[float, typer.Option(min=0.0001, help="Points.")],
    tier: Annotated[str | None, typer.Option(help="Which tier; default all of them.")] = None,
    motion: Annotated[str | None, typer.Option(help="Which motion; default the leading.")] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="Default 13 weeks before the last.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Default the last published day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What another threshold would do, in one line, from published scores; nothing is run."""
    from mqa_platform.policy_try import sentence, try_threshold

    since = _day(first, "--from") if first else None
    until = _day(last, "--to") if last else None
    points = Decimal(str(threshold))
    found = try_threshold(Home.from_environment(), points, tier, motion, since, until)
    if as_json:
        _print(found)
        return
    console.out.print(sentence(found), markup=False, soft_wrap=True)


@policies.command(name="test")
def golden(
    folder: Annotated[
        Path | None, typer.Argument(help="A policy folder; default the policy in force.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the golden accounts of a policy folder through the stages; exit code 1 if one differs."""
    from mqa_platform.golden_runs import run_golden
    from mqa_platform.promotions import folder_now

    found = run_golden(folder or folder_now(Home.from_environment()))
    if as_json:
        _print({**asdict(found), "passed": not found.differences})
    else:
        for difference in found.differences:
            console.out.print(str(difference), markup=False, style="red")
        wrong = len({d.golden for d in found.differences})
        console.out.print(
            f"{found.accounts - wrong} of {found.accounts} golden accounts as expected under "
            f"{found.version}, {found.expectations} expectations.",
            markup=False,
        )
    if found.differences:
        raise typer.Exit(1)


@policies.command()
def promote(
    folder: Annotated[Path, typer.Argument(help="The policy folder.")],
    effective: Annotated[
        str, typer.Option("--effective", metavar="DAY", help="First day on which it is in force.")
    ],
    rationale: Annotated[str, typer.Option("--rationale", help="Why.")] = "",
    evidence: Annotated[
        str, typer.Option("--evidence", help="What it rests on: a report, a replay, an address.")
    ] = "",
    marketing: Annotated[
        str, typer.Option("--approved-by-marketing", metavar="WHO", help="A name of program.yaml.")
    ] = "",
    sales: Annotated[
        str, typer.Option("--approved-by-sales", metavar="WHO", help="A name of program.yaml.")
    ] = "",
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Put a policy in force from a day on; the published days from it are run again."""
    from mqa_platform.promoting import Approval, this_person
    from mqa_platform.promoting import promote as put_in_force

    approval = Approval(author or this_person(), rationale, evidence, marketing, sales)
    day = _day(effective, "--effective")
    home, run = Home.from_environment(), _again(as_json)
    _told(put_in_force(home, folder, day, approval, _golden, run, _warn), as_json)


@policies.command()
def revert(
    rationale: Annotated[str, typer.Option("--rationale", help="Why.")] = "Taken back.",
    effective: Annotated[
        str | None,
        typer.Option("--effective", metavar="DAY", help="From which day; default the last one."),
    ] = None,
    author: Author = None,
    as_json: AsJson = False,
) -> None:
    """Take the newest promotion back that was not taken back yet."""
    from mqa_platform.promoting import this_person
    from mqa_platform.reverting import revert as take_back

    day = _day(effective, "--effective") if effective else None
    who = author or this_person()
    home, run = Home.from_environment(), _again(as_json)
    _told(take_back(home, day, who, rationale, run, _warn), as_json)


@policies.command()
def log(as_json: AsJson = False) -> None:
    """Which policy was in force when, who wanted it, why, and who approved it."""
    from mqa_platform.promotions import load_history, promotions

    home = Home.from_environment()
    entries = promotions(home)
    history = load_history(home)
    if as_json:
        _print([e.written() for e in entries])
        return
    console_policy.promotions_log(entries, history.entries[-1].version)


@policies.command()
def diff(
    one: Annotated[str, typer.Argument(help="live, a policy folder or a promoted version.")],
    other: Annotated[str, typer.Argument(help="The same.")],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, published.")],
    last: Annotated[str, typer.Option("--to", metavar="DAY", help="Last day, published.")],
    as_json: AsJson = False,
) -> None:
    """Replay two policies into shadow tables: who enters mqa, who leaves it, for whom, how many a week."""
    from mqa_platform.core.window import Window
    from mqa_platform.policy_comparison import policy_diff

    def tell(step: str) -> None:
        if not as_json:
            console.err.print(f"{step} …", markup=False)

    start, end = _day(first, "--from"), _day(last, "--to")
    if end < start:
        raise typer.BadParameter(f"{last} is before {first}", param_hint="--to")
    found = policy_diff(Home.from_environment(), one, other, Window.of(start, end), tell)
    if as_json:
        _print(found)
        return
    console_policy.difference(found)


def _golden(folder: Path) -> list[str]:
    from mqa_platform.golden_runs import failures

    return failures(folder)


def _again(quiet: bool) -> Any:
    from mqa_platform.core.window import Window
    from mqa_platform.runs import run_days

    def run(home: Home, window: Window) -> object:
        with console.stages_progress(quiet) as tell:
            return run_days(home, window, tell)

    return run


def _warn(text: str) -> None:
    console.err.print(f"warning: {text}", markup=False, style="yellow")


def _told(done: Any, as_json: bool) -> None:
    from mqa_platform.policy.changes import readings

    if as_json:
        days = [d.isoformat() for d in done.days]
        _print({**done.entry.written(), "changes": done.changes, "days_run_again": days,
                "not_replayed": readings(done.changes)})  # fmt: skip
        return
    console_policy.promoted(done)
