"""The command line of the write-back: ``mqa crm …``.

Belongs here: its options and what they print. Does not belong here: finding the answers (``crm_reports``), or
writing (``destinations``).
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from mqa_platform import console
from mqa_platform.home import Home

crm = typer.Typer(
    no_args_is_help=True, help="Write the stage of accounts to the CRM, and take it back."
)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_SHOWN = 50


@crm.command()
def diff(as_json: AsJson = False) -> None:
    """Every record and field that a sync would write now; nothing is sent."""
    from mqa_platform import crm_reports as reports

    found = reports.difference(Home.from_environment())
    if as_json:
        _json(found)
        return
    rows = [
        [c["account_id"], c["motion"], ", ".join(c["causes"]), name, _cell(v["before"]), _cell(v["after"])]
        for c in found["changes"][:_SHOWN]
        for name, v in c["fields"].items()
    ]  # fmt: skip
    if rows:
        console.table(
            "Would be written", ["account", "motion", "because of", "field", "from", "to"], rows
        )
    if len(found["changes"]) > _SHOWN:
        _say(f"… and {len(found['changes']) - _SHOWN:,} records more: --json shows all")
    left = ", ".join(f"{n:,} {why}" for why, n in sorted(found["left_out"].items()))
    _say(
        f"{found['changed']:,} of {found['records']:,} records as of {found['as_of']}; "
        f"{found['flips']:,} change their stage" + (f"; left out: {left}" if left else "")
    )
    if found["stopped_by"]:
        _say(f"A sync would write nothing: {found['stopped_by']}")


@crm.command()
def sync(
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Write although the breaker would stop it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write what changed; what is locked or refused goes out again with the next run."""
    from mqa_platform import crm_reports as reports

    _ran(reports.sync(Home.from_environment(), anyway=anyway), as_json)


@crm.command()
def reconcile(
    repair: Annotated[
        bool, typer.Option("--repair", help="The next sync writes what differs anew.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read back what was written and show what differs."""
    from mqa_platform import crm_reports as reports

    found = reports.reconcile(Home.from_environment(), repair=repair)
    if as_json:
        _json(found)
        return
    rows = [
        [d["account_id"], d["field"], _cell(d["ours"]), _cell(d["theirs"])]
        for d in found["differences"][:_SHOWN]
    ]
    if rows:
        console.table("Not as written", ["account", "field", "written", "stands"], rows)
    _say(str(found["reason"]))


@crm.command()
def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run of: mqa crm runs.")],
    as_json: AsJson = False,
) -> None:
    """Write back what stood before a run; syncs pause until: mqa crm resume."""
    from mqa_platform import crm_reports as reports

    _ran(reports.rollback(Home.from_environment(), run), as_json)


@crm.command()
def resume() -> None:
    """End the pause after a rollback; the next sync writes again."""
    from mqa_platform import crm_reports as reports

    ended = reports.resume(Home.from_environment())
    _say("Syncs write again." if ended else "Nothing was paused.")


@crm.command()
def link(as_json: AsJson = False) -> None:
    """Put our key on the CRM's records, where write_back.yaml names a key_field."""
    from mqa_platform import crm_reports as reports

    _ran(reports.link(Home.from_environment()), as_json)


@crm.command()
def runs(as_json: AsJson = False) -> None:
    """Every run and what became of its records, the newest first."""
    from mqa_platform import crm_reports as reports

    found = reports.runs(Home.from_environment())
    if as_json:
        _json(found)
        return
    columns = ["run", "kind", "state", "changed", "sent", "pending", "refused", "calls", "reason"]
    console.table(
        "Runs of the write-back", columns, [[_cell(r[c]) for c in columns] for r in found]
    )


def _ran(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _json(found)
    else:
        _say(
            f"Run {found['run']}: {found['state']}; {found['sent']:,} sent, {found['pending']:,} pending, "
            f"{found['refused']:,} refused in {found['calls']:,} calls"
            + (f". {found['reason']}" if found["reason"] else "")
        )
    if found["state"] != "done" or found["refused"]:
        raise typer.Exit(1)


def _say(text: str) -> None:
    # A reason may hold the CRM's own words, so it is printed as it is.
    console.out.print(console.printable(text), markup=False)


def _json(found: Any) -> None:
    from mqa_platform.exports import plain

    sys.stdout.write(json.dumps(plain(found), ensure_ascii=False, indent=1) + "\n")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
