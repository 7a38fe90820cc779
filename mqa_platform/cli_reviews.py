"""The command line of looking back: ``mqa calibrate drift``, ``backtest`` and ``reviewed``.

Belongs here: their options and how a finding is shown. Does not belong here: finding it (``drifting``,
``backtesting``), or keeping reviews (``threshold_reviews``).
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.cli_words import day_or_none, day_scored, print_json
from mqa_platform.home import Home

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="From what was known on a day; default the last."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def add_reviewing(app: typer.Typer) -> None:
    """Adds the verbs to the group."""
    app.command("drift")(drift)
    app.command("backtest")(backtest)
    app.command("reviewed")(reviewed)


def drift(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Say what of the last week chance does not explain: volume, conversion, matches, scores, signals."""
    from mqa_platform.calibrating import Reading
    from mqa_platform.drifting import watch
    from mqa_platform.marts import open_marts
    from mqa_platform.promotions import load_history
    from mqa_platform.threshold_reviews import ages

    home, asked = Home.from_environment(), day_or_none(as_of, "--as-of")
    history = load_history(home)
    with open_marts(home) as marts:
        day = day_scored(asked, marts.last_day(), "--as-of")
        found = watch(Reading(marts), history, ages(home, history, day), day)
    rows = [r for r in found.rows if r["week"] == found.week]
    if as_json:
        print_json({"as_of": found.as_of, "week": found.week, "checks": rows})
        return
    if not rows:
        console.out.print("No whole week has been scored yet.")
        return
    shown = [[r["check_name"], r["segment"], r["status"], r["says"]] for r in rows]
    title = f"The week of {found.week}: {len(found.alarms)} alarms"
    console.table(title, ["check", "of", "status", "in words"], shown)


def backtest(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Rank past months by the scores of their day, beside what is naive, and say what each was worth."""
    from mqa_platform import backtesting
    from mqa_platform.calibrating import Reading
    from mqa_platform.marts import open_marts
    from mqa_platform.promotions import load_history

    home, asked = Home.from_environment(), day_or_none(as_of, "--as-of")
    with open_marts(home) as marts:
        day = day_scored(asked, marts.last_day(), "--as-of")
        found = backtesting.backtest(Reading(marts), load_history(home), day)
    if as_json:
        print_json({"as_of": found.as_of, "models": found.models, "outcomes": found.outcomes,
                    "leaks": found.leaks})  # fmt: skip
        return
    if not found.days:
        console.out.print("No month has been scored whose outcomes are all known.")
        return
    rows = [[str(r["split_on"]), r["model"], _figure(r), r["says"]] for r in found.models]
    console.table("What past scores were worth", ["day", "model", "lift", "in words"], rows)
    newest = [r for r in found.outcomes if r["scored_on"] == found.days[-1]]
    rows = [[r["band"], str(r["accounts"]), r["says"]] for r in newest]
    console.table(f"Accounts scored on {found.days[-1]}", ["score", "accounts", "since"], rows)
    for r in (r for r in found.leaks if r["is_leak"]):
        words = f"{r['feature']} ({r['split_on']}) is suspected to know the future: {r['says']}"
        console.out.print(words, markup=False, soft_wrap=True)


def reviewed(
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who looked.")],
    rationale: Annotated[str, typer.Option("--rationale", metavar="TEXT", help="Why they stay.")],
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Record that somebody looked at the thresholds in force and that they stay; nothing else changes."""
    from mqa_platform.marts import open_marts
    from mqa_platform.promotions import load_history
    from mqa_platform.threshold_reviews import ReviewRefusedError, record_review

    home, asked = Home.from_environment(), day_or_none(as_of, "--as-of")
    if asked is None:
        with open_marts(home) as marts:
            asked = marts.last_day()
    version = load_history(home).effective_on(asked).version
    try:
        review = record_review(home, asked, by, rationale, version)
    except ReviewRefusedError as refused:
        raise typer.BadParameter(str(refused)) from None
    if as_json:
        print_json({"review_id": review.review_id, "reviewed_on": review.reviewed_on,
                    "reviewed_by": review.reviewed_by, "policy_version": version})  # fmt: skip
        return
    console.out.print(
        f"Review {review.review_id}: the thresholds of policy {version} stay, as of {asked}.",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _figure(row: dict[str, Any]) -> str:
    if row["lift_top_decile"] is None:
        return "—"
    return f"{row['lift_top_decile']:.1f} ({row['lift_low']:.1f}–{row['lift_high']:.1f})"
