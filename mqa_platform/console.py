"""How answers look on a terminal.

Belongs here: tables, progress and wording of the command line. Does not belong here: finding the answers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    from mqa_platform.delivery_demo import Step

_PIPED_WIDTH = 150
out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
err = Console(stderr=True, highlight=False)
STEPS = (
    "landed_batches", "crm_tables", "feeds", "reps", "signals", "sessions", "accounts", "scores", "stages",
    "handoffs", "conversions", "marts_snapshot",
)  # fmt: skip


def table(
    title: str, columns: list[str], rows: list[list[Any]], right: tuple[str, ...] = ()
) -> None:
    """A titled table; every cell is shown as it is, markup in it is text."""
    made = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column in right,
        )
    for row in rows:
        made.add_row(*[escape("" if v is None else printable(str(v))) for v in row])
    out.print(made)


def printable(text: str) -> str:
    """Outside text without what would steer the terminal: control and direction marks become ``�``."""
    return "".join(c if c.isprintable() or c == "\n" else "�" for c in text)


@contextmanager
def stages_progress(quiet: bool) -> Iterator[Any]:
    """A bar over the steps of a run; yields the callback that ``runs`` tells its events to."""
    if quiet:
        yield None
        return
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=err, transient=False,
    )  # fmt: skip
    with bar:
        task = bar.add_task("starting Dagster", total=len(STEPS))

        def tell(event: str, step: str) -> None:
            if event == "STEP_START":
                bar.update(task, description=step.replace("_", " "))
            elif event == "STEP_SUCCESS":
                bar.advance(task)

        yield tell
        bar.update(task, description="done")


@contextmanager
def waiting(title: str, quiet: bool) -> Iterator[None]:
    """A sign that something goes on, for as long as the block takes."""
    if quiet:
        yield
        return
    with err.status(title):
        yield


@contextmanager
def fraction_progress(title: str, quiet: bool) -> Iterator[Any]:
    """A bar from 0 to 1; yields a callback of (what, fraction)."""
    if quiet:
        yield None
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err,
    )
    with bar:
        task = bar.add_task(title, total=1.0)
        yield lambda what, done: bar.update(
            task, description=f"{title}: {what}"[:34], completed=done
        )
        bar.update(task, description=title, completed=1.0)


def receipt(answer: dict[str, Any]) -> None:
    """The explanation of a score as a reader wants it: the sum first, then each component's parts."""
    held = answer["stage"] or "no stage"
    out.print(
        f"[bold]{escape(answer['name'])}[/bold] ({escape(answer['account_id'])}) on {answer['as_of']}: "
        f"score [bold]{answer['engagement_score']}[/bold] of {answer['threshold']} ({answer['tier']}), {held}"
        + (f" since {answer['stage_since']}" if answer["stage_since"] else "")
    )
    fit = answer["fit"]
    score = "-" if fit["fit_score"] is None else f"{fit['fit_score']:.0f}"
    out.print(
        f"Fit {fit['fit_gate']}, grade {fit['fit_grade']} ({score}); missing: {fit['missing_fields'] or 'nothing'}"
    )
    if answer["policy_version"] != answer["current_policy_version"]:
        out.print(
            f"Scored under policy {answer['policy_version']}; today's is {answer['current_policy_version']}."
        )
    if not answer["policy_is_kept"]:
        out.print(
            f"{answer['policy_version']} is no longer kept: the touchpoints below are weighed by the policy "
            "that the day has now, and need not sum to the receipt."
        )
    if answer["validity"] == "degraded":
        out.print(
            f"Degraded by {answer['degraded_by']}: what nobody delivered is missing.", markup=False
        )
    rows = [
        [c["component"], c["raw_points"], c["lost_to_cap"], c["decayed_points"], c["lost_to_ceiling"], c["points"],
         c["touchpoints"], c["people"]]
        for c in answer["components"]
    ]  # fmt: skip
    columns = [
        "component",
        "raw",
        "lost to cap",
        "decayed",
        "lost to ceiling",
        "points",
        "touchpoints",
        "people",
    ]
    table(
        "Receipt",
        columns,
        [*rows, ["sum", "", "", "", "", answer["sum_of_components"], "", ""]],
        tuple(columns[1:]),
    )
    for component in answer["components"]:
        if component["arithmetic"]:
            who = ", ".join(_short(p["person_id"]) for p in component["people_behind"])
            out.print(
                f"{component['component']}: {component['arithmetic']}"
                + (f" ({who})" if who else ""),
                markup=False,
            )
        _parts(component)


def _short(person: str | None) -> str:
    """A person's id short enough for a column; the full one is in --json."""
    if person is None:
        return "unknown"
    return person if len(person) <= 18 else f"{person[:17]}…"


def _parts(component: dict[str, Any], limit: int = 12) -> None:
    parts = sorted(component["evidence"], key=lambda p: -abs(p["contribution"]))
    if not parts:
        return
    rows = [
        [f"{p['occurred_at']:%Y-%m-%d %H:%M}", _short(p["person_id"]), p["page_type"] or p["topic"] or "",
         p["resolution_rule"],
         f"{p['weight']:g}×{p['strength']:.2g}×{p['seniority']:g}×{p['share']:.2g}×{p['match_confidence']:g}",
         f"{p['kept']:.3f}", f"2^(−{p['age_days']}/{p['half_life_days']:g})", f"{p['contribution']:.4f}"]
        for p in parts[:limit]
    ]  # fmt: skip
    columns = ["when", "who", "what", "match", "points", "kept", "decay", "adds"]
    more = f" ({len(parts) - limit} smaller ones not shown)" if len(parts) > limit else ""
    table(
        f"{component['component']}: {len(parts)} touchpoints{more}",
        columns,
        rows,
        ("points", "kept", "adds"),
    )


def qualified_accounts(found: list[dict[str, Any]], limit: int = 25) -> None:
    """The latest handoffs: account, score, why, and the rep who has it."""
    columns = ["account", "tier", "qualified", "score", "of", "why", "evidence", "rep", "status"]
    keys = (
        "name",
        "tier",
        "created_on",
        "score",
        "threshold",
        "why",
        "evidence_rule",
        "rep",
        "status",
    )
    rows = [[f[k] for k in keys] for f in found[:limit]]
    title = f"Marketing-qualified accounts, latest {len(rows)} of {len(found)}"
    table(title, columns, rows, ("score", "of"))


def step(happened: Step) -> None:
    """One step of the demo's loop: when, what, and what proves it."""
    out.print(f"\n{happened.at:%H:%M:%S} {happened.title}", markup=False, style="bold")
    for line in happened.lines:
        out.print(f"  {printable(line)}".rstrip(), markup=False, highlight=False)


def difference(answer: dict[str, Any]) -> None:
    """What changed between two days: both scores, then each component's causes with their sum."""
    before, after = answer["before"], answer["after"]
    out.print(
        f"{answer['name']} ({answer['account_id']}), {answer['motion']}: "
        f"{_scored(before)} → {_scored(after)}, {answer['difference']:+} points",
        markup=False,
    )
    for name in ("stage", "tier", "threshold", "fit_gate", "fit_grade", "policy_version"):
        if before[name] != after[name]:
            out.print(f"{name}: {before[name] or '-'} → {after[name] or '-'}", markup=False)
    rows = [
        [c["component"], c["cause"], f"{c['points']:+}", c["why"], _touched(c["touchpoints"])]
        for c in answer["changes"]
    ]
    table(
        "What changed",
        ["component", "cause", "points", "why", "touchpoints"],
        [*rows, ["sum", "", f"{answer['sum_of_changes']:+}", "", ""]],
        ("points",),
    )
    for gone in answer["touchpoints_that_left"]:
        out.print(f"{gone['signal_id']} left for {gone['now_at'] or 'nobody'}.", markup=False)


def _scored(side: dict[str, Any]) -> str:
    score = "not scored" if side["engagement_score"] is None else side["engagement_score"]
    return f"{side['day']} {score}"


def _touched(found: list[dict[str, Any]], limit: int = 3) -> str:
    told = [
        f"{t['touchpoint_date']} {_short(t['person_id'])} {t['page_type'] or t['topic'] or ''}".strip()
        for t in found[:limit]
    ]
    more = [f"and {len(found) - limit} more"] if len(found) > limit else []
    return ", ".join([*told, *more])
