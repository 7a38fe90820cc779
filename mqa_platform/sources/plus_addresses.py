"""Which keys are spellings of one address: what is kept of addresses with a plus.

Belongs here: the note beside landing, key → digest of the address without what follows the plus. Does not
belong here: making keys (``personal_key``), or erasing whom they name (``erased_person``).

A landed row has only the key of ``jane+news@acme.com``, and nothing leads from that of ``jane@acme.com`` to
it. The note is written before the batch: after a kill in between it says more than has landed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mqa_platform.home import Home
from mqa_platform.sources.personal_key import noting_plus

_FILE: Final = "_plus_addresses.jsonl"
_PERSON: Final = "email:"


@dataclass
class PlusAddresses:
    """What a home knows: key → digest of the address, and since when it is noted."""

    bases: dict[str, str] = field(default_factory=dict)
    since: datetime | None = None

    @classmethod
    def of(cls, home: Home) -> PlusAddresses:
        """What has been noted; a line that a kill has cut is no loss, its batch comes again."""
        found = cls()
        path = home.landing / _FILE
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if "since" in told:
                found.since = found.since or datetime.fromisoformat(told["since"])
            else:
                found.bases[told["key"]] = told["address"]
        return found

    @contextmanager
    def noting(self, home: Home, at: datetime) -> Iterator[None]:
        """Notes at its end what was hashed in this block: a delivery that is about to land."""
        with noting_plus() as keys:
            yield
        self._note(home, keys, at)

    def _note(self, home: Home, keys: Mapping[str, str], at: datetime) -> None:
        lines = [] if self.since else [{"since": at.isoformat()}]
        lines += [{"key": k, "address": d} for k, d in keys.items() if k not in self.bases]
        if not lines:
            return
        path = home.landing / _FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            # After a line that was cut, the next one begins anew.
            file.write("".join(f"\n{json.dumps(line)}" for line in lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.since = self.since or at
        self.bases |= keys

    def alike(self, people: Collection[str], digests: Collection[str]) -> set[str]:
        """The person references of every spelling of the addresses of people, and of digests."""
        known = {self.bases.get(ref.removeprefix(_PERSON)) for ref in people}
        wanted = {*known, *digests} - {None}
        return {f"{_PERSON}{key}" for key, digest in self.bases.items() if digest in wanted}
