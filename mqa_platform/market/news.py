"""News about companies: what happens to everyone, and a little more to buyers.

Belongs here: drawing the trigger events. Does not belong here: the feed's files (``vendors``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mqa_platform.market.config import DAY, HOUR, SECOND, MarketConfig
from mqa_platform.market.intent import Episodes
from mqa_platform.market.streams import Ints, stream
from mqa_platform.market.world import Accounts

TRIGGER_TYPES = ("funding_round", "executive_hire", "expansion", "layoffs")


@dataclass(frozen=True)
class News:
    """Equally long columns ordered by publication; ``kind`` indexes TRIGGER_TYPES, episode is −1 for none."""

    account: Ints
    episode: Ints
    kind: Ints
    announced: Ints
    published: Ints

    def __len__(self) -> int:
        """Number of events."""
        return len(self.account)


def drawn_news(config: MarketConfig, accounts: Accounts, episodes: Episodes) -> News:
    """The events of the whole market; one in 4.5 accounts a year is chosen for everyone."""
    rng, n = stream(config, "triggers"), len(accounts)
    usual = np.repeat(np.arange(n), rng.poisson(0.22 * config.days / 365, n))
    causes = np.flatnonzero(episodes.has_trigger)
    day = np.concatenate(
        [
            rng.uniform(0, config.days, len(usual)),
            episodes.start[causes] + rng.uniform(-20, 15, len(causes)),
        ]
    )
    account = np.concatenate([usual, episodes.account[causes]])
    episode = np.concatenate([np.full(len(usual), -1), causes])
    kind = rng.choice(4, len(day), p=(0.35, 0.3, 0.2, 0.15))
    kind = np.where((episode >= 0) & (kind == 3), 1, kind)
    announced = config.start + (day * DAY).astype(np.int64) // SECOND * SECOND
    published = announced + rng.integers(1, 36, len(day)) * HOUR
    order = np.lexsort((account, published))
    order = order[(day[order] >= 0) & (published[order] < config.end)]
    return News(account[order], episode[order], kind[order], announced[order], published[order])
