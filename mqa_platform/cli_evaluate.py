"""The command line of evaluations: ``mqa evaluate``.

Belongs here: its verbs, options and how their figures are shown. Does not belong here: computing them
(``evaluation``).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.home import Home

evaluations = typer.Typer(
    no_args_is_help=True, help="How good the answers are, measured against known truth."
)


@evaluations.command()
def identity(
    accounts: Annotated[
        int, typer.Option(min=200, max=100_000, help="Accounts of the synthetic market.")
    ] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Another seed is another market.")] = 11,
    affiliations: Annotated[
        Path | None, typer.Option(help="People with dated employers, JSON; with --commits.")
    ] = None,
    commits: Annotated[
        Path | None, typer.Option(help="Their commits, CSV, plain or gzip; with --affiliations.")
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(help="Names as written, CSV: name, company (an account's name, or empty)."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="One part: openstack, names, bombora or market.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Does every signal find its account: a market, dated employers, company names, an intent export."""
    from mqa_platform.evaluation.identity import PARTS, evaluate_identity

    if only is not None and only not in PARTS:
        raise typer.BadParameter(f"{only!r}: one of {', '.join(PARTS)}", param_hint="--only")

    def tell(step: str) -> None:
        if not as_json:
            console.err.print(f"{step} …", markup=False)

    data = Home.from_environment().data
    parts = (only,) if only else PARTS
    found = evaluate_identity(data, affiliations, commits, accounts, seed, parts, tell, names)
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return
    _shown(found)


@evaluations.command()
def model(
    seeds: Annotated[int, typer.Option(min=1, max=100, help="How many markets.")] = 10,
    accounts: Annotated[
        int, typer.Option(min=200, max=100_000, help="Accounts of each market.")
    ] = 2000,
    world: Annotated[
        str,
        typer.Option(help="committee, single_buyer, no_signal, wrong_icp or noisy_intent."),
    ] = "committee",
    only: Annotated[str | None, typer.Option(help="One part: quality or capacity.")] = None,
    capacity_accounts: Annotated[
        int | None,
        typer.Option(
            min=200,
            max=100_000,
            help="Accounts of each market of the capacity part; default: enough for 35 MQAs a week.",
        ),
    ] = None,
    drift_weeks: Annotated[
        int, typer.Option(min=1, max=52, help="Weeks within which intent falls by half.")
    ] = 26,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Do MQAs find who truly buys, beside MQLs and naive lists; do solved thresholds keep the reps busy."""
    from mqa_platform.evaluation.capacity_markets import enough_accounts
    from mqa_platform.evaluation.model import evaluate_all
    from mqa_platform.market.config import WORLDS

    if world not in WORLDS:
        raise typer.BadParameter(f"{world!r}: one of {', '.join(WORLDS)}", param_hint="--world")
    if only not in (None, "quality", "capacity"):
        raise typer.BadParameter(f"{only!r}: quality or capacity", param_hint="--only")

    def tell(step: str) -> None:
        if not as_json:
            console.err.print(f"{step} …", markup=False)

    of_each = capacity_accounts or enough_accounts(accounts, seeds)
    found = evaluate_all(accounts, seeds, world, only, of_each, drift_weeks, tell)
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return
    from mqa_platform.console_evaluate import shown

    shown(found)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _shown(found: dict[str, Any]) -> None:
    if found["market"]:
        _market(found["market"])
    if found["openstack"]:
        _openstack(found["openstack"])
    if found["names"]:
        _names(found["names"])
    if found["bombora"]:
        b = found["bombora"]
        rows = [[k.replace("_", " "), str(v)] for k, v in b.items()]
        console.table("Intent sample", ["", "rows"], rows)
    for part, why in found["missing"].items():
        console.out.print(f"{part}: not measured, {why}", markup=False)


def _names(n: dict[str, Any]) -> None:
    def row(title: str, counts: dict[str, Any]) -> list[str]:
        said = counts["automatic"]
        shown = (said["precision"], said["near"]["precision"], said["coverage"])
        return [title, f"{counts['asked']:,}", f"{said['matches']:,}",
                *("–" if x is None else f"{100 * x:.2f} %" for x in shown[:2]), _percent(shown[2]),
                _percent(counts["review_share"])]  # fmt: skip

    rows = [row(each["list"], each) for each in n["lists"]] + [row("all", n)]
    heads = ["names", "asked", "automatic", "right", "of near ones", "coverage", "for a person"]
    console.table("Company names", heads, rows)
    for answer in n["wrong"]:
        console.out.print(f"counted as wrong: {answer}", markup=False)
    if n["without"]:
        console.out.print(f"names, without: {', '.join(n['without'])}", markup=False)


def _market(m: dict[str, Any]) -> None:
    known, anonymous = m["known"], m["anonymous"]
    rows = [
        ["known contacts: precision", _percent(known["precision"]), f"{known['answers']:,} signals"],
        ["known contacts: recall", _percent(known["recall"]), f"{known['asked']:,} signals"],
        ["anonymous sessions: precision", _percent(anonymous["precision"]), ""],
        ["anonymous sessions: coverage", _percent(anonymous["coverage"]),
         f"{anonymous['sessions']:,} sessions"],
        *[[f"  {k}", _percent(anonymous[k] / max(anonymous["sessions"], 1)), f"{anonymous[k]:,}"]
          for k in ("matched", "soft", "none", "excluded")],
    ]  # fmt: skip
    title = f"Synthetic market: {m['accounts']:,} accounts, {m['days']} days, seed {m['seed']}, "
    console.table(title + f"{_percent(m['hard_cases'])} hard cases", ["", "share", "of"], rows)


def _openstack(o: dict[str, Any]) -> None:
    speaks, high = o["where_the_domain_speaks"], o["high_confidence"]
    rows = [["platform", _percent(o["coverage"]), _percent(o["wrong_share"])]]
    rows += [
        [f"baseline: {name.replace('_', ' ')}", _percent(b["coverage"]), _percent(b["wrong_share"])]
        for name, b in o["baselines"].items()
    ]
    rows.append(["platform, where the domain speaks", "", _percent(speaks["wrong_share"])])
    title = f"Employers a year stale: {o['signals']:,} commits of {o['people']} people"
    console.table(title, ["", "coverage", "wrong"], rows)
    bands = [
        [f"{b['low']}–{b['high']}", _percent(b["share"]), _percent(b["stated"]),
         _percent(b["observed"])]
        for b in o["bands"]
    ]  # fmt: skip
    bands.append(["below 0.5", _percent(o["below_the_bands"]), "", ""])
    console.table("Confidence", ["band", "share", "stated", "observed"], bands)
    console.out.print(
        f"At 0.9 and above: {_percent(high['coverage'])} of the commits, "
        f"{_percent(high['precision'])} right."
    )
    if o["random_halves"]:
        held = dict(o["random_halves"])
        rows = [[k.replace("_", " "), _percent(v)] for k, v in held.items() if k != "halves"]
        console.table(f"{held['halves']} random halves of the people", ["claim", "holds in"], rows)
    rows = [
        [e["evidence"].replace("_", " "), f"{e['answers']:,}", e["people"], _percent(e["stated"]),
         _percent(e["observed"])]
        for e in o["evidence"]
    ]  # fmt: skip
    console.table("By evidence", ["evidence", "commits", "people", "stated", "observed"], rows)
