"""The command line of the local CRM: ``mqa local-crm``.

Belongs here: its options and what it prints. Does not belong here: the servers (``local_services``).
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from mqa_platform import console
from mqa_platform.home import Home

CRMS: Final = ("salesforce", "hubspot")


def local_crm(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8791,
    crm: Annotated[str, typer.Option(help="salesforce or hubspot.")] = "salesforce",
    records: Annotated[
        Path | None,
        typer.Option(help="Folder of CSV files, one an object; default the inbox's."),
    ] = None,
) -> None:
    """Serve a CRM on this machine: its documented API, and a page to accept or reject on."""
    from mqa_platform.local_services.desks import HubSpotDesk, SalesforceDesk
    from mqa_platform.policy.loader import load_policy

    if crm not in CRMS:
        raise typer.BadParameter(f"{crm!r}: one of {', '.join(CRMS)}", param_hint="--crm")
    home = Home.from_environment()
    write_back = load_policy(home.policy_folder()).write_back
    folder = records or home.inbox / "salesforce"
    if not folder.is_dir():
        raise typer.BadParameter(
            f"{folder} is not there; make a market with mqa demo, or name another folder",
            param_hint="--records",
        )
    told = write_back.answers
    names: dict[str, str] = {}
    if told is not None:
        names = {"status": told.status_field}
        names |= {"reason": told.reason_field} if told.reason_field else {}
    fields = [field for motion in write_back.fields.values() for field in motion.values()]
    server = SalesforceDesk(**names) if crm == "salesforce" else HubSpotDesk(**names)
    found = server.fill(folder, fields)
    try:
        server.start(port)
    except OSError as problem:
        raise typer.BadParameter(f"{port}: {problem.strerror}", param_hint="--port") from None
    # Ended at whatever line it is, because that is how it is meant to end.
    with suppress(KeyboardInterrupt), server:
        console.out.print(f"{server.url} ({crm}; Ctrl-C ends it)", markup=False)
        counts = ", ".join(f"{count} {name}" for name, count in found.items())
        console.out.print(f"{counts} from {folder}", markup=False)
        for name, value in server.environment().items():
            # Made up for this server; there is nothing behind them to be kept secret.
            console.out.print(f"export {name}={value}", markup=False)
        while True:
            time.sleep(1)
