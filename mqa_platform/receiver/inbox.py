"""Keeping what was received: on disk, whole, and once, before anybody is answered.

Belongs here: the envelope, its name, and writing it so that a kill or a full disk leaves the whole file or
none. Does not belong here: signatures (``signatures``), or reading envelopes (``sources.envelopes``).

The name of a file is a digest of who sent what, so the same delivery again finds itself. No secret is in it:
of a Slack payload the token, and the addresses that stand for a permission, are left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import parse_qs

from mqa_platform.receiver.signatures import SLACK, Scheme

_VERSION: Final = 1
_PARTIAL: Final = ".partial"
# What lets whoever has it act for a while, or for ever; answers go by our own token.
_PERMISSIONS: Final = ("token", "response_url", "trigger_id", "response_urls")


def keep(
    folder: Path,
    source: str,
    scheme: Scheme,
    identity: str,
    body: bytes,
    now: float,
    sync: Callable[[int], None] = os.fsync,
) -> tuple[Path, bool]:
    """Writes what was received below ``folder/<source>/<day>/``; when it returns it is on disk.

    Args:
        folder: ``inbox/received`` of the home.
        source: whose endpoint it came to.
        scheme: how it was signed.
        identity: the sender's id of it; empty if there is none.
        body: as it came, UTF-8.
        now: seconds since 1970; the day is that of UTC.
        sync: makes what was written to a file lasting.

    Returns:
        The file, and whether it is new. What came before, on whatever day, is not written again.

    Raises:
        OSError: it cannot be written; nothing is left of it.
    """
    told, is_json = _told(scheme, body)
    digest = hashlib.sha256("\0".join((source, identity, told)).encode()).hexdigest()
    name = f"{digest}.json"
    place = folder / source
    for known in sorted(place.glob("[0-9]*")) if place.is_dir() else ():
        if (known / name).exists():
            # Perhaps written by a request that is still at it.
            _lasting(known, sync)
            return known / name, False
    at = datetime.fromtimestamp(now, UTC)
    head = {
        "version": _VERSION,
        "source": source,
        "scheme": scheme,
        "id": identity,
        "received_at": at.isoformat(timespec="microseconds"),
    }
    # The body stands in the envelope as it came: what reads the one reads the other.
    content = json.dumps(head, ensure_ascii=False)[:-1]
    content += f', "body": {told}}}\n' if is_json else f', "text": {json.dumps(told)}}}\n'
    day = place / at.date().isoformat()
    _make(folder, day, sync)
    return day / name, _put(day / name, content.encode(), sync)


def sweep(folder: Path) -> int:
    """Removes what a kill has left half written; says how many files that were."""
    left = list(folder.glob(f"*/*/.*{_PARTIAL}"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _put(path: Path, content: bytes, sync: Callable[[int], None]) -> bool:
    """The whole file under its name, or no file; whether it was not there before."""
    # Only the owner may read it (mkstemp); it may name people.
    handle, partial = tempfile.mkstemp(_PARTIAL, f".{path.stem[:16]}", path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            sync(file.fileno())
        try:
            # Unlike a renaming it replaces nothing: of two at once, one is new.
            os.link(partial, path)
            new = True
        except FileExistsError:
            new = False
        except OSError:
            # A file system without links.
            new = not path.exists()
            os.replace(partial, path)
    finally:
        Path(partial).unlink(missing_ok=True)
    _lasting(path.parent, sync)
    return new


def _make(root: Path, day: Path, sync: Callable[[int], None]) -> None:
    """The folders down to a day's; a new one is lasting only once its parent says so."""
    root.mkdir(parents=True, exist_ok=True)
    for folder in (day.parent, day):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
            _lasting(folder.parent, sync)


def _lasting(folder: Path, sync: Callable[[int], None]) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        sync(handle)
    finally:
        os.close(handle)


def _told(scheme: Scheme, body: bytes) -> tuple[str, bool]:
    """What is kept of a body, and whether it is JSON."""
    text = body.decode("utf-8")
    if scheme == SLACK:
        return _without_permissions(text), True
    return text, _document(text) is not None


def _without_permissions(form: str) -> str:
    """Slack's form as JSON: its payload, or its other fields, without what lets somebody act."""
    fields = {name: values[0] for name, values in parse_qs(form, keep_blank_values=True).items()}
    payload = _document(fields.get("payload", ""))
    told = payload[0] if payload and isinstance(payload[0], dict) else fields
    kept = {k: v for k, v in told.items() if k not in _PERMISSIONS}
    # Half a sign, which a name that was cut may end with, has no UTF-8.
    return json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace").decode()


def _document(text: str) -> tuple[Any] | None:
    """The value that a JSON text is; None where it is none that everybody reads alike."""
    try:
        return (json.loads(text, parse_constant=_refused),)
    except (ValueError, RecursionError):
        return None


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
