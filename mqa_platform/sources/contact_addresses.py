"""Addresses of contacts as ad platforms want them: SHA-256, out of the files that hold them in clear.

Belongs here: finding the addresses of given people on disk, and their digest. Does not belong here: who may be
given to an ad platform (``audiences``).

The warehouse holds an address as a key of this installation, which nobody else can compare. An ad platform
compares plain digests, so they are made when they are exported, of the CRM's own records, and are stored
nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path

from mqa_platform.home import Home
from mqa_platform.policy.sources import Sources
from mqa_platform.sources.erasing_texts import opened, read_text
from mqa_platform.sources.globs import expand
from mqa_platform.sources.landed import SourceError
from mqa_platform.sources.personal_key import email_key, forgetting
from mqa_platform.sources.redaction import addresses_in
from mqa_platform.sources.tombstones import Tombstones

_CRM = "crm_export"


def ad_digest(address: str) -> str:
    """SHA-256 of the address, stripped and in lower case: what Google, Meta and LinkedIn compare."""
    return hashlib.sha256(address.strip().lower().encode()).hexdigest()


def digests_of(
    home: Home, sources: Sources, wanted: Collection[str], extra: Path | None = None
) -> dict[str, str]:
    """``email:<key>`` → digest of the address, for those of the wanted people whose address is found.

    Who was erased is never found, whatever a file still says.

    Args:
        home: whose CRM exports and pulled pages are read.
        sources: sources.yaml.
        wanted: references of people.
        extra: one more file with addresses, such as a fresh export.

    Raises:
        SourceError: ``extra`` cannot be read.
    """
    left, found = set(wanted), {}
    with forgetting(Tombstones.of(home).addresses):
        for path in [*([extra] if extra else []), *_files(home, sources)]:
            if not left:
                break
            for address in _addresses(path, required=path == extra):
                ref = f"email:{email_key(address)}"
                if ref in left:
                    found[ref] = ad_digest(address)
                    left.discard(ref)
    return found


def _files(home: Home, sources: Sources) -> Iterator[Path]:
    """The CRM's exports, and what was pulled from its service, newest name first."""
    for source in sources.sources.values():
        if source.connector == _CRM:
            try:
                listed = expand(source, home.root, home.data)
            except SourceError:
                # A folder of reference data that is not there; landing says so, and here it holds nobody.
                continue
            yield from reversed(listed)
    pulled = home.root / "pulled"
    yield from sorted((p for p in pulled.rglob("*") if p.is_file()), reverse=True)


def _addresses(path: Path, *, required: bool) -> Iterator[str]:
    try:
        file = opened(path.read_bytes())
    except OSError as problem:
        if required:
            raise SourceError(path, "cannot be read", "Name a file with addresses.") from problem
        return
    if file is None and required:
        raise SourceError(path, "is no text", "Name a CSV, JSON or Parquet file with addresses.")
    yield from dict.fromkeys(addresses_in(read_text(file) if file else ""))
