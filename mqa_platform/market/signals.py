"""Web signals as columns: what the website's tracker saw, with the truth riding beside it.

Belongs here: the structure, and turning visits into page views. Does not belong here: who visits
(``behaviour``, ``noise``) and how a row is written (``web_files``).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from mqa_platform.market.config import SECOND
from mqa_platform.market.streams import Ints, ranks_within
from mqa_platform.market.vocabulary import MIX_CUMULATIVE, PAGES

PAGE, DEMO, CONTENT, WEBINAR, AD, IDENTIFY = range(6)
NOISE_KINDS = (
    "", "student", "bot", "passer_by", "careers", "competitor_staff", "own_staff", "curious",
    "mail_scanner", "intent_noise", "mail_gateway", "look_alike",
)  # fmt: skip


@dataclass(frozen=True)
class Signals:
    """Equally long int64 columns.

    ``at`` microseconds; ``kind`` one of the constants above; ``person`` -1 unknown; ``known`` 1
    when the row carries the e-mail; ``page``, ``agent``, ``campaign`` index the vocabulary; truth:
    ``account``, ``episode`` (-1 none) and ``noise`` (index of NOISE_KINDS).
    """

    at: Ints
    kind: Ints
    cookie: Ints
    person: Ints
    known: Ints
    page: Ints
    ip: Ints
    agent: Ints
    campaign: Ints
    account: Ints
    episode: Ints
    noise: Ints

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.at)

    def take(self, rows: Ints) -> Signals:
        """The given rows, in that order."""
        return Signals(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def between(self, lo: int, hi: int) -> Signals:
        """Rows with ``lo <= at < hi``."""
        return self.take(np.flatnonzero((self.at >= lo) & (self.at < hi)))

    def but(self, **columns: Ints) -> Signals:
        """The same rows with some columns replaced."""
        return Signals(**{f.name: columns.get(f.name, getattr(self, f.name)) for f in fields(self)})


def together(parts: list[Signals]) -> Signals:
    """Rows of all parts, one after the other; at least one part is needed."""
    names = [f.name for f in fields(Signals)]
    return Signals(**{k: np.concatenate([getattr(p, k) for p in parts]) for k in names})


def columns(n: int, **given: Ints | int) -> Signals:
    """Rows from the given columns; constants are spread, missing ids are -1, the rest is 0."""
    absent = {"person": -1, "account": -1, "episode": -1}
    full = {
        f.name: np.broadcast_to(np.asarray(given.get(f.name, absent.get(f.name, 0))), (n,)).astype(
            np.int64
        )
        for f in fields(Signals)
    }
    return Signals(**full)


def page_views(
    rng: np.random.Generator, visits: Signals, mix: Ints, mean_pages: float, limit: int = 12
) -> Signals:
    """Spread visits into page views: geometric lengths, pages by mix, a minute or two apart."""
    lengths = np.minimum(rng.geometric(1 / mean_pages, len(visits)), limit)
    rows = np.repeat(np.arange(len(visits)), lengths)
    views = visits.take(rows)
    gap = ranks_within(lengths) * 95 * SECOND + rng.integers(0, 60_000, len(rows)) * 1000
    return views.but(at=views.at + gap, page=pages_by_mix(rng, mix[rows]))


def pages_by_mix(rng: np.random.Generator, mix: Ints) -> Ints:
    """A page for every row, drawn from the row's mix."""
    draw, page = rng.random(len(mix)), np.zeros(len(mix), dtype=np.int64)
    for number in np.unique(mix):
        rows = np.flatnonzero(mix == number)
        page[rows] = np.searchsorted(MIX_CUMULATIVE[number], draw[rows], side="right")
    return np.minimum(page, len(PAGES) - 1)
