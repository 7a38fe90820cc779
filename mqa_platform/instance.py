"""The Dagster instance of a home: its storage is PostgreSQL, on a laptop as in production.

Belongs here: giving a block of code, and the processes it starts, a Dagster instance. Does not
belong here: the instance's settings (``dagster.yaml``) or the server (``embedded_postgres``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_platform.embedded_postgres import embedded_postgres
from mqa_platform.home import Home

if TYPE_CHECKING:
    from dagster import DagsterInstance

URL_VARIABLE = "DAGSTER_POSTGRES_URL"
_DATABASE = "dagster"
_EVENTS_AT_ONCE = "1000"
_STATEMENT_TIMEOUT_MS = 60_000


@contextmanager
def running_instance(home: Home) -> Iterator[DagsterInstance]:
    """Yield the Dagster instance of ``home``; the environment points child processes to it as well.

    Uses the server that ``DAGSTER_POSTGRES_URL`` names. Without it, the embedded server in
    ``home.postgres`` is started, or shared with the other processes of the home, and stopped when
    the last one leaves.

    Raises:
        EmbeddedServerError: the embedded server cannot be started.
    """
    from dagster import DagsterInstance

    with ExitStack() as stack:
        url = os.environ.get(URL_VARIABLE)
        if not url:
            url = stack.enter_context(embedded_postgres(home.postgres, _DATABASE))
        _write_settings(home.dagster)
        variables = {
            URL_VARIABLE: driver_url(url),
            "DAGSTER_HOME": str(home.dagster),
            "DAGSTER_EVENT_BATCH_SIZE": _EVENTS_AT_ONCE,
        }
        stack.enter_context(_environment(variables))
        instance = stack.enter_context(DagsterInstance.get())
        # By default every event opens a connection of its own: over a range of days and hundreds of checks
        # that is most of a run. The name says webserver; what it does is keep a connection.
        instance.optimize_for_webserver(
            statement_timeout=_STATEMENT_TIMEOUT_MS, pool_recycle=3600, max_overflow=20
        )
        yield instance


def driver_url(url: str) -> str:
    """The URL with the driver named: without it SQLAlchemy's choice depends on its version."""
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        scheme = "postgresql+psycopg2"
    return f"{scheme}{separator}{rest}"


def instance_settings() -> Path:
    """``dagster.yaml`` of the checkout, else the packaged copy of it."""
    package = Path(__file__).parent
    checkout = package.parent / "dagster.yaml"
    is_checkout = (package.parent / "pyproject.toml").is_file() and checkout.is_file()
    return checkout if is_checkout else package / "instance_default.yaml"


def _write_settings(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "dagster.yaml"
    content = instance_settings().read_bytes()
    if not target.exists() or target.read_bytes() != content:
        partial = folder / f".dagster.yaml.{os.getpid()}"
        partial.write_bytes(content)
        partial.replace(target)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a block and put the former values back."""
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
