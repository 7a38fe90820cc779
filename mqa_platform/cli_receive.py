"""The command line of the receiver: ``mqa receive``.

Belongs here: its options and what it prints. Does not belong here: receiving (``receiver``).
"""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from mqa_platform import console
from mqa_platform.home import Home

PUBLIC_URL = "MQA_PUBLIC_URL"


def receive(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8790,
    host: Annotated[
        str, typer.Option(help="Address to listen on; put a proxy with TLS before any other.")
    ] = "127.0.0.1",
    public_url: Annotated[
        str, typer.Option(help=f"How senders address us; default {PUBLIC_URL}. HubSpot signs it.")
    ] = "",
    endpoint: Annotated[
        list[str] | None,
        typer.Option(help="slack or a received source; default all that have a secret."),
    ] = None,
) -> None:
    """Take signed webhooks and answers from Slack, write them to the inbox, then answer."""
    from mqa_platform.policy.loader import load_policy
    from mqa_platform.receiver.serving import serve
    from mqa_platform.receiver.settings import Settings

    home = Home.from_environment()
    sources = load_policy(home.policy_folder()).sources.sources
    address = public_url or os.environ.get(PUBLIC_URL, "")
    settings = Settings.of(home, sources, os.environ, address, endpoint or ())
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")

    def ready(bound: int) -> None:
        for each in settings.endpoints:
            console.out.print(f"http://{host}:{bound}{each.path} ({each.scheme})", markup=False)
        for name, variable in settings.silent.items():
            console.out.print(f"{name} is not served: {variable} is not set", markup=False)
        console.out.print(f"Kept in {settings.folder} (Ctrl-C ends it)", markup=False)

    serve(settings, host, port, ready)
