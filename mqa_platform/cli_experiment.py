"""The command line of experiments: ``mqa experiment plan`` and ``mqa experiment result``.

Belongs here: the verbs, their options and how an answer is shown. Does not belong here: the answers
(``experimenting``), or switching an experiment on, which is a change of policy.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_words import day_or_none, print_json
from mqa_platform.home import Home

experiment = typer.Typer(
    help="A share of the accounts that qualify, kept from sales to see what sales adds.",
    no_args_is_help=True,
)
_SHARES = (0.05, 0.1, 0.2, 0.5)
_WEEKS = (13, 26, 52)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_UNKNOWN = "cannot say"


@experiment.command()
def plan(
    share: Annotated[
        float | None,
        typer.Option(
            help="Share to hold out, up to 0.5; several are shown if left out.", min=0.01, max=0.5
        ),
    ] = None,
    lift: Annotated[
        float | None,
        typer.Option(
            help="Lift that has to be noticed, in points: 10 is ten of a hundred.", min=0.1, max=100
        ),
    ] = None,
    baseline: Annotated[
        float | None,
        typer.Option(
            help="Rate of opportunities to plan with, if not the one measured.", min=0.001, max=1
        ),
    ] = None,
    per_week: Annotated[
        float | None,
        typer.Option(
            "--per-week", help="Accounts a week to plan with, if not those measured.", min=0.1
        ),
    ] = None,
    motion: Annotated[str | None, typer.Option(help="Motion; default the leading one.")] = None,
    as_json: AsJson = False,
) -> None:
    """What a holdout could tell at today's volume, before anything is held out."""
    from mqa_platform.core.experiment_power import ALPHA, POWER, weeks_needed
    from mqa_platform.experimenting import today
    from mqa_platform.marts import open_marts
    from mqa_platform.promotions import policy_now

    home = Home.from_environment()
    policy = policy_now(home).policy
    motions = [m.program.motion for m in policy.motions()]
    if motion is not None and motion not in motions:
        raise typer.BadParameter(
            f"no motion {motion!r}; known are {', '.join(motions)}", param_hint="--motion"
        )
    mine = policy.of_motion(motion or motions[0])
    running = mine.routing.experiment
    with open_marts(home) as marts:
        found = today(marts, mine, marts.last_day(), running.tiers if running else ())
    if not as_json:
        _show_start(found)
    rate = found.known_rate if baseline is None else baseline
    if per_week is not None:
        found = dataclasses.replace(found, per_week=per_week)
    shares = [share] if share is not None else list(_SHARES)
    plans = found.plans(rate, shares, _WEEKS)
    waits = [
        {"share": s, "lift": lift / 100, "weeks": weeks_needed(rate, lift / 100, s, found.per_week)
         if rate and lift / 100 <= rate else None}
        for s in shares
    ] if lift is not None else []  # fmt: skip
    if as_json:
        print_json({**dataclasses.asdict(found), "planned_with": rate, "alpha": ALPHA, "power": POWER,
                    "plans": [dataclasses.asdict(p) for p in plans], "needed": waits})  # fmt: skip
        return
    if baseline is not None or per_week is not None:
        known = "an unknown rate" if rate is None else f"{rate:.0%}"
        _line(f"Planned with {found.per_week:g} accounts a week and {known}.")
    rows = [
        [f"{p.share:.0%}", p.weeks, f"{p.held_out:.0f}", f"{p.handed_off:.0f}",
         _UNKNOWN if p.detectable is None else f"{100 * p.detectable:.1f} points"]
        for p in plans
    ]  # fmt: skip
    heads = ["held out", "weeks", "accounts held out", "with sales", "smallest lift noticed"]
    console.table("What it could tell", heads, rows, right=tuple(heads[1:4]))
    for w in waits:
        weeks = (
            "cannot be noticed"
            if w["weeks"] is None
            else f"noticed after {w['weeks']} weeks of drawing"
        )
        _line(f"A lift of {lift:g} points with {w['share']:.0%} held out: {weeks}.")
    _line(
        f"Noticed means in {POWER:.0%} of such experiments, with {ALPHA:.0%} false alarms. Results come "
        f"{found.window_days} days after the last account was drawn."
    )


@experiment.command()
def result(
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DAY", help="What is mature on a day; default the last."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What came of the accounts held out beside those given to sales, with the interval of the difference."""
    from mqa_platform.experimenting import experiment_results
    from mqa_platform.marts import open_marts
    from mqa_platform.promotions import policy_now

    home, asked = Home.from_environment(), day_or_none(as_of, "--as-of")
    with open_marts(home) as marts:
        last = marts.last_day()
        rows = experiment_results(marts, policy_now(home).policy, min(asked or last, last))
    if as_json:
        print_json({"results": rows})
        return
    if not rows:
        _line(
            "No experiment has drawn anything; routing.yaml switches one on, and docs/experiments.md says how."
        )
        return
    whole = [r for r in rows if r["tier"] == "all"]
    heads = ["experiment", "held out", "outcome", "with sales", "held out ", "difference", "95 %"]
    console.table(f"As of {whole[0]['as_of']}", heads, [_row(r) for r in whole])
    for r in whole:
        _line(f"{r['outcome']}: {r['says']}")
    if whole[0]["asked"]:
        _line(
            f"{whole[0]['asked']} of those held out asked to be called and were; they count as held out."
        )


def _row(r: dict[str, Any]) -> list[str]:
    def rate(arm: str) -> str:
        n = r[f"{arm}_n"]
        return f"{r[f'{arm}_hits']} of {n}" + (f" ({r[f'{arm}_rate']:.0%})" if n else "")

    lift, span = _UNKNOWN, ""
    if r["verdict"] != "too_few":
        lift = f"{100 * r['lift']:+.1f} points"
        span = f"{100 * r['lift_low']:+.1f} to {100 * r['lift_high']:+.1f}"
    name = f"{r['experiment']} ({r['motion']})"
    return [
        name,
        f"{r['holdout_share']:.0%}",
        r["outcome"],
        rate("handed_off"),
        rate("held_out"),
        lift,
        span,
    ]


def _show_start(found: Any) -> None:
    low, high = found.interval
    told = f"only {found.mature} are mature: name a --baseline, or wait"
    if found.known_rate is not None:
        told = (
            f"{found.rate:.0%} of {found.mature} come to an opportunity within {found.window_days} days "
            f"({low:.0%} to {high:.0%})"
        )
    _line(
        f"{found.motion}, as of {found.as_of}: {found.per_week:.1f} accounts a week would take part "
        f"(last {found.weeks} weeks); {told}."
    )


def _line(text: str) -> None:
    console.out.print(text, markup=False, soft_wrap=True)
