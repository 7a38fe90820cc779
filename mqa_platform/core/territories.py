"""Whether a rep's territory holds an account, and how closely it names it.

Belongs here: the words of a territory: countries, named regions, states, postal codes, headcount bands. Does
not belong here: which of several reps gets the account (``routing_steps``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mqa_platform.core import countries

EVERYWHERE: Final = "*"
# How closely a territory names a place: the closest rep who has room comes first.
ANYWHERE, NAMED_REGION, COUNTRY, STATE, POSTAL = range(5)


@dataclass(frozen=True)
class Place:
    """Where an account is and how large: country and region are comparable words, null is not known."""

    country: str | None
    region: str | None
    postal_code: str | None
    employees: int | None


@dataclass(frozen=True)
class Territory:
    """One rep's territory: words of places, beginnings of postal codes, and the band (inclusive)."""

    regions: tuple[str, ...]
    postal_prefixes: tuple[str, ...]
    employees_min: int | None
    employees_max: int | None

    @property
    def is_empty(self) -> bool:
        """Whether it names no place at all."""
        return not self.regions and not self.postal_prefixes


def words(text: str | None) -> tuple[str, ...]:
    """The entries of a list that a person wrote, separated by semicolons or line breaks."""
    parts = (text or "").replace("\n", ";").split(";")
    return tuple(dict.fromkeys(p for p in (part.strip() for part in parts) if p))


def place(
    country: str | None, region: str | None, postal_code: str | None, employees: int | None
) -> Place:
    """An account's place in words that compare."""
    postal = "".join((postal_code or "").split()).upper()
    return Place(_country(country), _word(region), postal or None, employees)


def _word(text: str | None) -> str | None:
    return countries.folded(text or "") or None


def _country(text: str | None) -> str | None:
    word = _word(text)
    return None if word is None else countries.code(word) or word


class Atlas:
    """The named regions of a policy, and what territories reach with them."""

    def __init__(self, regions: Mapping[str, Sequence[str]]) -> None:
        self._regions = {
            countries.folded(name): frozenset(filter(None, map(_country, members)))
            for name, members in regions.items()
        }
        self._tokens: dict[str, tuple[str, str | None]] = {}
        # Many accounts are in one place; their sizes differ.
        self._known: dict[tuple[object, ...], int | None] = {}

    def reach(self, territory: Territory, where: Place) -> int | None:
        """How closely a territory names a place; None where it does not hold it.

        Regions and postal codes both have to hold where a rep has both; the band always has to. An account
        whose size is not known is in the band that begins at nothing.
        """
        if territory.is_empty or not _in_band(territory, where):
            return None
        key = (
            territory.regions, territory.postal_prefixes,
            where.country, where.region, where.postal_code,
        )  # fmt: skip
        if key not in self._known:
            self._known[key] = self._closest(territory, where)
        return self._known[key]

    def _closest(self, territory: Territory, where: Place) -> int | None:
        closest = None
        if territory.regions:
            reached = [self._reach_of(token, where) for token in territory.regions]
            known = [r for r in reached if r is not None]
            if not known:
                return None
            closest = max(known)
        if territory.postal_prefixes:
            if not any(_begins(prefix, where) for prefix in territory.postal_prefixes):
                return None
            closest = POSTAL
        return closest

    def understands(self, token: str) -> bool:
        """Whether a word of a territory is a country, a named region, everywhere, or a state of a country."""
        state = _split(token)[1] is not None
        return token == EVERYWHERE or state or self._meaning(token)[0] != "state"

    def _reach_of(self, token: str, where: Place) -> int | None:
        if token == EVERYWHERE:
            return ANYWHERE
        country, state = _split(token)
        if state is not None:
            same = where.country is not None and _country(country) == where.country
            return STATE if same and where.region == _word(state) else None
        kind, word = self._meaning(token)
        if kind == "region" and where.country in self._regions[word or ""]:
            return NAMED_REGION
        if kind == "country" and where.country == word:
            return COUNTRY
        # A country that no table knows is spelled like this in the CRM as well, or it is a state.
        if kind == "state" and word is not None:
            if where.region == word:
                return STATE
            return COUNTRY if where.country == word else None
        return None

    def _meaning(self, token: str) -> tuple[str, str | None]:
        if token not in self._tokens:
            word = _word(token)
            code = countries.code(token)
            if word in self._regions:
                self._tokens[token] = ("region", word)
            elif code is not None:
                self._tokens[token] = ("country", code)
            else:
                self._tokens[token] = ("state", word)
        return self._tokens[token]


def _split(token: str) -> tuple[str, str | None]:
    """``US: California`` is a state of a country; anything else is one word."""
    country, colon, state = token.partition(":")
    return (country, state) if colon and _word(state) else (token, None)


def _begins(prefix: str, where: Place) -> bool:
    country, beginning = _split(prefix)
    wanted = "".join((beginning if beginning is not None else prefix).split()).upper()
    if not wanted or where.postal_code is None:
        return False
    if beginning is not None and _country(country) != where.country:
        return False
    return where.postal_code.startswith(wanted)


def _in_band(territory: Territory, where: Place) -> bool:
    size = where.employees or 0
    most = territory.employees_max
    return size >= (territory.employees_min or 0) and (most is None or size <= most)
