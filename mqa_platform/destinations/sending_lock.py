"""One sender at a time: a lock that ends with the process that holds it.

Belongs here: the lock. Does not belong here: what is sent under it (``outbox``, ``crm_sync``).
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAUSE_SECONDS = 0.2


class OutboxBusyError(Exception):
    """Another process sends from the same outbox; nothing was sent here."""


@contextmanager
def only_sender(outbox: Path, wait_seconds: float = 300) -> Iterator[None]:
    """Holds the right to send from an outbox; whoever dies gives it back.

    Raises:
        OutboxBusyError: another process kept it for ``wait_seconds``.
    """
    place = outbox.with_suffix(".lock")
    place.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    with place.open("a") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise OutboxBusyError(
                        f"{outbox.name} is in use by another process that sends, for "
                        f"{wait_seconds:g} seconds now; what is due is sent by that one or later"
                    ) from None
            time.sleep(_PAUSE_SECONDS)
        yield
