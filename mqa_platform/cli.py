"""The command line: ``mqa``.

Belongs here: verbs, options and exit codes (0 ok, 1 a check or a run failed, 2 usage or configuration).
Does not belong here: doing any of it; every verb calls one function and shows its answer.
"""

from __future__ import annotations

import signal
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from mqa_platform import cli_decisions, console
from mqa_platform.cli_briefs import add_briefing
from mqa_platform.cli_calibrate import add_calibrating
from mqa_platform.cli_crm import crm
from mqa_platform.cli_delivery import add_delivering
from mqa_platform.cli_evaluate import evaluations
from mqa_platform.cli_experiment import experiment
from mqa_platform.cli_explain import add_explaining
from mqa_platform.cli_handoffs import add_worklist, handoffs
from mqa_platform.cli_identity import add_verbs
from mqa_platform.cli_init import init
from mqa_platform.cli_local_crm import local_crm
from mqa_platform.cli_metrics import metrics
from mqa_platform.cli_overrides import add_overriding
from mqa_platform.cli_policy import policies
from mqa_platform.cli_privacy import erase, privacy
from mqa_platform.cli_receive import receive
from mqa_platform.cli_report import add_reporting
from mqa_platform.cli_routing import add_routing
from mqa_platform.cli_sources import sources
from mqa_platform.cli_words import day_or_none as _day
from mqa_platform.cli_words import print_json as _print
from mqa_platform.exits import exit_code
from mqa_platform.home import Home

app = typer.Typer(
    name="mqa",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Raw go-to-market signals in, marketing-qualified accounts out. MQA_HOME says where (default .mqa).",
)
app.add_typer(policies, name="policy")
app.add_typer(sources, name="sources")
app.add_typer(evaluations, name="evaluate")
app.add_typer(metrics, name="metrics")
app.add_typer(experiment, name="experiment")
app.command()(init)
app.add_typer(privacy, name="privacy")
app.command()(erase)
app.command()(receive)
app.command()(local_crm)
cli_decisions.add_verbs(app)
add_explaining(app)
add_verbs(app)
add_overriding(app)
add_worklist(app)
add_delivering(app)
add_briefing(app)
add_calibrating(app)
add_routing(app, handoffs)
add_reporting(app)
app.add_typer(handoffs, name="handoffs")
app.add_typer(crm, name="crm")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DAY", help="A day such as 2025-09-30; default the last."),
]
Account = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Id, domain or name of an account.")
]


def _run(home: Home, first: date, last: date, policy: Path | None, quiet: bool) -> tuple[Home, Any]:
    from mqa_platform.core.window import Window

    window = Window.of(first, last)
    with console.stages_progress(quiet) as tell:
        if policy is not None:
            from mqa_platform.shadows import run_shadow

            return run_shadow(home, policy, window, tell)
        from mqa_platform.runs import run_days

        return home, run_days(home, window, tell)


@app.command()
def run(
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First day, UTC.")],
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last day; default the first.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="Replay under this policy folder, into a shadow beside the live tables."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run every stage for a range of days, as one Dagster run."""
    start = _day(first, "--from")
    end = _day(last, "--to") or start
    if start is None or end is None or end < start:
        raise typer.BadParameter(f"{last} is before {first}", param_hint="--to")
    home, result = _run(Home.from_environment(), start, end, policy, as_json)
    if as_json:
        _print({"run_id": result.run_id, "home": str(home.root), "changed": result.changed,
                "warnings": result.warnings, "facts": result.facts})  # fmt: skip
        return
    _told(result)
    if policy is not None:
        console.out.print(
            f"The live tables are untouched. Look at the shadow with MQA_HOME={home.root} mqa export scores"
        )


def _told(result: Any) -> None:
    for warning in result.warnings:
        console.out.print(f"warning: {warning}", markup=False, style="yellow")
    for message in [
        m for f in result.facts.values() for k, m in f.items() if k in ("message", "messages")
    ]:
        console.out.print(str(message), markup=False)
    console.out.print(
        f"Run {result.run_id}: " + ("tables changed." if result.changed else "nothing changed.")
    )


@app.command()
def demo(
    accounts: Annotated[
        int, typer.Option(min=200, max=100_000, help="Accounts of the market.")
    ] = 2000,
    days: Annotated[int, typer.Option(min=30, max=730, help="Days of the market.")] = 180,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another market.")] = 7,
    loop: Annotated[
        bool,
        typer.Option(
            "--loop/--no-loop", help="Also take one account to sales and back, in home loop/."
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Make a synthetic market, run all stages through Dagster, show the MQAs, tell sales of one."""
    from mqa_platform import demo as show
    from mqa_platform.core.window import ONE_DAY
    from mqa_platform.market import MarketConfig, generate
    from mqa_platform.program_reports import report_path
    from mqa_platform.runs import calibrate_and_review

    home = Home.from_environment()
    window = show.market_window(home, days)
    config = MarketConfig(accounts=accounts, days=days, seed=seed, starts_on=window.lo)
    with console.fraction_progress("market", as_json) as tell:
        summary = generate(config, home.root, tell)
    _, result = _run(home, window.lo, window.hi - ONE_DAY, None, as_json)
    with console.waiting("the quarter's proposals and the week's review", as_json):
        calibrate_and_review(home)
    report = report_path(home)
    found = show.mqas(home)
    if as_json:
        told = {
            "run_id": result.run_id,
            "changed": result.changed,
            "mqas": found,
            "report": str(report),
        }
        _print(told | ({"loop": _loop(home, as_json)} if loop else {}))
        return
    _told(result)
    console.qualified_accounts(found)
    console.out.print(f"{summary.crm_accounts} CRM accounts, {days} days, {len(found)} MQAs.")
    console.out.print(f"The programme report: {report}", markup=False, soft_wrap=True)
    if found:
        first = found[0]["account_id"]
        console.out.print(
            f"Next: mqa explain {first}  ·  mqa why-not {first}  ·  mqa dev", markup=False
        )
    if loop:
        _loop(home, as_json)


def _loop(home: Home, quiet: bool) -> list[dict[str, Any]]:
    from mqa_platform.delivery_demo import run_loop

    with console.waiting("the loop: a few runs of a small market that ends today", quiet):
        steps = run_loop(home, (lambda _: None) if quiet else console.step)
    return [step.as_dict() for step in steps]


@app.command()
def example(
    name: Annotated[str, typer.Argument(help="web_logs or open_source.")], as_json: AsJson = False
) -> None:
    """Run one of the examples on real data (MQA_DATA, default ../shared/data beside the project)."""
    from mqa_platform.scenarios import run_scenario

    with console.stages_progress(as_json) as tell:
        result = run_scenario(name, Home.from_environment(), tell)
    if as_json:
        _print(result.as_dict())
        return
    for part in result.tables:
        columns = list(part.rows[0]) if part.rows else ["nothing"]
        console.table(part.title, columns, [list(r.values()) for r in part.rows])
    console.out.print(f"The tables are in {result.home.root}", markup=False)


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the UI on 127.0.0.1.")] = 3000,
    receive: Annotated[
        int | None, typer.Option(help="Also take signed webhooks on this port of 127.0.0.1.")
    ] = None,
) -> None:
    """Open the Dagster UI and its daemon on this home's data."""
    from mqa_platform.development import serve

    code = serve(
        Home.from_environment(),
        port,
        lambda url: console.out.print(f"Dagster UI: {url} (Ctrl-C ends it)"),
        receive,
    )
    raise typer.Exit(code)


@app.command()
def export(
    table: Annotated[str, typer.Argument(help="A published table.")],
    form: Annotated[str | None, typer.Option("--format", help="csv, parquet or json.")] = None,
    target: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; default the screen.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Write a published table as CSV, Parquet or JSON."""
    from mqa_platform.exports import FORMATS
    from mqa_platform.exports import export as write

    chosen = form or ("json" if as_json else None)
    if chosen is None:
        chosen = (
            target.suffix.lstrip(".") if target and target.suffix.lstrip(".") in FORMATS else "csv"
        )
    if chosen not in FORMATS:
        raise typer.BadParameter(f"{chosen!r}: one of {', '.join(FORMATS)}", param_hint="--format")
    content = write(Home.from_environment(), table, chosen, target)
    if target is None:
        sys.stdout.buffer.write(content)
    else:
        console.err.print(f"{table}: {len(content):,} bytes in {target}", markup=False)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Look at this installation and say what to do."""
    from mqa_platform.doctor import examine

    found = examine(Home.from_environment())
    if as_json:
        _print([f.__dict__ for f in found])
    else:
        marks = {True: "ok", False: "FAILED", None: "note"}
        rows = [[marks[f.ok], f.check, f.detail, "" if f.ok else f.remedy] for f in found]
        console.table("mqa doctor", ["", "check", "found", "what to do"], rows)
    if any(f.ok is False for f in found):
        raise typer.Exit(1)


def main() -> NoReturn:
    """Entry point: the typed errors of the platform become messages and exit codes."""
    # A terminated command must still stop the servers it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except Exception as problem:
        code = exit_code(problem)
        if code is None:
            raise
        console.err.print(f"mqa: {problem}", markup=False, style="red")
        raise SystemExit(code) from problem
    raise SystemExit(0)


if __name__ == "__main__":
    main()
