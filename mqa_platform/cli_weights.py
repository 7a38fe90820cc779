"""The command line of weights: ``mqa calibrate weights``.

Belongs here: the verb, its options and how weights, lift and half-lives are shown. Does not belong here: computing
them (``weighing``).
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_words import day_or_none, day_scored, print_json
from mqa_platform.home import Home


def add_weighing(calibrating: typer.Typer) -> None:
    """Adds the verb to the group."""
    calibrating.command()(weights)


def weights(
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DAY", help="From what was known on a day; default the last."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """What closed deals say of weights and half-lives, beside those in force; nothing changes by it."""
    from mqa_platform.calibrating import Reading
    from mqa_platform.marts import open_marts
    from mqa_platform.promotions import load_history
    from mqa_platform.weighing import half_life_rows, lift_rows, weighed, weight_rows

    home, asked = Home.from_environment(), day_or_none(as_of, "--as-of")
    with open_marts(home) as marts:
        day = day_scored(asked, marts.last_day(), "--as-of")
        found = weighed(Reading(marts), load_history(home), day)
    told = {"as_of": found.as_of, "motion": found.motion, "policy_version": found.version,
            "first_look": found.first_look, "last_look": found.last_look, "rows": found.rows,
            "winners": found.ranked.winners, "accounts": found.ranked.accounts,
            "p_value": found.ranked.p_value, "weights": weight_rows(found),
            "lift": lift_rows(found), "half_lives": half_life_rows(found)}  # fmt: skip
    if as_json:
        print_json(told)
        return
    _shown(told)


def _between(low: float | None, high: float | None, digits: int) -> str:
    return "" if low is None else f"{low:.{digits}f}–{high:.{digits}f}"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _shown(told: dict[str, Any]) -> None:
    rows = [
        [r["component"], f"{r['weight_now']:g}", f"{r['weight_proposed']:g}",
         _between(r["weight_low"], r["weight_high"], 1), r["status"], r["says"]]
        for r in told["weights"]
    ]  # fmt: skip
    title = f"Weights, as of {told['as_of']}: {told['winners']} accounts won, of {told['accounts']}"
    console.table(title, ["component", "now", "proposed", "95 %", "status", "why"], rows)
    rows = [
        [r["signal"], f"{r['coverage']:.1%}", str(r["winners_with"]), _number(r["lift"], 1),
         _between(r["low"], r["high"], 1), r["verdict"],
         "" if r["overlap"] is None else f"{r['overlaps_with']} {r['overlap']:.0%}"]
        for r in told["lift"]
    ]  # fmt: skip
    heads = ["signal", "coverage", "winners", "lift", "95 %", "verdict", "overlaps with"]
    console.table("Lift, one signal at a time", heads, rows)
    rows = [
        [r["signal"], f"{r['half_life_now']:g}", f"{r['half_life_proposed']:g}",
         _number(r["half_life"], 0), _between(r["low"], r["high"], 0), str(r["opportunities"]),
         r["says"]]
        for r in told["half_lives"]
    ]  # fmt: skip
    heads = ["signal", "now", "proposed", "seen", "95 %", "opportunities", "why"]
    console.table("Half-lives, in days", heads, rows)
    console.out.print(
        "A deal that was won may follow from sales calling whom the score had named: lift is no proof of cause; "
        "a holdout is.", markup=False, soft_wrap=True,
    )  # fmt: skip
