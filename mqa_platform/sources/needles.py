"""What must not stand in a text any more: a person's addresses, keys, names and browsers.

Belongs here: finding them in a text in whatever way they are written, and the text without them. Does not
belong here: how a file becomes text (``erasing_texts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mqa_platform.sources.names import is_email
from mqa_platform.sources.personal_key import base_email
from mqa_platform.sources.redaction import ERASED as GONE
from mqa_platform.sources.redaction import addresses_in
from mqa_platform.warehouse.spellings import any_of, ascii_part, spelled

_ESCAPE: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")


@dataclass(frozen=True)
class Needles:
    """What must not stand in a file: addresses, their keys, names, and ids of browsers.

    Attributes:
        bases: addresses without what follows a plus, normal form; every spelling of them counts.
        texts: keys and names, in any case of letters.
        ids: ids of browsers; they count as whole words only.
    """

    bases: frozenset[str]
    texts: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    @cached_property
    def _quick(self) -> tuple[str, ...]:
        domains = {base.rpartition("@")[2] for base in self.bases}
        return tuple({ascii_part(word) for word in (*domains, *self.texts, *self.ids)})

    @cached_property
    def _texts(self) -> re.Pattern[str]:
        return any_of(self.texts)

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        if not self.ids:
            return None
        listed = "|".join(map(re.escape, sorted(self.ids)))
        return re.compile(rf"(?<![\w-])(?:{listed})(?![\w-])")

    def may_be_in(self, content: bytes) -> bool:
        """Whether it is worth looking; one pass a needle over the bytes."""
        small = content.lower()
        return any(quick.encode() in small for quick in self._quick)

    def in_octets(self, content: bytes) -> bool:
        """Whether an address, key or name stands as it is in the bytes of what is no text."""
        small = content.lower()
        return any(
            word.lower().encode(encoding) in small
            for word in (*self.bases, *self.texts)
            for encoding in ("utf-8", "utf-16-le")
        )

    def addresses(self, text: str) -> set[str]:
        """The person's addresses in a text, as they are written there."""
        found = set(addresses_in(text))
        if "\\u" in text:
            found |= set(addresses_in(_ESCAPE.sub(lambda m: chr(int(m[1], 16)), text)))
        return {address for address in found if base_email(address) in self.bases}

    def hit(self, text: str) -> bool:
        """Whether a text has something of the person in it."""
        small = text.lower()
        if not any(quick in small for quick in self._quick):
            return False
        if self._texts.search(text) or self.addresses(text):
            return True
        return bool(self._words and self._words.search(text))

    def is_theirs(self, values: Iterable[str]) -> bool:
        """Whether one of the values of a record is the person, and nothing else."""
        for value in map(str.strip, values):
            bare = value.lower().removeprefix("email:")
            if bare in self.texts or value in self.ids:
                return True
            if "@" in value and is_email(value) and base_email(value) in self.bases:
                return True
        return False

    def without(self, text: str) -> str:
        """The text with a mark in the place of every needle."""
        for address in sorted(self.addresses(text), key=len, reverse=True):
            text = re.sub(_spelled(address), GONE, text, flags=re.IGNORECASE)
        text = self._texts.sub(GONE, text)
        return self._words.sub(GONE, text) if self._words else text


def _spelled(address: str) -> str:
    """A pattern of the ways in which URLs, JSON and HTML write an address."""
    local, _, domain = address.rpartition("@")
    at = r"(?:@|%(?:25)?40|\\u0040|&#(?:64|x40);)"
    plus = r"(?:\+|%(?:25)?2[bB]|\\u002[bB])"
    return plus.join(spelled(p) for p in local.split("+")) + at + spelled(domain)
